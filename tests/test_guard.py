"""What a guard says of what plugins raise, and what it refuses of what they return."""

from __future__ import annotations

import errno
import inspect
import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest

import ctk.contract
from ctk.contract import Blend, Blender, DataReader, Metric
from ctk.errors import CtkError, DataError, PluginError, SubmissionError
from ctk.plugins import KINDS, Component, Plugin, Plugins
from ctk.plugins.guard import ContractViolation, Guard, competition_of, metric_of, only_sentences
from ctk.plugins.guard import array_checks as checks
from ctk.plugins.guard.blend_checks import check_blend
from ctk.plugins.guard.model_checks import check_loss
from ctk.plugins.guard.rules import CONTRACTS
from ctk.plugins.guard.sample_checks import check_data
from ctk.plugins.tracebacks import tracebacks_in
from ctk.samples import Data, Gallery, Samples, Targets

TITLE = "The blender 'bad' of plugin 'rogue' (rogue 1.2) "


def guard_of(thing=None, kind="blenders") -> Guard:
    offers = [Component(kind, "bad", thing, "", "rogue", "rogue")]
    return Guard(kind, "bad", Plugins([Plugin("rogue", "rogue", "1.2", "rogue", offers=offers, loaded=True)]))


@pytest.fixture
def log(tmp_path):
    with tracebacks_in(tmp_path / "log.txt"):
        yield tmp_path / "log.txt"


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")


class OutOfMemoryError(RuntimeError):
    """As torch calls its own."""


# What is raised -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("division by zero"), "failed while blending: ZeroDivisionError: division by zero."),
        (RuntimeError(), "failed while blending: RuntimeError."),
        (RuntimeError("\nfirst line.\nsecond"), "failed while blending: RuntimeError: first line."),
        (RuntimeError("x" * 400), f"failed while blending: RuntimeError: {'x' * 300} ...."),
        (Unprintable(), "failed while blending: Unprintable."),
        (SystemExit(3), "called sys.exit(3) while blending."),
        (SystemExit(), "called sys.exit(None) while blending."),
        (MemoryError(), "ran out of memory while blending: MemoryError."),
        (OutOfMemoryError("CUDA"), "ran out of memory while blending: OutOfMemoryError: CUDA."),
        (
            PermissionError(errno.EACCES, "Permission denied", "a.txt"),
            "failed while blending: PermissionError: [Errno ",
        ),
        (ContractViolation("gave a dict"), "gave a dict."),
        (BaseExceptionGroup("several", [KeyError("a")]), "failed while blending: ExceptionGroup: several (1 sub-"),
    ],
)
def test_whatever_is_raised_is_said_in_a_sentence_that_names_the_plugin(log, error, told):
    with pytest.raises(PluginError) as caught, guard_of()("blending"):
        raise error
    assert caught.value.problem.startswith(TITLE + told)
    assert "\n" not in caught.value.problem


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("train.csv, row 3: no number"), CtkError("known")])
def test_ctrl_c_and_errors_that_say_enough_pass(log, error):
    with pytest.raises(type(error)) as caught, guard_of()("blending"):
        raise error
    assert caught.value is error
    assert not log.exists()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EFBIG, "File too large"),
        OSError("40 requested and 2 written"),
        RuntimeError("unexpected pos 576 vs 534"),
    ],
    ids=str,
)
def test_a_full_disk_is_nobodys_fault_in_whichever_words(log, error):
    with pytest.raises(OSError, match=r"No space|File too large"), guard_of()("blending"):
        raise error
    assert not log.exists()


def test_lightnings_answer_to_ctrl_c_is_no_exit_of_a_plugin(log):
    def leaves():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)

    with pytest.raises(KeyboardInterrupt), guard_of()("blending"):
        leaves()


def test_the_traceback_is_kept_where_the_help_says(log):
    def guilty():
        return 1 / 0

    with pytest.raises(PluginError) as caught, guard_of()("blending"):
        guilty()
    assert f"The traceback is in {log}." in caught.value.help
    assert "in guilty" in log.read_text()


def test_a_guard_inside_another_is_the_one_that_speaks(log):
    with (
        pytest.raises(PluginError, match="loss 'bad'"),
        guard_of()("blending"),
        guard_of(kind="losses")("comparing"),
    ):
        raise RuntimeError


@pytest.mark.parametrize("thing", [3, dict, lambda: {}])
def test_what_was_registered_and_is_not_of_its_kind_is_refused(log, thing):
    with pytest.raises(PluginError, match="blender 'bad' of plugin 'rogue'"):
        guard_of(thing).make()


# Out of a worker ------------------------------------------------------------------------------------------------------


