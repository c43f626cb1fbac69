"""What is told before Ray is needed, and what it is asked for."""

import importlib.util
import subprocess
import sys

import pytest

from ctk.api import choose_workers, configured
from ctk.errors import CtkError, UsageError
from ctk_ray.executor import RayExecutor


def execution(*overrides):
    return configured("aml-retrieval", overrides=overrides)[0].executor


def test_options_are_config_keys_with_defaults():
    chosen = execution("executor=ray", "executor.num_gpus=0.5")
    assert chosen.options == {
        "address": None,
        "num_cpus": None,
        "num_gpus": 0.5,
        "retries": 3,
        "artefacts": "shared",
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("executor.artefact=store", "unknown key 'artefact'"),
        ("executor.artefacts=shred", "executor.artefacts"),
        ("executor.num_cpus=0", "executor.num_cpus"),
        ("executor.num_gpus=-1", "executor.num_gpus"),
        ("executor.retries=-1", "executor.retries"),
        ("executor.worker=2", "Did you mean 'workers'"),
    ],
)
def test_a_wrong_option_is_refused_by_its_key(given, told):
    with pytest.raises(UsageError, match=told):
        execution("executor=ray", given)


def test_ray_takes_all_tasks_and_knows_itself_how_many_fit():
    chosen = choose_workers(execution("executor=ray"), 40)
    assert (chosen.workers, chosen.threads) == (40, 1)
    chosen = choose_workers(execution("executor=ray", "executor.workers=3", "executor.threads=2"), 40)
    assert (chosen.workers, chosen.threads) == (3, 2)


def test_where_ray_is_not_installed_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CtkError, match=r"needs Ray, which is not installed\.\nInstall it with: pip install 'ray"):
        RayExecutor(1, 1)


def test_a_ray_that_does_not_load_is_told_and_nothing_else_is_taken(tmp_path, monkeypatch):
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text("import no_such_library_of_ray")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(CtkError, match=r"Ray is installed and does not load: .*no_such_library_of_ray"):
        RayExecutor(1, 1, address="local")


def test_only_who_talks_to_a_cluster_imports_ray():
    code = (
        "import sys; from ctk import api; "
        "api.choose_workers(api.configured('aml-retrieval', overrides=['executor=ray'])[0].executor, 4); "
        "print('ctk_ray.executor' in sys.modules, 'ray' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["True", "False"]


def test_without_the_plugin_the_core_says_where_ray_is(ctk, monkeypatch):
    answer = ctk("run", "aml-retrieval", "--executor", "ray", CTK_DISABLE_PLUGINS="ctk-ray")
    assert answer.returncode == 2
    assert "There is no executor 'ray'." in answer.stderr
    assert "CTK_DISABLE_PLUGINS" in answer.stderr
