"""What a config from an untrusted place may not do: name what is imported, run a resolver, turn Hydra's own wheels.

Untrusted is everything but the option files of the package and of the user's project: the command line, experiments,
specs. Hydra instantiates `hydra.launcher`, `hydra.sweeper` and `hydra.callbacks`, hands `hydra.job_logging` to
`logging.config`, which calls whatever it names, sets variables, makes and enters directories - all from the composed
config, before any function of ours is called. So the composed config is judged first, by what it should be.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, OmegaConf

from dlrun.config.catalog import is_fact
from dlrun.config.roots import Roots
from dlrun.config.secrets import foreign_calls
from dlrun.errors import Problem

__all__ = ["SHIPPED", "hydra_problems", "is_import_path", "trusted_choices", "unknown_resolver", "word_problems"]

_LOGGING = {"version": 1, "root": None, "disable_existing_loggers": False}
SHIPPED: Mapping[str, Any] = {
    "run.dir": ".",
    "sweep.dir": ".",
    "sweep.subdir": ".",
    "output_subdir": None,
    "job.chdir": False,
    "job.env_set": {},
    "job.env_copy": [],
    "env": {},
    "searchpath": [],
    "callbacks": {},
    "mode": None,
    "job_logging": _LOGGING,
    "hydra_logging": _LOGGING,
}
"""What acts in Hydra's own node, as dlrun ships it; a test holds this against the composed default."""

_FACTS = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")
_LEFT_ALONE = "must be left alone: dlrun runs Hydra without folders, logs, variables and callbacks of its own"
_TARGET_RULE = "must be an installed Hydra plugin of that kind or a class that your project's conf/hydra/ declares"
_MEND = "On the command line hydra/launcher=NAME and hydra.launcher.KEY=VALUE can be set."


def hydra_problems(hydra: DictConfig, trusted: Callable[[], DictConfig | None]) -> list[Problem]:
    """Everything in the composed Hydra node that would make Hydra do something, and that no trusted file says.

    Args:
        hydra: the node, composed from whatever the command asks for.
        trusted: gives the same node composed from trusted files alone; None where they leave it as dlrun ships it.
    """
    raw = _plain(hydra)
    changed = {key: value for key in SHIPPED if (value := _at(raw, key)) != SHIPPED[key]}
    facts = dict(_facts(raw, ""))
    plugins = {"launcher._target_": Launcher, "sweeper._target_": Sweeper}
    for key, kind in plugins.items():
        named = Plugins.instance().class_name_to_class.get(str(facts.get(key)))
        if named is not None and issubclass(named, kind):
            del facts[key]
    strange = dict(_interpolations(raw.get("launcher"), "launcher"))
    if not (changed or facts or strange):
        return []
    own = trusted()
    allowed = {} if own is None else _plain(own)
    kept = _plugin_defaults(hydra)
    problems = [
        _refused_fact(key, value)
        for key, value in facts.items()
        if _at(allowed, key) != value and _at(kept, key) != value
    ]
    told = {problem.key for problem in problems}
    for key, value in changed.items():
        inside = any(each.startswith(f"hydra.{key}.") for each in told)
        if _at(allowed, key, SHIPPED[key]) != value and not inside:
            problems.append(Problem(f"hydra.{key}", _LEFT_ALONE, got=_shown(value), mend=_MEND))
    for key, value in strange.items():
        if value not in (_at(allowed, key), _at(kept, key)):
            problems.append(Problem(f"hydra.{key}", "must be a plain value", got=_shown(value), mend=_MEND))
    return problems


def trusted_choices(overrides: Sequence[Override], roots: Roots) -> list[Override]:
    """The choices among the words that bring nothing but trusted files into Hydra's node."""
    return [o for o in overrides if o.package is None and _is_own_choice(o, roots)]


def word_problems(override: Override, is_choice: bool, roots: Roots) -> list[Problem]:
    """What a word of the command line must not do, judged before anything is composed with it."""
    found = _word_problems(override, is_choice, roots)
    return [replace(problem, instead=(problem.key, "")) for problem in found]  # leave the word out and judge the rest