class OwnError(CtkError):
    """One that cannot be unpickled."""

    exit_code = 1

    def __init__(self, file, row, column):
        super().__init__(f"{file}, row {row}, column {column}: is wrong.", "Mend it.")


class OwnUsage(PluginError):
    def __init__(self, *, name):
        super().__init__(f"'{name}' is wrong.")


class Sticky(Exception):
    def __reduce__(self):
        raise TypeError("cannot be pickled")


@pytest.mark.parametrize(
    ("error", "kind", "problem"),
    [
        (OwnError("a", 1, 2), CtkError, "a, row 1, column 2: is wrong."),
        (OwnUsage(name="x"), PluginError, "'x' is wrong."),
        (Sticky("gone"), CtkError, "Sticky: gone."),
        (SystemExit(2), CtkError, "SystemExit: 2."),
    ],
)
def test_what_leaves_a_worker_can_be_unpickled_anywhere(tmp_path, error, kind, problem):
    with pytest.raises(CtkError) as caught, only_sentences(tmp_path):
        raise error
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is kind
    assert again.problem == problem


def test_a_traceback_of_before_is_not_taken_for_this_ones(tmp_path):
    with pytest.raises(CtkError), only_sentences(tmp_path):
        raise RuntimeError("the first")
    with only_sentences(tmp_path):
        pass
    assert not (tmp_path / "traceback.txt").exists()


# What is returned -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "row", "told"),
    [
        (None, (2,), "None"),
        ([[1], [1, 2], []], (2,), "rows of different lengths"),
        (np.array([{}, {}, {}]), (2,), r"objects \(dict\)"),
        (np.zeros(3), (2,), r"shape \(3,\), and \(3, 2\) is needed"),
        (np.zeros((2, 2)), (2,), r"shape \(2, 2\), and \(3, 2\)"),
        (np.zeros((3, 1)), (2,), r"shape \(3, 1\)"),
        (np.zeros(3), None, r"shape \(3,\), and \(3, D\)"),
        (5, (1,), r"shape \(\)"),
    ],
)
def test_a_prediction_that_does_not_fit_is_refused_with_both_shapes(value, row, told):
    with pytest.raises(ContractViolation, match=told):
        checks.check_prediction(value, 3, row)


@pytest.mark.parametrize(
    ("value", "row", "shape"),
    [
        (np.zeros(3), (), (3, 1)),
        (np.zeros(3), (1,), (3, 1)),
        (np.zeros((3, 1)), (), (3, 1)),
        (np.zeros((3, 6)), (2, 3), (3, 6)),
        (np.zeros((3, 2, 3)), (2, 3), (3, 2, 3)),
        (np.zeros((3, 7)), None, (3, 7)),
        ([[1, 2]] * 3, (2,), (3, 2)),
    ],
)
def test_a_prediction_that_fits_has_a_row_a_sample(value, row, shape):
    assert checks.check_prediction(value, 3, row).shape == shape


def test_the_sample_with_a_prediction_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setattr("ctk.plugins.guard.array_checks.BLOCK", 10)
    predicted = np.zeros((100, 3), np.float32)
    checks.require_finite(predicted, np.arange(100))
    predicted[57, 1] = np.inf
    with pytest.raises(ContractViolation, match="inf for sample 1057"):
        checks.require_finite(predicted, Samples(np.arange(1000, 1100), {}))


@pytest.mark.parametrize("value", [None, "0.5", [0.5], np.ones(1), 1j, {}])
def test_a_score_that_is_not_one_number_is_refused(value):
    with pytest.raises(ContractViolation, match="one number is needed"):
        checks.to_number(value, "scored")


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array(0.5)])
def test_a_score_may_be_of_any_library(value):
    assert checks.to_number(value, "scored") == 0.5
    assert type(checks.to_number(value, "scored")) is float


@pytest.mark.parametrize("value", [3, "best", [3], [{"epoch": "first"}], [{"epoch": None}]])
def test_a_curve_that_is_not_numbers_by_epoch_is_refused(value):
    with pytest.raises(ContractViolation, match="curve"):
        checks.check_curve(value)


@pytest.mark.parametrize(
    "blend",
    [
        None,
        Blend({}),
        Blend({"a": 0.0, "b": 0.0}),
        Blend({"c": 1.0}),
        Blend({"a": float("inf")}),
        Blend({"a": None}),
        Blend({"a": 1.0}, score="good"),
        Blend({"a": 1.0}, column_groups=["x"], group_of_column=[0, 1], by_group={"a": [1.0]}),
        Blend({"a": 1.0}, column_groups=["x"], group_of_column=[0, 0], by_group={"a": [1.0, 2.0]}),
        Blend({"a": 1.0}, column_groups=["x"], group_of_column=[0, 0], by_group={"b": [1.0]}),
    ],
)
def test_a_blend_that_cannot_be_applied_is_refused(blend):
    with pytest.raises(ContractViolation):
        check_blend(blend, ["a", "b"])


