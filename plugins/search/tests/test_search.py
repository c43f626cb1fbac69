"""A search ends with a table, a config that gives the best score again, and sentences for what went wrong."""

import csv
import re
import shutil
import sqlite3
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import yaml
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

import ctk
from ctk.errors import CtkError, DamagedError, PluginError, UsageError
from ctk.runs import Run
from ctk.testing.toy.toy_competition import MSE
from ctk_search import api, shell_bar
from ctk_search.outcomes import facts_of
from ctk_search.page import plots
from ctk_search.settings import Settings

BAD = """
import torch
class Bad(torch.nn.Module):
    def __init__(self, *, how: str = "good") -> None:
        super().__init__()
        self.how = how
    def forward(self, prediction, batch):
        if self.how == "crash":
            raise RuntimeError("as it was told")
        loss = ((prediction - batch.target) ** 2).mean()
        return loss * float("nan") if self.how == "nan" else loss
"""


def rows_of(found):
    with (found.folder / "hpsearch_results.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_results_begin_with_the_columns_of_the_reference_solution_and_every_trial_is_a_run(search):
    found = search()
    rows = rows_of(found)
    assert list(rows[0]) == [
        *("trial_idx", "timestamp", "num_params", "best_val_loss", "best_val_toy-mse", "final_val_toy-mse"),
        *("best_loss_path", "best_toy-mse_path", "members.0.optimizer.lr", "members.0.model.hidden"),
        *("state", "seconds", "seeds", "share", "promotes", "problem"),
    ]
    assert [row["trial_idx"] for row in rows] == ["0", "1", "2", "3"]
    for row, trial in zip(rows, found.trials, strict=True):
        run = Run(found.folder / "trials" / f"{trial.number:04d}")
        (part,) = run.parts()
        facts = run.facts(part)
        assert trial.state == TrialState.COMPLETE
        assert float(row["best_val_toy-mse"]) == trial.value == run.scores()["members"]["blend"]["toy-mse"]
        assert float(row["final_val_toy-mse"]) == facts["curve"][-1]["toy-mse"]
        assert float(row["best_val_loss"]) == min(point["valid_loss"] for point in facts["curve"])
        assert int(row["num_params"]) == facts["size"] > 0
        assert float(row["members.0.optimizer.lr"]) == trial.params["members.0.optimizer.lr"]
        assert (found.folder / row["best_loss_path"]).is_file()
        assert (found.folder / row["best_toy-mse_path"]).is_file()
        assert (row["state"], row["seeds"]) == ("finished", "1")


def test_aml_retrievals_columns_have_the_reference_solutions_names():
    from ctk_search.results import short

    assert short("mrr_gallery") == "mrr"


def test_the_best_config_gives_the_best_score_again(search):
    found = search()
    best = min(found.trials, key=lambda trial: trial.value)
    assert found.best.number == best.number
    again = ctk.run("toy-regression", config=found.folder / "best-config.yaml", overrides=["executor.name=serial"])
    assert again.scores["blend"]["toy-mse"] == best.value
    assert (found.folder / "best").resolve().name == f"{best.number:04d}"
    assert (found.folder / "submission.csv").read_bytes() == again.submission.read_bytes()
    assert list((found.folder / "best").glob("members/*/*/*/checkpoints/weights.pt"))


def test_in_a_notebook_a_search_draws_a_bar_and_is_a_table(search, monkeypatch):
    drawn = []
    bars = SimpleNamespace(working=lambda what, done, total: drawn.append((what, done, total)))
    monkeypatch.setattr(shell_bar, "shell_observer", lambda: bars)
    found = search(trials=3)
    assert drawn == [("trials", done, 3) for done in range(4)]
    assert f"{found.best.value:.4f}" in found._repr_html_()
    assert list(found.table().index) == [trial.number for trial in found.ranked]
    assert "FrozenTrial" not in repr(found)


def test_baselines_are_not_fitted_in_trials_but_stand_in_the_best_config(search):
    members = [
        search.keywords["config"]["members"][0],
        {"model": "toy-network", "name": "shown", "blend": False, "loss": "toy-squared-error", "epochs": 1},
    ]
    found = search(config={"members": members, "trackers": []}, trials=1)
    assert [part.member for part in Run(found.folder / "best").parts()] == ["toy-network"]
    kept = yaml.safe_load((found.folder / "best-config.yaml").read_text())
    assert [member["name"] for member in kept["members"]] == ["toy-network", "shown"]


@pytest.mark.parametrize("sampler", ["random", "tpe", "grid"])
def test_the_same_seed_makes_the_same_trials(search, table, sampler):
    space = {"members.0.optimizer.lr": [1e-3, 1e-2, 1e-1], "members.0.model.hidden": [4, 8]}
    options = ["n_startup_trials=2"] if sampler == "tpe" else []
    how = {"space": space, "sampler": sampler, "sampler_options": options, "trials": 5, "seed": 3}
    assert table(search(**how)) == table(search(**how))


def test_a_finite_space_that_was_tried_ends_the_search(search):
    space = {"members.0.optimizer.lr": [1e-3, 1e-2], "members.0.epochs": [1, 2]}
    found = search(space=space, sampler="random", trials=9)
    assert len(found.trials) == 4
    assert found.stopped == "The sampler has nothing left to propose after 4 trials."
    assert len({tuple(trial.params.values()) for trial in found.trials}) == 4


def test_a_longer_search_goes_on_as_it_would_have(search, table):
    whole = search(trials=6)
    begun = search(trials=2)
    assert table(api.resume(begun.folder, trials=6)) == table(whole)


def test_what_a_kill_left_unwritten_is_there_after_the_search_was_gone_on_with(search):
    found = search()
    names = ("hpsearch_results.csv", "best-config.yaml", "best", "submission.csv", "search.html")
    kept = {name: (found.folder / name).resolve().read_bytes() for name in names if name != "best"}
    for name in names:
        (found.folder / name).unlink()
    api.resume(found.folder)
    assert {name: (found.folder / name).resolve().read_bytes() for name in kept} == kept
    assert (found.folder / "best").resolve().name == f"{found.best.number:04d}"


@pytest.mark.parametrize("killed_in", ["optuna.create_study", "optuna.Study.set_user_attr"])
def test_a_search_killed_in_its_first_second_is_gone_on_with(search, table, killed_in, ctk_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(killed_in, Mock(side_effect=KeyboardInterrupt))
        patch.setattr("shutil.rmtree", lambda *given, **named: None)  # a killed process tidies nothing
        with pytest.raises(KeyboardInterrupt):
            search(name="killed", trials=1)
    (folder,) = ctk_home.runs.glob("*/*-killed")
    assert table(api.resume(folder)) == table(search(trials=1))


def test_no_trial_is_begun_after_the_time_is_up(search):
    found = search(timeout=0.0, trials=3)
    assert (len(found.trials), found.stopped) == (0, "The time is up after 0 trials.")


def test_a_trial_that_crashes_or_is_no_number_is_told_and_the_search_goes_on(search, toy):
    toy(BAD)
    space = {"members.0.loss.how": ["crash", "nan", "good"]}
    base = {"members": [{"model": "toy-network", "loss": {"name": "bad"}, "epochs": 1}], "trackers": []}
    found = search(space=space, sampler="grid", config=base, trials=3)
    assert [trial.state for trial in found.trials] == [TrialState.FAIL, TrialState.FAIL, TrialState.COMPLETE]
    crashed, diverged = (facts_of(trial)["problem"] for trial in found.trials[:2])
    assert "as it was told" in crashed
    assert "without a finite toy-mse" in diverged
    rows = rows_of(found)
    assert [row["state"] for row in rows] == ["failed", "failed", "finished"]
    assert "as it was told" in rows[0]["problem"]


def test_values_that_only_together_are_refused_fail_their_trial_alone(search):
    space = {
        "members.0.schedule.name": ["cosine", "constant"],
        "members.0.schedule.floor": [0.0, 1e-4],
    }
    found = search(space=space, sampler="grid", trials=4)
    states = [trial.state.name for trial in found.trials]
    assert states == ["COMPLETE", "COMPLETE", "COMPLETE", "FAIL"]
    assert "a constant schedule has no 'floor'" in facts_of(found.trials[3])["problem"]


@pytest.mark.parametrize(("trials", "told"), [(1, "The only trial failed: "), (2, "All 2 trials failed; the first: ")])
def test_a_search_whose_trials_all_failed_says_so(search, toy, trials, told):
    toy(BAD)
    base = {"members": [{"model": "toy-network", "loss": {"name": "bad", "how": "crash"}, "epochs": 1}]}
    with pytest.raises(CtkError, match=f"{told}.*as it was told") as error:
        search(config={**base, "trackers": []}, trials=trials)
    assert error.value.exit_code == 1


def test_a_storage_that_has_the_search_already_names_its_folder(search, tmp_path):
    url = f"sqlite:///{tmp_path / 'all.db'}"
    found = search(storage=url, trials=1)
    with pytest.raises(UsageError, match="has this search already") as error:
        search(storage=url, trials=1)
    assert f"--resume {found.folder}" in str(error.value)
    assert len(list(found.folder.parent.iterdir())) == 1, "what was refused leaves no folder"


@pytest.mark.parametrize(
    "other",
    [
        {"space": {"members.0.epochs": [1, 2]}},
        {"sampler": "random"},
        {"seed": 5},
        {"overrides": ["members.0.epochs=2"]},
        {"pruner": "none"},
    ],
    ids=str,
)
def test_a_storage_of_another_search_is_refused(search, tmp_path, other):
    url = f"sqlite:///{tmp_path / 'all.db'}"
    search(storage=url, trials=1)
    with pytest.raises(UsageError, match="of another competition, config, space or sampler"):
        search(storage=url, trials=1, **other)
    search(storage=url, trials=1, name="other", **other)


def test_a_search_whose_settings_cannot_be_kept_leaves_no_study(search, tmp_path, ctk_home, monkeypatch):
    url = f"sqlite:///{tmp_path / 'all.db'}"
    with monkeypatch.context() as full:
        full.setattr(Settings, "save", lambda settings, folder: (folder / "no" / "room").write_text(""))
        with pytest.raises(FileNotFoundError):
            search(storage=url, trials=1)
    assert not list(ctk_home.runs.glob("*/*"))
    assert len(search(storage=url, trials=1).trials) == 1


def test_a_study_that_was_exchanged_is_refused(search):
    first, second = search(trials=1), search(trials=1, seed=9)
    shutil.copy(second.folder / "study.db", first.folder / "study.db")
    with pytest.raises(UsageError, match="of another competition, config, space or sampler"):
        api.resume(first.folder)


def test_a_locked_storage_is_told_in_a_sentence(search, tmp_path, monkeypatch):
    from ctk_search import study

    monkeypatch.setattr(study, "PATIENCE", 0.2)
    path = tmp_path / "all.db"
    search(storage=f"sqlite:///{path}", trials=1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(CtkError, match="another program has kept it locked"):
            search(storage=f"sqlite:///{path}", trials=1, name="other")
    finally:
        holder.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("not a url", "no URL of a database"),
        ("sqlite:///nowhere/there/all.db", "unable to open database file"),
        ("nosuch://me:secret@localhost/x", "there is no database 'nosuch'"),
        ("postgresql+nosuch://me:secret@localhost/x?password=secret", "there is no database 'postgresql+nosuch'"),
        ("sqlite://", "--storage: a database in memory ends with the process"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_a_storage_that_cannot_be_reached_is_told_without_its_password(search, ctk_home, url, told):
    with pytest.raises(CtkError) as error:
        search(storage=url, trials=1)
    assert told in str(error.value)
    assert "secret" not in str(error.value)
    assert "--storage" in str(error.value) or "localhost/x" in str(error.value) or "nowhere" in str(error.value)
    assert not list(ctk_home.runs.glob("*/*"))


def test_a_file_that_is_no_database_is_told(search, tmp_path):
    (tmp_path / "all.db").write_text("nothing of the kind" * 100)
    with pytest.raises(CtkError, match=r"all\.db: cannot be used .file is not a database"):
        search(storage=f"sqlite:///{tmp_path / 'all.db'}", trials=1)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
        ("postgresql:///db?host=here&password=secret", "postgresql:///db?host=here&password=***"),
        ("mysql://me@host/db?passwd=secret&charset=utf8", "mysql://me@host/db?charset=utf8&passwd=***"),
        ("sqlite:////a.db?token=SECRET", "sqlite:////a.db?token=***"),
        ("mysql://me:s@host/db?ssl_key=k&x=y", "mysql://me:***@host/db?ssl_key=***&x=***"),
        ("postgresql://me@host/db?connect_timeout=3", "postgresql://me@host/db?connect_timeout=3"),
    ],
)
def test_secrets_of_a_url_are_not_written_down(given, kept):
    from ctk_search import study

    assert study.masked_url(study.url_of(given)) == kept


@pytest.mark.parametrize(
    ("change", "key"),
    [({"trials": "two"}, ", trials: 'two' is wrong"), ({"space": []}, ", space: "), ({"x": 1}, ", x: "), (None, ": ")],
)
def test_settings_that_are_damaged_are_named_with_their_key(tmp_path, change, key):
    Settings("toy-regression", "s", {"seeds": [1]}, {"name": "tpe"}, "none", 1, 2).save(tmp_path)
    path = tmp_path / "search.yaml"
    known = yaml.safe_load(path.read_text())
    assert Settings.load(tmp_path).trials == 2
    path.write_text("" if change is None else yaml.safe_dump({**known, **change}))
    with pytest.raises(DamagedError, match=f"^{path}{key}"):
        Settings.load(tmp_path)


def test_a_study_that_is_a_link_out_of_the_search_is_not_written_to(search, tmp_path):
    found = search(trials=1)
    outside = (found.folder / "study.db").rename(tmp_path / "outside.db")
    (found.folder / "study.db").symlink_to(outside)
    before = outside.read_bytes()
    with pytest.raises(CtkError, match=r"study\.db: is a link that leads out of"):
        api.resume(found.folder, trials=2)
    assert outside.read_bytes() == before


def test_two_processes_cannot_make_the_same_search(search):
    found = search(trials=1)
    with Run(found.folder).locked(), pytest.raises(UsageError, match="another process"):
        api.resume(found.folder, trials=2)


def test_another_number_of_workers_is_refused(search):
    found = search(trials=1)
    with pytest.raises(UsageError, match=r"workers: 1, .* its trials would differ"):
        api.resume(found.folder, trials=2, execution=["executor.workers=2"])


BOUNDLESS = """
from ctk import hookimpl
from ctk.components.executors import Serial
class Boundless(Serial):
    @staticmethod
    def share(tasks, workers, threads): return workers or tasks, 1
@hookimpl
def ctk_register_executors(register): register("boundless", Boundless)
"""


def test_an_executor_that_would_take_all_trials_at_once_needs_a_number(search, tmp_plugin):
    tmp_plugin("boundless", BOUNDLESS)
    with pytest.raises(UsageError, match="as many trials at a time as there are") as caught:
        search(execution=["executor.name=boundless"])
    assert "--workers" in caught.value.help
    assert len(search(trials=1, execution=["executor.name=boundless", "executor.workers=1"]).trials) == 1


def test_a_samplers_options_are_checked(search):
    with pytest.raises(UsageError, match="unknown key 'n_startup'") as error:
        search(sampler="tpe", sampler_options=["n_startup=3"])
    assert "Did you mean 'n_startup_trials'?" in str(error.value)
    with pytest.raises(UsageError, match="no sampler 'tpee'"):
        search(sampler="tpee")
    with pytest.raises(UsageError, match="cannot count the values"):
        search(sampler="grid")


def test_a_sampler_may_give_a_trial_a_share_of_its_epochs_and_a_history(search, tmp_plugin):
    folder = tmp_plugin(
        "sharing",
        "from ctk import hookimpl\n@hookimpl\ndef ctk_register_samplers(register):\n"
        '    register("sharing", "sharing_sampler:Sharing")\n',
    )
    (folder / "sharing_sampler.py").write_text(
        "from optuna.samplers import RandomSampler\n"
        "class Sharing(RandomSampler):\n"
        "    def __init__(self, space, seed):\n"
        "        super().__init__(seed)\n"
        "    def before_trial(self, study, trial):\n"
        "        study._storage.set_trial_user_attr(trial._trial_id, 'ctk:share', 0.5 if trial.number else 0.01)\n"
        "    def history(self, study):\n"
        "        return {'trials': len(study.trials)}\n"
    )
    found = search(sampler="sharing", trials=2)
    epochs = [Run(found.folder / "trials" / f"{number:04d}").config()["members"][0]["epochs"] for number in range(2)]
    assert epochs == [1, 2]
    assert (found.folder / "search_history.json").read_text().split() == ["{", '"trials":', "2", "}"]
    again = ctk.run("toy-regression", config=found.folder / "best-config.yaml", overrides=["executor.name=serial"])
    assert again.scores["blend"]["toy-mse"] == found.best.value


def test_a_logarithmic_axis_within_a_decade_names_its_ends_and_its_middle():
    lr = FloatDistribution(2e-3, 8e-3, log=True)
    trials = [create_trial(value=1.0, params={"lr": value}, distributions={"lr": lr}) for value in (3e-3, 5e-3)]
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", plots.slices(trials, "lr", lr, MSE))
    assert [text for text in texts if text.startswith("0.00")] == ["0.002", "0.004", "0.008"]


def test_choices_whose_names_do_not_fit_below_a_plot_are_named_in_part():
    size = CategoricalDistribution([f"{n}00000" for n in range(1, 9)])
    trials = [create_trial(value=1.0, params={"size": each}, distributions={"size": size}) for each in size.choices]
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", plots.slices(trials, "size", size, MSE))
    assert [text.strip("'") for text in texts if "00000" in text] == ["100000", "300000", "500000", "700000"]


def test_a_sampler_that_fails_is_told_by_name_also_when_the_search_is_gone_on_with(search, ctk_home, tmp_plugin):
    folder = tmp_plugin(
        "failing",
        "from ctk import hookimpl\n@hookimpl\ndef ctk_register_samplers(register):\n"
        '    register("failing", "failing_sampler:Failing")\n',
    )
    (folder / "failing_sampler.py").write_text(
        "from optuna.samplers import RandomSampler\n"
        "class Failing(RandomSampler):\n"
        "    def __init__(self, space, seed):\n"
        "        super().__init__(seed)\n"
        "    def sample_independent(self, *given):\n"
        "        raise ValueError('no idea')\n"
    )
    told = "sampler 'failing' .* failed while proposing a trial: ValueError: no idea"
    with pytest.raises(PluginError, match=told):
        search(sampler="failing")
    (begun,) = ctk_home.runs.glob("*/*")
    with pytest.raises(PluginError, match=told):
        api.resume(begun)


def test_a_pruner_that_is_not_there_is_told(search):
    with pytest.raises(UsageError, match="Argument pruner='medain' is wrong") as error:
        search(pruner="medain")
    assert "Did you mean 'median'?" in str(error.value)


def test_a_choice_with_two_dollars_is_no_formula():
    pattern = CategoricalDistribution(["^a$|^b$", "c"])
    trials = [create_trial(value=1.0, params={"p": each}, distributions={"p": pattern}) for each in pattern.choices]
    for drawn in (plots.slices(trials, "p", pattern, MSE), plots.parallel(trials, {"p": "p"}, MSE)):
        assert "^a$|^b$" in re.findall(r"<text[^>]*>([^<]*)</text>", drawn)


def test_an_option_of_a_sampler_without_a_value_is_told(search):
    with pytest.raises(UsageError, match="--sampler-option exploration: an option is key=value"):
        search(sampler_options=["exploration"])
