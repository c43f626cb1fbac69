"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_transforms(register: Register) -> None:
    register(
        "pictures", "ctk_torchvision.pictures:Pictures", "a policy of torchvision's transforms: light, standard ..."
    )
