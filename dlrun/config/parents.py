"""Which options an option file extends: `defaults: [adam, _self_]`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from dlrun.config.suggest import nearest
from dlrun.config.yamlfile import YamlFile
from dlrun.errors import ConfigError, Problem

__all__ = ["parents"]

_SELF = "_self_"
_HERE = "@_here_"


def parents(file: YamlFile, group: str, known: Collection[str], is_list: bool) -> list[str]:
    """The options of the same group that the file's defaults list names.

    Args:
        known: the options that the group has, and its `base`.
        is_list: whether several options of the group can be chosen, each in a package of its own.

    Raises:
        ConfigError: the list is none, names what is not there, or lets a parent win over the file itself.
    """
    entries = file.values.get("defaults")
    suffix = _HERE if is_list else ""
    if problems := list(_problems(entries, file, group, known, suffix)):
        raise ConfigError(problems)
    return [entry.removesuffix(_HERE) for entry in entries or () if isinstance(entry, str) and entry != _SELF]


def _problems(entries: Any, file: YamlFile, group: str, known: Collection[str], suffix: str) -> Iterator[Problem]:
    key, place = f"{group}/{file.path.stem}: defaults", f"{file.path}:{file.lines.get('defaults')}"
    if entries is None:
        return
    if not isinstance(entries, list):
        mend = f"Write `defaults: [{entries}, {_SELF}]`." if isinstance(entries, str) else None
        yield Problem(key, "must be a list", str(entries), mend, place)
        return
    words = [entry for entry in entries if isinstance(entry, str)]
    if _SELF in words[:-1]:
        right = ", ".join([*(word for word in words if word != _SELF), _SELF])
        rule = f"must name {_SELF} last: what stands behind it wins over the file's own values"
        yield Problem(key, rule, f"[{', '.join(words)}]", f"Write [{right}].", place)
    for word in words:
        name = word.removesuffix(_HERE)
        if word == _SELF:
            continue
        if name == file.path.stem:
            yield Problem(key, "must not name the file itself", name, place=place)
        elif name not in known:
            meant = nearest(name, known)
            mend = f"Did you mean {meant}?" if meant else f"There are: {', '.join(sorted(known))}."
            yield Problem(key, f"must name options of {group}", name, mend, place)
        elif not word.endswith(suffix):  # Hydra would put it into its own package, beside the child
            yield Problem(key, f"must name a parent as NAME{suffix}", word, f"Write {word}{suffix}.", place)
