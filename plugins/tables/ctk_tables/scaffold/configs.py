"""Presets and spaces of a package, as YAML files."""

from __future__ import annotations

from ctk.files import dump_yaml
from ctk_tables.description import TableDescription

WIDTH = 116


def config_files(description: TableDescription, rows: int) -> dict[str, str]:
    """The texts of ``presets/*.yaml`` and ``spaces/*.yaml``, by their paths in the package."""
    thin = {
        "split": {"folds": 5, "use": 5},
        "seeds": [1],
        "members": [{"model": {"name": "ridge", "alpha": 10, "standardise": True}}],
        "blend": "mean",
    }
    presets = {"default": thin, "quick": thin}
    return {f"presets/{name}.yaml": dump_yaml(preset, default_flow_style=None, width=WIDTH) for name, preset in presets.items()}
