"""What a plugin offers, read from its source: nothing is imported.

Understood are hooks defined at the top of a module whose body is nothing but calls ``register("name", ...)``, with an
optional ``requires_ctk = "..."`` beside them. Of whatever else there is, only that it exists is known: its kinds are
"computed", and the plugin is loaded when one of them is looked up.
"""

from __future__ import annotations

import ast
import sys
import tokenize
from pathlib import Path

from ctk import hookspecs
from ctk.errors import PluginError, nearest
from ctk.plugins.plugin import KINDS, UNKNOWN, Component, Plugin

HOOKS = [name for name in vars(hookspecs) if name.startswith("ctk_")]
REGISTER = "ctk_register_"


def find_source(module: str) -> Path | None:
    """The source of a module, found without importing it or the packages around it. None where it has none.

    Raises PluginError where there is no such module.
    """
    path: list[str] | None = None
    name, spec = "", None
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        if name != module and (package := getattr(sys.modules.get(name), "__path__", None)) is not None:
            path = list(package)  # one-file plugins are in a package that no finder knows
            continue
        if path is None and "." in name:  # nothing is in a module; without a path all of sys.path would be searched
            raise PluginError(f"ModuleNotFoundError: No module named '{name}'")
        specs = (finder.find_spec(name, path) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        try:
            spec = next((spec for spec in specs if spec is not None), None)
        except KeyError:  # of a folder without __init__.py: it asks the package around it, which is not imported
            spec, path = None, [str(place) for each in path or () if (place := Path(each, part)).is_dir()]
            continue
        if spec is None:
            raise PluginError(f"ModuleNotFoundError: No module named '{name}'")
        path = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


def read_offers(plugin: Plugin) -> None:
    """Fill in a plugin's hooks, offers, computed kinds and required versions. Raises PluginError for what is wrong."""
    if plugin.path is None or plugin.attribute:
        plugin.hooks, plugin.computed = set(HOOKS), set(KINDS)
        return
    try:
        with tokenize.open(plugin.path) as file:
            tree = ast.parse(file.read(), str(plugin.path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: nested too deeply
        raise PluginError(f"{type(error).__name__}: {error}".removesuffix(": ")) from error
    except OSError as error:
        raise PluginError(f"{plugin.path}: {error.strerror}") from error
    for statement in tree.body:
        _read_statement(statement, plugin)


def check_hook(name: str) -> None:
    """Raise PluginError for a hook that does not exist, with the nearest that does."""
    if name not in HOOKS:
        raise PluginError(
            f"it implements a hook '{name}' that does not exist ({nearest(name, HOOKS, 'hooks').rstrip('.')})"
        )


def _read_statement(statement: ast.stmt, plugin: Plugin) -> None:
    if isinstance(statement, ast.FunctionDef):
        if statement.name.startswith("ctk_") and any(_is_marker(each) for each in statement.decorator_list):
            check_hook(statement.name)
            plugin.hooks.add(statement.name)
            if (kind := statement.name.removeprefix(REGISTER)) in KINDS:
                _read_registrations(statement, kind, plugin)
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if "requires_ctk" in names:
            if (wanted := _text(statement.value)) is None:
                raise PluginError("its requires_ctk is not written as a string, such as '>=0.1,<0.2'")
            plugin.requires = wanted
        _compute(names, plugin)
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        _compute([alias.asname or alias.name for alias in statement.names], plugin)
    else:  # an if, a try, a loop: hooks inside are there or not
        inner = [node.name for node in ast.walk(statement) if isinstance(node, ast.FunctionDef)]
        imported = [
            alias.asname or alias.name
            for node in ast.walk(statement)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        ]
        _compute([*inner, *imported], plugin)


def _compute(names: list[str], plugin: Plugin) -> None:
    """Names that may be hooks: what they register is not known."""
    hooks = HOOKS if "*" in names else [name for name in names if name in HOOKS]
    plugin.hooks.update(hooks)
    plugin.computed.update(kind for hook in hooks if (kind := hook.removeprefix(REGISTER)) in KINDS)


def _read_registrations(hook: ast.FunctionDef, kind: str, plugin: Plugin) -> None:
    for statement in hook.body:
        value = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(statement, (ast.Pass, ast.Import, ast.ImportFrom)) or isinstance(value, ast.Constant):
            continue
        component = _registration(value, kind, plugin) if isinstance(value, ast.Call) else None
        if component is None:
            plugin.computed.add(kind)
            continue
        check_new(component, plugin.offers)
        plugin.offers.append(component)


def check_new(component: Component, offers: list[Component]) -> None:
    """Raise PluginError for a name that is none, or that was given before."""
    kind = KINDS[component.kind]
    if not isinstance(component.name, str) or not component.name or ":" in component.name:
        raise PluginError(f"it registers a {kind} under {component.name!r}, which is no name")
    if any(offer.kind == component.kind and offer.name == component.name for offer in offers):
        raise PluginError(f"it registers the {kind} '{component.name}' twice")


def _registration(call: ast.Call, kind: str, plugin: Plugin) -> Component | None:
    """What ``register("name", thing, about)`` offers; None where the name, or the call, is something else."""
    if not (isinstance(call.func, ast.Name) and call.func.id == "register"):
        return None
    given = dict(zip(("name", "thing", "about"), call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    name = _text(given.get("name"))
    if name is None or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    thing = _text(given.get("thing"))
    about = _text(given.get("about")) or ""
    return Component(kind, name, UNKNOWN if thing is None else thing, about, plugin.name, plugin.distribution)


def _is_marker(decorator: ast.expr) -> bool:
    """Whether a decorator is ``hookimpl``, however it was imported, with options or without."""
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (isinstance(call, ast.Name) and call.id == "hookimpl") or (
        isinstance(call, ast.Attribute) and call.attr == "hookimpl"
    )


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
