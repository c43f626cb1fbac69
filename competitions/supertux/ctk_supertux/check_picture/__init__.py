"""A view drawn with what its labels say, for eyes."""

from ctk_supertux.check_picture.drawing import SHOWN, draw_check
from ctk_supertux.check_picture.terminal import for_terminal

__all__ = ["SHOWN", "draw_check", "for_terminal"]
