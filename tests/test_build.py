"""The native part is built where it can be, left out loudly where it cannot, and never half built in silence."""

import importlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARIES = sorted((ROOT / "toolkit/ctk/ops").glob("_*.so"))


@pytest.fixture
def plan(monkeypatch):
    """csrc/setup/plan.py, with nothing of the caller's environment that it reads."""
    return _module(monkeypatch, "plan")


@pytest.fixture
def nvcc(monkeypatch):
    return _module(monkeypatch, "nvcc")


def _module(monkeypatch, name):
    monkeypatch.syspath_prepend(ROOT / "csrc/setup")
    for variable in ("CTK_BUILD", "CXX", "CUDA_HOME", "CUDA_PATH", "TORCH_CUDA_ARCH_LIST"):
        monkeypatch.setenv(variable, "")  # planning sets some: so they are taken back afterwards
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    return importlib.import_module(name)


def fake_nvcc(home, release, archs=("75", "80", "90")):
    """A CUDA toolkit that says a version and has nothing else that is not asked for."""
    program = home / "bin" / "nvcc"
    program.parent.mkdir(parents=True)
    lines = "\n".join(f"compute_{arch}" for arch in archs)
    program.write_text(
        f'#!/bin/sh\ncase "$1" in\n--version) echo "release {release}, V{release}.1";;\n'
        f'--list-gpu-arch) echo "{lines}";;\n*) echo "#$ TOP={home}/bin/..";;\nesac\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (home / "lib64").mkdir()
    (home / "lib64" / "libcudart_static.a").touch()
    return home


def test_pip_fetches_torch_to_build_only_where_something_is_compiled(monkeypatch):
    backend = _module(monkeypatch, "backend")
    assert any(each.startswith("torch>=") for each in backend.get_requires_for_build_wheel())
    assert backend.get_requires_for_build_sdist() == []
    monkeypatch.setenv("CTK_BUILD", "none")
    assert backend.get_requires_for_build_wheel() == backend.get_requires_for_build_editable() == []


def test_an_unknown_ctk_build_is_answered_with_those_there_are(plan, monkeypatch):
    monkeypatch.setenv("CTK_BUILD", "gpu")
    with pytest.raises(SystemExit, match=r"CTK_BUILD is 'gpu'; it is one of auto, all, cpu, cuda, none\."):
        plan.make_plan()


def test_nothing_is_compiled_with_ctk_build_none(plan, monkeypatch):
    monkeypatch.setenv("CTK_BUILD", "none")
    made = plan.make_plan()
    assert not made.extensions
    assert set(made.skipped) == set(plan.PARTS)


def test_no_cuda_is_compiled_with_ctk_build_cpu(plan, monkeypatch):
    monkeypatch.setenv("CTK_BUILD", "cpu")
    made = plan.make_plan()
    assert set(made.extensions) == {"cpu", "engine"}
    assert made.skipped == {"cuda": "CTK_BUILD=cpu."}


@pytest.fixture
def cuda_compiler(monkeypatch, plan, tmp_path):
    """An nvcc that fits torch, and no GPU but those of a nvidia-smi that the test puts on PATH."""
    import torch

    monkeypatch.setattr(torch.version, "cuda", "13.2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_HOME", str(fake_nvcc(tmp_path / "cuda", "13.2")))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_without_a_gpu_nothing_is_compiled_for_one_and_one_line_says_how_to_have_it(plan, cuda_compiler, capsys):
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine may have a GPU")
    made = plan.make_plan()
    assert set(made.extensions) == {"cpu", "engine"}
    made.announce("cuda")
    said = capsys.readouterr().err
    assert said.startswith("ctk: building without ctk.ops._cuda: no GPU was seen.")
    assert said.count("\n") == 1
    assert "set CTK_BUILD=cuda and install anew" in said


@pytest.mark.parametrize("mode", ["cuda", "all"])
def test_cuda_is_compiled_without_a_gpu_where_ctk_build_asks(plan, cuda_compiler, monkeypatch, mode):
    monkeypatch.setenv("CTK_BUILD", mode)
    assert set(plan.make_plan().extensions) == {"cpu", "engine", "cuda"}


def test_a_gpu_that_only_its_driver_shows_is_compiled_for(plan, cuda_compiler):
    (cuda_compiler / "nvidia-smi").write_text('#!/bin/sh\necho "GPU 0: NVIDIA H200 (UUID: GPU-1)"\n')
    (cuda_compiler / "nvidia-smi").chmod(0o755)
    assert set(plan.make_plan().extensions) == {"cpu", "engine", "cuda"}


def test_without_a_compiler_everything_is_left_out_and_the_compiler_is_named(plan, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CXX", f"{tmp_path}/g++ -m64")
    made = plan.make_plan()
    assert not made.extensions
    for part in made.skipped:
        made.announce(part)
    said = capsys.readouterr().err
    assert said.count(f"there is no C++ compiler {tmp_path}/g++") == 3
    assert all(name in said for name in plan.PARTS.values())


@pytest.mark.parametrize(("mode", "part"), [("cpu", "cpu"), ("cpu", "engine"), ("cuda", "cuda"), ("cuda", "cpu")])
def test_what_ctk_build_demands_is_an_error_where_it_cannot_be_built(plan, monkeypatch, tmp_path, mode, part):
    monkeypatch.setenv("CTK_BUILD", mode)
    monkeypatch.setenv("CXX", str(tmp_path / "g++"))
    made = plan.make_plan()
    with pytest.raises(SystemExit, match=f"CTK_BUILD={mode} demands it: there is no C"):
        made.announce(part)


def test_every_source_in_csrc_belongs_to_one_library(plan):
    files = {path for kind in ("*.cpp", "*.cu") for path in (ROOT / "csrc").rglob(kind)}
    of_part = [
        plan._sources("common/*.cpp", "*/cpu*.cpp"),
        plan._sources("blend/*.cpp"),
        plan._sources("*/cuda*.cu"),
    ]
    built = [ROOT / source for sources in of_part for source in sources]
    assert sorted(built) == sorted(files)


def test_the_stable_abi_is_that_of_the_oldest_torch_allowed(plan):
    import tomllib

    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"torch>={plan.STABLE_ABI}" in dependencies
    assert "-DTORCH_TARGET_VERSION=0x020b000000000000" in plan._stable_abi()  # 2.11: 0x02 0x0b


def test_cuda_is_left_out_where_torch_has_none(nvcc):
    with pytest.raises(nvcc.NoCompiler, match="without CUDA"):
        nvcc.find_nvcc(None)


def test_cuda_home_goes_before_an_nvcc_that_fits_better(nvcc, monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_HOME", str(fake_nvcc(tmp_path / "asked", "13.0")))
    monkeypatch.setenv("PATH", str(fake_nvcc(tmp_path / "on-path", "13.2") / "bin"))
    assert nvcc.find_nvcc("13.2").home == tmp_path / "asked"


def test_of_several_nvcc_the_one_with_torchs_version_is_taken(nvcc, monkeypatch, tmp_path):
    homes = [fake_nvcc(tmp_path / release, release) for release in ("13.9", "12.8", "13.7")]
    monkeypatch.setattr(nvcc, "_homes", lambda: homes)
    assert nvcc.find_nvcc("13.7").version == "13.7"
    assert nvcc.find_nvcc("12.1").version == "12.8"
    assert nvcc.find_nvcc("13.2").version == "13.9"


def test_an_nvcc_of_another_major_version_is_refused_by_name(nvcc, monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_HOME", str(fake_nvcc(tmp_path, "12.8")))
    with pytest.raises(nvcc.NoCompiler, match=r"nvcc is CUDA 12\.8, torch is built for 13\.2"):
        nvcc.find_nvcc("13.2")


def test_no_nvcc_at_all_is_answered_with_pips_own(nvcc, monkeypatch):
    monkeypatch.setattr(nvcc, "_homes", list)
    with pytest.raises(nvcc.NoCompiler, match=re.escape("nvidia-cuda-nvcc==13.2.* nvidia-nvvm==13.2.*")):
        nvcc.find_nvcc("13.2")


def test_pips_compiler_in_mixed_versions_is_refused_with_all_of_them(nvcc, monkeypatch, tmp_path):
    home = fake_nvcc(tmp_path, "13.2")
    monkeypatch.setattr(nvcc, "_pip_home", lambda: home)
    monkeypatch.setattr(nvcc, "_homes", lambda: [home])
    versions = {"nvidia-cuda-nvcc": "13.2.86", "nvidia-nvvm": "13.3.33", "nvidia-cuda-crt": "13.2.86"}
    monkeypatch.setattr(nvcc, "version", versions.__getitem__)
    with pytest.raises(nvcc.NoCompiler, match=r"a mix: nvidia-cuda-nvcc 13\.2\.86, nvidia-nvvm 13\.3\.33"):
        nvcc.find_nvcc("13.2")
    versions["nvidia-nvvm"] = "13.2.86"
    assert nvcc.find_nvcc("13.2").home == home


def test_the_default_architectures_are_those_that_the_nvcc_knows(nvcc, tmp_path):
    made = nvcc.Nvcc(fake_nvcc(tmp_path, "12.4", archs=("75", "80", "86", "90")), "12.4")
    assert made.arch_list() == "8.0;9.0+PTX"


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name)
def test_the_libraries_call_nothing_of_torch_but_the_c_shim(library):
    names = subprocess.run(
        ["nm", "--dynamic", "--undefined-only", "--demangle", library], capture_output=True, text=True, check=True
    ).stdout
    assert "torch_library_impl" in names
    assert not re.findall(r"\b(?:c10|at|torch)::.*|\bPy\w+", names)


def test_the_kernels_for_the_processor_are_built_and_loaded_here():
    from ctk.ops import native

    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        pytest.skip("there is no C++ compiler on this machine; `ctk doctor` says so too")
    assert native.problem("cpu") is None
    assert native.build_record()["skipped"].keys() <= {"cuda"}


def test_nothing_is_said_at_import_and_the_reference_serves_with_ctk_native_0():
    code = (
        "import torch; from ctk import ops; from ctk.ops import native;"
        "print(native.problem('cpu'), float(ops.info_nce(torch.eye(3), torch.eye(3), 100.0)))"
    )
    environment = {**os.environ, "CTK_NATIVE": "0"}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("CTK_NATIVE=0 is set 0.0")
    done = subprocess.run([sys.executable, "-c", "import ctk.ops, ctk.blend"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def project(tmp_path, copy_project):
    """The project with a csrc of one good and one bad source."""
    made = copy_project(tmp_path / "project")
    (made / "csrc/common").mkdir()
    (made / "csrc/common/bad.cpp").write_text("this is no C++;\n")
    (made / "csrc/blend").mkdir()
    (made / "csrc/blend/module.cpp").write_text(
        "#include <Python.h>\nPyMODINIT_FUNC PyInit__engine() { return nullptr; }\n"
    )
    return made


def build(project, **environment):
    done = subprocess.run(
        [sys.executable, "setup.py", "build", "--build-lib", "built"],
        cwd=project,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    record = project / "built/ctk/ops/_build.json"
    return done, json.loads(record.read_text()) if record.exists() else None


@pytest.mark.slow
def test_a_part_that_does_not_compile_is_left_out_loudly_and_the_rest_is_built(project):
    done, record = build(project, CTK_BUILD="auto")
    assert done.returncode == 0, done.stderr
    assert "building without ctk.ops._cpu: its compilation failed" in done.stderr
    assert record["built"] == ["engine"]
    assert set(record["skipped"]) == {"cpu", "cuda"}
    assert list((project / "built/ctk/blend").glob("_engine*.so"))
    assert (project / "built/ctk/ops/__init__.py").exists()


@pytest.mark.slow
def test_a_part_that_is_demanded_and_does_not_compile_ends_the_build(project):
    done, record = build(project, CTK_BUILD="cpu")
    assert done.returncode == 1
    assert "CTK_BUILD=cpu demands it" in done.stderr
    assert record is None


@pytest.mark.slow
def test_a_later_build_without_kernels_leaves_none_of_an_earlier_one(project):
    (project / "csrc/common/bad.cpp").write_text("int good;\n")
    in_place = [sys.executable, "setup.py", "build_ext", "--inplace"]
    for mode, libraries in (("cpu", 2), ("none", 0)):
        environment = {**os.environ, "CTK_BUILD": mode}
        subprocess.run(in_place, cwd=project, capture_output=True, check=True, env=environment)
        assert len(list((project / "toolkit/ctk").rglob("_*.so"))) == libraries
        assert json.loads((project / "toolkit/ctk/ops/_build.json").read_text())["mode"] == mode


@pytest.mark.slow
def test_an_sdist_has_the_sources_and_needs_no_compiler_to_be_made(project, tmp_path):
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, project]
    environment = {**os.environ, "CTK_BUILD": "cpu", "CXX": str(tmp_path / "g++")}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"setup.py", "csrc/setup/plan.py", "csrc/common/bad.cpp", "csrc/blend/module.cpp"} <= names
    assert not any(name.endswith((".so", ".pyc", "_build.json")) for name in names)


@pytest.mark.slow
def test_a_compiler_behind_a_launcher_is_called_through_it(project, tmp_path):
    (project / "csrc/common/bad.cpp").write_text("int good;\n")
    launcher = tmp_path / "ccache"
    launcher.write_text(f'#!/bin/sh\necho >> {tmp_path}/called\nexec "$@"\n')
    launcher.chmod(0o755)
    done, record = build(project, CTK_BUILD="cpu", CXX="ccache g++", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert record["built"] == ["cpu", "engine"]
    assert (tmp_path / "called").exists()
