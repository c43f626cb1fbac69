"""What plugins raise, looked at without trusting it: its text, and whether it is Python's or the user's own."""

from __future__ import annotations

import dis

from ctk.plugins.tracing import CORE


def text_of(error: BaseException) -> str:
    """The text of an error; empty where the error's own ``__str__`` fails."""
    try:
        return str(error)
    except BaseException:
        return ""


def is_closing(error: BaseException) -> bool:
    """Whether a block is left as Python closes the generator that it stands in, and no plugin raised GeneratorExit."""
    return isinstance(error, GeneratorExit) and (error.__traceback__ is None or error.__traceback__.tb_next is None)


def is_users(error: BaseException, module: str) -> bool:
    """Whether an error is the user's Ctrl-C, and no ``raise KeyboardInterrupt`` in the package of a module.

    Between any two steps of a program the signal may end it; a ``raise`` is a step of its own. The core raises it where
    Lightning ends the process for it.
    """
    if not isinstance(error, KeyboardInterrupt):
        return False
    at = error.__traceback__
    if at is None:
        return True
    while at.tb_next is not None:
        at = at.tb_next
    top = module.partition(".")[0]
    own = top != CORE and str(at.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == top
    return not (own and dis.opname[at.tb_frame.f_code.co_code[at.tb_lasti]] == "RAISE_VARARGS")
