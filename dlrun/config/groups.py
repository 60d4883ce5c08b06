"""What the primary config says of the groups: which options it chooses, and what each group is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dlrun.config.catalog import Catalog
from dlrun.config.yamlfile import read_yaml

__all__ = ["default_options", "meanings"]

# A group's meaning: `- optimizer: adam  # how weights are changed` in the primary config's list of defaults, or, for a
# group that is not chosen there, a line `# layer: what models are made of` in that list.
_MEANINGS = (re.compile(r"^\s+- (\w+):[^#]*#\s*(.+)$"), re.compile(r"^\s+# (\w+): (.+)$"))


def default_options(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """The options that the primary config chooses, by group."""
    chosen: dict[str, tuple[str, ...]] = {}
    for entry in read_yaml(catalog.primary.path).values.get("defaults") or []:
        for group, name in entry.items() if isinstance(entry, Mapping) else ():
            names = name if isinstance(name, list) else [name]
            chosen[str(group)] = tuple(str(item) for item in names if item is not None)
    return {group: names for group, names in chosen.items() if " " not in group}


def meanings(catalog: Catalog) -> dict[str, str]:
    """What each group is, in a few words."""
    lines = iter(catalog.primary.path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith("defaults:"):
            break
    found = {}
    for line in lines:
        if line and not line.startswith(" "):
            break
        if match := next((match for pattern in _MEANINGS if (match := pattern.match(line))), None):
            found[match.group(1)] = match.group(2).strip()
    return found