def test_a_blend_may_leave_members_out_and_weigh_below_zero():
    blend = Blend({"a": -0.5}, score=None)
    assert check_blend(blend, ["a", "b"]) is blend


def test_a_loss_is_one_number_with_a_gradient():
    import torch

    weight = torch.ones(3, requires_grad=True)
    assert check_loss(weight.sum(), {}).item() == 3
    for wrong in (weight * 2, weight.sum().detach(), 3.0, None):
        with pytest.raises(ContractViolation):
            check_loss(wrong, {})


def test_a_metric_scores_with_one_number_whoever_asks(log, monkeypatch):
    scores = iter([np.float32(0.5), np.ones(2), float("nan"), float("nan")])
    bad = Metric("bad", "max", lambda prediction, samples: next(scores))
    monkeypatch.setattr("ctk.plugins.guard.lookup.Guard", lambda kind, name: guard_of(bad, kind))
    metric = metric_of("bad")
    samples = Samples(np.arange(2), {}, target=np.array([1.0, np.nan]))
    assert metric.score(np.ones(2), samples) == 0.5
    with pytest.raises(PluginError, match=r"metric 'bad' of plugin 'rogue' .* scored an array of shape \(2,\)"):
        metric.score(np.ones(2), samples)
    assert np.isnan(metric.score(np.ones(2), samples))  # an epoch may have no score
    with pytest.raises(PluginError, match="target of these samples"):
        metric.decide(np.ones(2), samples)


# What a data reader made ----------------------------------------------------------------------------------------------


def samples(**changes) -> Samples:
    good = Samples(
        ids=np.arange(4),
        features={"x": np.zeros((4, 3), np.float32)},
        target=np.zeros((4, 2)),
        groups={"scene": np.arange(4)},
        notes={"text": np.array(list("abcd"))},
        constants={"mean": np.zeros(3)},
        targets=Targets(np.array(["a", "b"]), np.array(["g", "g"])),
    )
    return replace(good, **changes)


def retrieval(**changes) -> Samples:
    gallery = Gallery(np.zeros((2, 5), np.float32), np.array(["dog", "cat"]))
    return samples(**{"targets": None, "gallery": gallery, "target": np.array([0, 1, 1, 0])} | changes)


def data(train, tmp_path) -> Data:
    return Data(train, replace(train, target=None), tmp_path, "four samples", train)


@pytest.mark.parametrize("good", [samples(), retrieval(), samples(target=np.zeros(4), targets=None)])
def test_samples_that_fit_together_pass_in_memory_and_on_disk(tmp_path, good):
    check_data(data(good, tmp_path))
    data(good, tmp_path).save(tmp_path / "place")
    check_data(Data.open(tmp_path / "place", tmp_path, None))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (samples(ids=[0, 1, 2, 3]), "ids as a list"),
        (samples(ids=np.arange(4.0)), "ids of type float64"),
        (samples(ids=np.arange(4).reshape(2, 2)), r"shape \(2, 2\)"),
        (samples(ids=np.array([4, 7, 1, 7])), "two have the id 7"),
        (samples(ids=np.array(["b", "a", "a", "c"])), "two have the id a"),
        (samples(ids=np.array([1, 2, 2**63, 4], np.uint64)), "one has an id beyond int64, number 2"),
        (samples(features={"x": np.zeros((3, 3))}), r"feature 'x' of shape \(3, 3\) for 4 ids"),
        (samples(features={"x": np.array([None] * 4)}), "feature 'x' of type object"),
        (samples(features={"x": [1, 2, 3, 4]}), "feature 'x' as a list"),
        (samples(target=None), "without a target"),
        (samples(target=np.zeros((5, 2))), "target of shape"),
        (samples(target=np.zeros((4, 3))), "3 columns, 2 names"),
        (samples(groups={"scene": np.zeros(4)}), "group 'scene' of type float64"),
        (samples(groups={"scene": np.zeros((4, 1), int)}), r"group 'scene' of shape \(4, 1\)"),
        (samples(notes={"text": np.zeros(4)}), "note 'text' of type float64"),
        (samples(constants={"mean": [1, 2]}), "constant 'mean' as a list"),
        (retrieval(target=np.array([0, 1, 2, 0])), "sample 2 with target 2, and the gallery has 2 rows"),
        (retrieval(target=np.array([0, -1, 1, 0])), "sample 1 with target -1"),
        (retrieval(target=np.array([0.0, 1, 1, 0])), "a train target of float64"),
        (retrieval(gallery=Gallery(np.zeros((2, 5)), np.array(["dog"]))), r"names \(1,\)"),
        (retrieval(gallery=Gallery(np.array([[0.0], [np.nan]]), np.array(["dog", "cat"]))), r"cat \(row 1\)"),
    ],
)
def test_samples_that_do_not_fit_together_are_refused_with_the_array(tmp_path, wrong, told):
    with pytest.raises(ContractViolation, match=told):
        check_data(data(wrong, tmp_path))


