"""The config of a run: defaults < preset < file < overrides, typed, with unknown keys refused."""
