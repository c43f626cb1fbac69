"""One run for a whole workflow: members learn from sets of their own, filters ask fitted members, blends have names."""

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from ctk.runs import Run
from ctk.testing import toy
from ctk.testing.toy.toy_samples import make_toy_samples

PLUGIN = '''
import time
from pathlib import Path
import numpy as np
from ctk import hookimpl
from ctk.contract import Filter, Model

def did(what):
    with Path("diary").open("a") as file:
        file.write(what + "\\n")

class Counter(Model):
    """Predicts how many rows it learned from, and its seed."""
    curve = []
    def fit(self, train, valid, context):
        if Path("fail").exists() and context.seed == 9:
            raise ValueError("not yet")
        did(f"fit {len(train)}")
        self.told = [len(train), context.seed]
    def predict(self, samples): return np.tile(np.float32(self.told), (len(samples), 1))
    def save(self, folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "told.txt").write_text("{} {}".format(*self.told))
    def load(self, folder, samples, device="auto"):
        self.told = [int(each) for each in (Path(folder) / "told.txt").read_text().split()]

class Odd(Filter):
    def score(self, samples, context):
        did("odd")
        return np.arange(len(samples)) % 2
    def keep(self, scores): return scores > 0

class Ask(Filter):
    """Scores are what the member that it asks predicts; keeps the first five rows."""
    def score(self, samples, context):
        did("ask")
        while Path("wait").exists():
            Path("waiting").touch()
            time.sleep(0.02)
        return context.fit({"model": "ridge"}, samples, samples).sum(1)
    def keep(self, scores): return np.arange(len(scores)) < 5

@hookimpl
def ctk_register_models(register): register("counter", Counter)
@hookimpl
def ctk_register_filters(register):
    register("odd", Odd)
    register("ask", Ask)
'''
MEMBERS = (
    "{name: whole, model: counter, seeds: [3, 4], filters: [], blend: false}",
    "{name: odd, model: counter, seeds: [5, 6], filters: [odd]}",
    "{name: asked, model: counter, seeds: [9], filters: ask}",
    "{name: both, model: counter, seeds: [7]}",
)
BLENDS = "{two: {name: mean, members: [odd/seed-6, asked]}, baseline: {name: mean, members: whole}}"
LINE = (
    "run", "toy-regression", f"-omembers=[{', '.join(MEMBERS)}]", "-ofilters=[odd, {name: ask, member: whole/seed-4}]",
    f"-oblends={BLENDS}", "-oblend=two", "-oexecutor={name: serial, threads: 1}", "-otrackers=[]",
)  # fmt: skip


@pytest.fixture
def work(ctk_home) -> Path:
    """The current folder, with the toy competition and the counters as one-file plugins."""
    plugins = ctk_home.work / "ctk_plugins"
    plugins.mkdir()
    shutil.copy(toy.__file__, plugins / "toy.py")
    (plugins / "counters.py").write_text(PLUGIN)
    return ctk_home.work


def run_named(home, name) -> Run:
    return Run(next(home.runs.glob(f"toy-regression/*-{name}")))


def test_value(run: Run, key: str) -> list[float]:
    return np.load(run.folder / "members" / key / "fold-0" / "test" / "values.npy")[0].tolist()


test_value.__test__ = False


def rows_of_submission(path: Path) -> np.ndarray:
    return np.array([line.split(",")[1:] for line in path.read_text().splitlines()[1:]], dtype=float)


def test_one_run_filters_by_member_asks_a_fitted_member_and_blends_under_several_names(ctk, ctk_home, work):
    ctk(*LINE, "--name", "one", code=0)
    run = run_named(ctk_home, "one")
    train = len(make_toy_samples("toy-regression")[0])
    learned = test_value(run, "whole/seed-3")[0]  # three quarters of the rows, the others are validated

    assert learned == 0.75 * train
    assert test_value(run, "odd/seed-5")[0] < learned
    assert test_value(run, "asked/seed-9")[0] <= 5  # of the first five rows
    assert test_value(run, "both/seed-7")[0] <= 5

    # The filter's scores are the fitted member's predictions, its own baseline was never fitted.
    scores = np.load(run.folder / "filters" / "ask" / "scores.npy")
    assert (scores == learned + 4).all()
    assert len(scores) == train
    assert len(np.load(run.folder / "filters" / "2-ask" / "scores.npy")) == train // 2  # behind the other filter
    assert not list(run.folder.glob("filters/*/baseline-*"))
    assert (work / "diary").read_text().count("odd") == 1  # for one member alone and for another before its second

    two = np.mean([test_value(run, "odd/seed-6"), test_value(run, "asked/seed-9")], axis=0)
    for path in ("submission.csv", "blends/two/submission.csv"):
        assert (rows_of_submission(run.folder / path) == two).all()
    assert (rows_of_submission(run.folder / "blends" / "baseline" / "submission.csv")[0] == [learned, 3.5]).all()
    assert run.scores()["blends"].keys() == {"two", "baseline"}
    ctk("blend", "one", "--name", "again", code=0)  # of the same members
    assert (rows_of_submission(run_named(ctk_home, "again").folder / "submission.csv") == two).all()
    shown = ctk("show", "one", code=0).stdout
    assert "blend baseline" in shown
    assert "blends/two/submission.csv" in shown


