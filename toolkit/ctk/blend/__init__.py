"""Good weights for the members of a blend, in seconds. Imports nothing of ctk but ``ctk.ops``."""

from ctk.blend.greedy import greedy_selection
from ctk.blend.result import Blend, Step

__all__ = ["Blend", "Step", "greedy_selection"]