def _word_problems(override: Override, is_choice: bool, roots: Roots) -> list[Problem]:
    key, value = override.key_or_group, override.input_line.partition("=")[2] if override.input_line else ""
    if override.package is not None and override.package.split(".")[0] == "hydra":
        return [Problem(f"{key}@{override.package}", _LEFT_ALONE, got=value, mend=_MEND)]
    if strange := foreign_calls(value):
        return [unknown_resolver(key, strange[0], value)]
    if not override.is_hydra_override():
        return []
    if is_choice:
        may = key in ("hydra/launcher", "hydra/sweeper") or _is_own_choice(override, roots)
        return [] if may else [Problem(key, _LEFT_ALONE, got=value, mend=_MEND)]
    if key.rpartition(".")[2] in _FACTS:
        return [_refused_fact(key.removeprefix("hydra."), value)]
    if key.startswith(("hydra.launcher.", "hydra.sweeper.params.")) or key in ("hydra.sweeper.params", "hydra.verbose"):
        return []
    if key == "hydra.searchpath":  # it would bring options, and import paths in them, from anywhere
        rule = "must be left alone: options come from dlrun and from your project's conf/"
        return [Problem(key, rule, got=value, mend="dlrun show project tells how to have options of your own.")]
    if key == "hydra.mode":
        return [Problem(key, "must be left alone: -m asks for a sweep", got=value, mend="Type dlrun -m ...")]
    return [Problem(key, _LEFT_ALONE, got=value, mend=_MEND)]


def is_import_path(key: object) -> bool:
    """Whether a key of a config would be read as `_target_` and the like, or is made to look like it.

    Full-width letters and signs without width look alike to a reader and to some parsers, so they count as what they
    look like.
    """
    if not isinstance(key, str):
        return False
    signs = (sign for sign in unicodedata.normalize("NFKC", key) if unicodedata.category(sign) not in ("Cf", "Cc"))
    return is_fact("".join(signs).strip())


def _plain(node: DictConfig) -> dict[str, Any]:
    values = OmegaConf.to_container(node, resolve=False, enum_to_str=True)
    return {str(key): value for key, value in values.items()} if isinstance(values, dict) else {}


def _at(node: Any, dotted: str, default: Any = None) -> Any:
    for part in dotted.split("."):
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, Mapping) and part in node:
            node = node[part]
        else:
            return default
    return node


def _leaves(node: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Path, last key and value of everything that is no collection."""
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping | list):
            if isinstance(key, str) and is_import_path(key):
                yield here, key, value
            yield from _leaves(value, here)
        else:
            yield here, str(key), value


def _facts(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    return ((here, value) for here, key, value in _leaves(node, path) if is_import_path(key))


def _interpolations(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, str):
        yield path, node
    yield from ((here, value) for here, _, value in _leaves(node, path) if isinstance(value, str) and "${" in value)


def _plugin_defaults(hydra: DictConfig) -> dict[str, Any]:
    """What the chosen launcher's own plugin stores for it."""
    from hydra.core.config_store import ConfigStore

    name = OmegaConf.select(hydra, "runtime.choices").get("hydra/launcher") if "runtime" in hydra else None
    stored = ConfigStore.instance().list("hydra/launcher") if name else []
    if f"{name}.yaml" not in stored:
        return {}
    return {"launcher": _plain(OmegaConf.structured(ConfigStore.instance().load(f"hydra/launcher/{name}.yaml").node))}


def _is_own_choice(override: Override, roots: Roots) -> bool:
    key = override.key_or_group
    path = roots.find(key, str(override.value())) if key.startswith("hydra/") else None
    return path is not None and roots.project is not None and path.is_relative_to(roots.project)


def _refused_fact(key: str, value: Any) -> Problem:
    mend = "Name one of Hydra's plugins, or declare the class in your project's conf/hydra/."
    return Problem(f"hydra.{key}", _TARGET_RULE, got=_shown(value), mend=mend)


def unknown_resolver(key: str, name: str, value: str) -> Problem:
    """The problem of a value that calls a resolver which a plugin or nobody brought."""
    rule = f"must call no resolver but OmegaConf's own: '{name}' is none of them"
    return Problem(key, rule, got=f"'{value}'", mend="Type the value itself.")


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