def test_a_submission_of_each_seed_of_a_member_is_written_afterwards(ctk, ctk_home, work):
    ctk(*LINE, "--name", "one", code=0)
    run = run_named(ctk_home, "one")
    printed = ctk("show", "one", "--member", "odd", "--submission", code=0).stdout
    for seed in (5, 6):
        path = run.folder / "members" / "odd" / f"seed-{seed}" / "submission.csv"
        assert str(path) in printed
        assert (rows_of_submission(path) == test_value(run, f"odd/seed-{seed}")).all()
    assert not (run.folder / "members" / "both" / "seed-7" / "submission.csv").exists()
    assert "'odd/seed-6'" in ctk("show", "one", "--member", "odd/seed-7", "--submission", code=2).stderr
    assert "--member NAME" in ctk("show", "one", "--submission", code=2).stderr


def test_a_filter_asks_a_member_of_another_run(ctk, ctk_home, work):
    ctk(*LINE, "--name", "one", code=0)
    again = ("-ofilters=[{name: ask, member: whole, run: one}]", "-omembers=[{model: counter}]", "-oblend=mean")
    ctk("run", "toy-regression", *again, "-oexecutor.name=serial", "-otrackers=[]", "--name", "another", code=0)
    another, one = run_named(ctk_home, "another"), run_named(ctk_home, "one")
    assert another.config()["filters"][0]["run"] == str(one.folder)
    scores = np.load(another.folder / "filters" / "1-ask" / "scores.npy")
    assert (scores == test_value(one, "whole/seed-3")[0] + 3).all()  # the first of its seeds


def test_what_fails_behind_a_filter_goes_on_without_filtering_again(ctk, ctk_home, work):
    (work / "fail").touch()
    assert "not yet" in ctk(*LINE, "--name", "one", code=1).stderr
    (work / "fail").unlink()
    before = (work / "diary").read_text()
    ctk("run", "toy-regression", "--resume", "one", code=0)
    after = (work / "diary").read_text()[len(before) :]
    assert "ask" not in after
    assert "odd" not in after
    assert test_value(run_named(ctk_home, "one"), "asked/seed-9")[1] == 9


def test_killed_in_a_filter_that_asks_a_member_a_run_goes_on_to_the_same_predictions(ctk, ctk_process, ctk_home, work):
    (work / "wait").touch()
    process = ctk_process.start(*LINE, "--name", "killed")
    deadline = time.monotonic() + 120
    while not (work / "waiting").exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (work / "wait").unlink()
    assert run_named(ctk_home, "killed").state()["state"] == "killed"
    ctk("run", "toy-regression", "--resume", "killed", code=0)
    ctk(*LINE, "--name", "whole", code=0)
    killed, whole = (
        {path.relative_to(run.folder): path.read_bytes() for path in sorted(run.folder.glob("members/*/*/*/*/*.npy"))}
        for run in (run_named(ctk_home, "killed"), run_named(ctk_home, "whole"))
    )
    assert len(whole) == 6 * 4
    assert killed == whole
    assert (work / "diary").read_text().count("fit") == 6 + 6


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ("members.odd.filters=[ood]", "names filter 'ood', which is none of this run.\nDid you mean 'odd'?"),
        (
            "filters.ask.member=whol",
            "Config key 'filters.1': there is no member 'whol'.\nKnown members: asked/seed-9",
        ),
        ("blends.two.members=[odd/seed-8]", "key 'blends.two': there is no member 'odd/seed-8'.\nDid you mean"),
        ("members.whole.filters=[ask]", "use each other in a circle.\nA member that a filter asks learns from"),
        ("filters.ask.run=nothing", "There is no run 'nothing'"),
        ("blends={../x: mean}", "'../x' is no folder name"),
    ],
)
def test_names_that_fit_nothing_are_refused_before_anything_is_read(ctk, ctk_home, work, changed, sentence):
    assert sentence in ctk(*LINE, "-o", changed, code=2).stderr
    assert not list(ctk_home.runs.glob("*/*"))


def test_a_dry_run_of_one_seed_a_member_has_the_same_blends(ctk, ctk_home, work):
    ctk(*LINE, "--dry-run", code=0)
    (folder,) = ctk_home.runs.glob("toy-regression/*")
    assert len(rows_of_submission(folder / "blends" / "two" / "submission.csv"))
