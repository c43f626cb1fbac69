"""What this plugin offers. open_clip itself is imported only when the filter is used."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_filters(register: Register) -> None:
    register(
        "clip", "ctk_open_clip.clip_filter:ClipFilter", "drops captions that a CLIP model finds unlike their picture"
    )
