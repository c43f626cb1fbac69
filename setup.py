"""The native part of the build; everything else about the package is in pyproject.toml.

CTK_BUILD is auto (what can be built; for CUDA where a GPU is there), all (for CUDA without one too), cpu, cuda (these
or an error) or none. TORCH_CUDA_ARCH_LIST, MAX_JOBS, CXX, CXXFLAGS and LDFLAGS mean what they mean elsewhere.
csrc/README.md tells how to add a kernel.
"""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).parent / "csrc" / "setup"))

from commands import commands
from plan import make_plan

plan = make_plan()
setup(ext_modules=list(plan.extensions.values()), cmdclass=commands(plan))