def test_truth_of_other_samples_is_refused(tmp_path):
    good = data(samples(), tmp_path)
    with pytest.raises(ContractViolation, match="truth samples whose ids"):
        check_data(replace(good, truth=samples(ids=np.arange(1, 5))))


def test_an_id_twice_is_found_across_parts_that_rise(tmp_path, monkeypatch):
    monkeypatch.setattr("ctk.plugins.guard.array_checks.BLOCK", 10)
    ids = np.arange(40)
    wide = {"features": {}, "groups": {}, "notes": {}, "target": np.zeros((40, 2))}
    check_data(data(samples(ids=ids, **wide), tmp_path))
    check_data(data(samples(ids=ids[::-1].copy(), **wide), tmp_path))
    ids = np.concatenate([np.arange(10), np.arange(9, 39)])
    with pytest.raises(ContractViolation, match="two have the id 9"):
        check_data(data(samples(ids=ids, **wide), tmp_path))


class Prepares(DataReader):
    """Writes what it is told to."""

    def __init__(self, write):
        self.write = write

    def prepare(self, folder, place, progress):
        self.write(place)

    def describe(self, folder):
        return []


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda place: None, "prepared no train samples"),
        (lambda place: samples().save(place / "train"), "prepared no test samples"),
        (lambda place: [samples().save(place / name) for name in ("train", "test")], "prepared no about.json"),
        (lambda place: data(samples(ids=np.zeros(4, int)), place).save(place), "two have the id 0"),
    ],
)
def test_what_a_reader_prepared_wrongly_is_thrown_away(tmp_path, log, write, told):
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(PluginError, match=f"data reader 'bad' .* {told}"):
        guard_of(kind="data").wrap(Prepares(write)).prepare(tmp_path, place, lambda *told: None)
    assert not place.exists()


# The tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind, contract in CONTRACTS.items() if contract.base is not None])
def test_every_public_method_of_a_contract_class_has_a_row(kind):
    base, rules = CONTRACTS[kind].base, CONTRACTS[kind].rules
    methods = {name for name, _ in inspect.getmembers(base, inspect.isfunction) if not name.startswith("_")}
    fields = {name for name, annotation in inspect.get_annotations(base).items() if "Callable" in str(annotation)}
    of_the_core = {Blender: {"say"}, Metric: {"merit", "score_or_nan"}}.get(base, set())
    assert (methods | fields) - of_the_core <= rules.keys()


def test_every_kind_and_every_contract_class_has_a_table():
    bases = {contract.base for contract in CONTRACTS.values()}
    classes = {each for each in vars(ctk.contract).values() if inspect.isclass(each) and inspect.isabstract(each)}
    assert CONTRACTS.keys() == KINDS.keys()
    assert classes <= bases


def test_what_is_wrapped_is_of_its_contract_and_has_the_components_own_attributes():
    class Own(Blender):
        needs_oof = False
        rounds = 7

        def fit(self, oof, samples, metric):
            return Blend(dict.fromkeys(oof, 1.0))

    wrapped = guard_of().wrap(Own())
    assert isinstance(wrapped, Blender)
    assert (wrapped.needs_oof, wrapped.rounds) == (False, 7)
    assert wrapped.fit({"a": np.ones(2)}, samples(), None).weights == {"a": 1.0}


def test_what_a_component_inherits_calls_guarded_methods(log):
    class Own(DataReader):
        def read(self, folder):
            return {}

        def describe(self, folder):
            return []

    with pytest.raises(PluginError, match=r"data reader 'bad' .* read a dict, and a ctk\.samples\.Data is needed"):
        guard_of(kind="data").wrap(Own()).prepare(log.parent, log.parent / "place", lambda *told: None)
    assert not (log.parent / "place").exists()


def test_a_file_whose_score_is_not_finite_is_told_and_not_its_competition(monkeypatch, tmp_path):
    competition = competition_of("leap-climsim")
    monkeypatch.setattr(type(competition.own), "score_file", lambda self, path, truth: {"r2": -np.inf, "other": np.nan})
    with pytest.raises(SubmissionError, match=f"^{tmp_path}: its r2 is -inf: some numbers are too large to be scored"):
        competition.score_file(tmp_path, tmp_path)
