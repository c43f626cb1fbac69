"""Which heavy libraries a module imports as it is loaded, and where. Run in a fresh process by the check "imports"."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

HEAVY = frozenset(
    {
        *("torch", "torchvision", "torchaudio", "lightning", "pytorch_lightning", "tensorboard", "tensorflow", "keras"),
        *("jax", "transformers", "datasets", "timm", "open_clip", "onnx", "onnxruntime"),
        *("numba", "scipy", "sklearn", "skimage", "cv2", "sympy", "xgboost", "lightgbm", "catboost", "optuna"),
        *("pandas", "polars", "pyarrow", "dask", "netCDF4", "xarray", "matplotlib", "seaborn"),
        *("ray", "wandb", "mlflow", "kaggle"),
    }
)
"""Libraries that take from a tenth of a second to many to import. numpy and pydantic, which the contract needs, do not
count."""


class ImportWatch(MetaPathFinder):
    """Finds nothing, and writes down who first asked for a heavy library."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Note the import; the importing line is the nearest frame that is not of the import system.

        What a heavy library itself imports is part of it.
        """
        if name not in HEAVY or name in self.seen:
            return
        frames = [each for each in inspect.stack()[1:] if "importlib" not in each.filename]
        if frames and not any(each.frame.f_globals.get("__name__", "").split(".")[0] in HEAVY for each in frames):
            self.seen[name] = f"{frames[0].filename}, line {frames[0].lineno}"


def print_heavy_imports() -> None:
    """Import the module that the command line names, call its register hooks, print what heavy came with it as JSON."""
    import ctk.plugins  # the host's own imports are not the plugin's

    assert ctk.plugins.KINDS
    watch = ImportWatch()
    sys.meta_path.insert(0, watch)
    module = importlib.import_module(sys.argv[1])
    for name in dir(module):
        if name.startswith("ctk_register_"):
            getattr(module, name)(lambda name, thing, about="": None)
    print(json.dumps({name: where for name, where in watch.seen.items() if name in sys.modules}))
