"""Finding a CUDA compiler that fits torch: CUDA_HOME, PATH, /usr/local/cuda, then pip's nvidia packages."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("nvidia-cuda-nvcc", "nvidia-nvvm", "nvidia-cuda-crt")
"""nvcc's three parts on pip: front end, code generator, and the headers that the front end includes by itself."""

WANTED = ("8.0", "9.0", "10.0", "12.0")
"""Compute capabilities compiled for where nobody says and no GPU is seen: A100, H100 and H200, B200, RTX 50."""


class NoCompiler(Exception):
    """Why CUDA code cannot be compiled here, in words for the user."""


@dataclass(frozen=True)
class Nvcc:
    """A CUDA toolkit's folder, with bin/nvcc in it, and its version as "13.2"."""

    home: Path
    version: str

    @property
    def path(self) -> Path:
        return self.home / "bin" / "nvcc"

    def arch_list(self) -> str:
        """Those of WANTED that this nvcc can compile for, the last also as PTX: "8.0;9.0;10.0;12.0+PTX"."""
        known = set(re.findall(r"compute_(\d+)", _output(self.path, "--list-gpu-arch")))
        return ";".join(each for each in WANTED if each.replace(".", "") in known) + "+PTX"

    def runtime_folder(self) -> Path:
        """Where libcudart_static.a lies: lib64 in NVIDIA's own installers, lib in pip's packages."""
        for folder in ("lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"):
            if (self.home / folder / "libcudart_static.a").exists():
                return self.home / folder
        raise NoCompiler(f"{self.home} has no libcudart_static.a; with pip's packages, nvidia-cuda-runtime has it.")


def find_nvcc(torch_cuda: str | None) -> Nvcc:
    """The nvcc that CUDA_HOME names, or of those found elsewhere the one nearest to torch's CUDA version.

    torch_cuda  torch.version.cuda, as "13.2", or None for a torch without CUDA
    raises      NoCompiler, saying what is missing or does not fit
    """
    if torch_cuda is None:
        raise NoCompiler("this torch is built without CUDA.")
    found = [_nvcc(home) for home in _homes() if (home / "bin" / "nvcc").exists()]
    if not found:
        raise NoCompiler(
            "no nvcc in CUDA_HOME, on PATH, in /usr/local/cuda or among pip's packages. "
            f"`{_pip_install(torch_cuda)}` brings one."
        )
    nvcc = max(found, key=lambda each: (each.version == torch_cuda, _major(each.version) == _major(torch_cuda)))
    if _major(nvcc.version) != _major(torch_cuda):
        raise NoCompiler(f"{nvcc.path} is CUDA {nvcc.version}, torch is built for {torch_cuda}: another major version.")
    if nvcc.home == _pip_home():
        _check_pip_versions(torch_cuda)
    nvcc.runtime_folder()
    return nvcc


def _nvcc(home: Path) -> Nvcc:
    told = re.search(r"release (\d+\.\d+)", _output(home / "bin" / "nvcc", "--version"))
    return Nvcc(home, told[1] if told else "unknown")


def _major(version: str) -> str:
    return version.split(".")[0]


def _homes() -> Iterator[Path]:
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        if os.environ.get(variable):
            yield Path(os.environ[variable])
            return
    on_path = shutil.which("nvcc")
    if on_path:
        yield _home_of(Path(on_path))
    yield Path("/usr/local/cuda")
    pip = _pip_home()
    if pip:
        yield pip


def _home_of(nvcc: Path) -> Path:
    """The toolkit that an nvcc on PATH belongs to, which need not be its parent: it may be a link or a script."""
    told = re.search(r"^#\$ TOP=(.+)$", _output(nvcc, "--dryrun", "-c", "-x", "cu", "/dev/null"), re.MULTILINE)
    return Path(os.path.normpath(told[1])) if told else nvcc.resolve().parents[1]


def _pip_home() -> Path | None:
    """site-packages/nvidia/cu13, shared by all of pip's CUDA packages of one major version, if nvcc is there."""
    nvidia = importlib.util.find_spec("nvidia")
    for folder in (nvidia.submodule_search_locations or []) if nvidia else []:
        for home in sorted(Path(folder).glob("cu*"), reverse=True):
            if (home / "bin" / "nvcc").exists():
                return home
    return None


def _check_pip_versions(torch_cuda: str) -> None:
    """pip does not hold these packages together, and ptxas fails on what another version's code generator wrote."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    if any(".".join(each.split(".")[:2]) != torch_cuda for each in found.values()):
        raise NoCompiler(
            f"pip's CUDA compiler is a mix: {', '.join(f'{name} {each}' for name, each in found.items())}; "
            f"torch is built for {torch_cuda}. `{_pip_install(torch_cuda)}` mends it."
        )


def _pip_install(torch_cuda: str) -> str:
    return f"pip install {' '.join(f'{package}=={torch_cuda}.*' for package in PACKAGES)}"


def _output(*command: Path | str) -> str:
    """What a command writes, to stdout and stderr together (nvcc's dry run goes to stderr)."""
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout
