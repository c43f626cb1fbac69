"""What this plugin offers. Ray itself is imported by no command: only by the process that talks to a cluster."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_executors(register: Register) -> None:
    register("ray", "ctk_ray.executor:RayExecutor", "tasks of a Ray cluster, or of Ray on this machine")
