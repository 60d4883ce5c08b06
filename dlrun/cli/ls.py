"""`dlrun ls [GROUP]`: what can be chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlrun.cli.tables import Cell, Table, console, format_options, print_table
from dlrun.errors import ConfigError, UserError

if TYPE_CHECKING:
    from dlrun.config.catalog import Catalog

__all__ = ["command", "default_options", "list_group", "summary"]

_NAMES_SHOWN = 5
# A group's meaning: `- optimizer: adam  # how weights are changed` in the primary config's list of defaults, or, for a
# group that is not chosen there, a line `# layer: what models are made of` in that list.
_MEANINGS = (re.compile(r"^\s+- (\w+):[^#]*#\s*(.+)$"), re.compile(r"^\s+# (\w+): (.+)$"))


@click.command(name="ls", short_help="List groups and options, a line each.")
@click.argument("group", required=False)
@click.option("--search", metavar="TEXT", help="Only options whose name, description or parameters have these words.")
@format_options
def command(group: str | None, search: str | None, format: str) -> None:
    """List all groups, or the options of GROUP, a line each.

    dlrun show NAME tells the parameters of one.
    """
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    catalog = Catalog(Roots.of(Path.cwd()))
    if group is not None and group not in catalog.groups:
        raise _unknown_group(group, catalog)
    if search is not None:
        _list_matches(catalog, group, search, format)
    elif group is None:
        _list_groups(catalog, format)
    else:
        list_group(catalog, group, format)


def list_group(catalog: Catalog, group: str, format: str) -> None:
    """Print the options of a group."""
    defaults = default_options(catalog).get(group, ())
    rows = []
    for name in catalog.names(group):
        chosen = name in defaults
        cell = Cell(name, f"{name} (default)" if chosen else name, "bold" if chosen else None)
        rows.append([cell, *_columns(catalog, group, name, format)])
    if format == "rich" and not rows:
        console().print(f"{group} has no options yet.")
        return
    columns = ["option", "description"] if format in ("rich", "md") else ["option", "description", "origin", "path"]
    print_table(Table(columns, rows), format)


def default_options(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """The options that the primary config chooses, by group."""
    chosen: dict[str, tuple[str, ...]] = {}
    for entry in _primary(catalog).get("defaults") or []:
        for group, name in entry.items() if isinstance(entry, Mapping) else ():
            names = name if isinstance(name, list) else [name]
            chosen[str(group)] = tuple(str(item) for item in names if item is not None)
    return {group: names for group, names in chosen.items() if " " not in group}


def summary(catalog: Catalog, group: str, name: str) -> tuple[str, str]:
    """An option's description, and every word that a search may find it by."""
    from dlrun.config.yamlfile import read_yaml

    path = catalog.roots.find(group, name)
    try:
        if group == "experiment" and path is not None:  # an experiment sets keys, it declares none
            file = read_yaml(path)
            return (file.header or ("",))[0], file.text
        option = catalog.get(group, name)
    except ConfigError as error:  # one broken file must not hide the others
        return f"cannot be read: {error.problems[0]}", ""
    words = (f"{parameter.name} {parameter.meaning}" for parameter in option.parameters.values())
    return option.description, " ".join((*option.notes, *words))


def _columns(catalog: Catalog, group: str, name: str, format: str) -> list[object]:
    description, _ = summary(catalog, group, name)
    path = catalog.roots.find(group, name)
    project = catalog.roots.project
    own = project is not None and path is not None and path.is_relative_to(project)
    if format in ("rich", "md"):
        return [f"{description} (your project's)" if own else description]
    return [description, "project" if own else "packaged", str(path)]


def _list_groups(catalog: Catalog, format: str) -> None:
    defaults, meanings = default_options(catalog), _meanings(catalog)
    rows = []
    for group in catalog.groups:
        names = catalog.names(group)
        chosen = ", ".join(defaults.get(group, ()))
        rows.append([Cell(group, style="bold"), len(names), chosen, meanings.get(group) or _some(names)])
    print_table(Table(["group", "options", "default", "what it is"], rows), format)
    if format == "rich":
        console().print("\ndlrun ls GROUP lists its options, dlrun show NAME tells one's parameters.", style="dim")


def _list_matches(catalog: Catalog, group: str | None, search: str, format: str) -> None:
    wanted = search.lower().split()
    rows = [
        [f"{where}/{name}", description]
        for where, name in _options(catalog, group)
        for description, words in [summary(catalog, where, name)]
        if all(word in f"{where}/{name} {description} {words}".lower() for word in wanted)
    ]
    if format == "rich" and not rows:
        console().print(f"Nothing has '{search}' in its name, description or parameters.")
        return
    print_table(Table(["option", "description"], rows), format)


def _options(catalog: Catalog, group: str | None) -> Iterator[tuple[str, str]]:
    for where in catalog.groups if group is None else (group,):
        yield from ((where, name) for name in catalog.names(where))


def _meanings(catalog: Catalog) -> dict[str, str]:
    lines = iter(_primary_text(catalog).splitlines())
    for line in lines:
        if line.startswith("defaults:"):
            break
    meanings = {}
    for line in lines:
        if line and not line.startswith(" "):
            break
        if match := next((match for pattern in _MEANINGS if (match := pattern.match(line))), None):
            meanings[match.group(1)] = match.group(2).strip()
    return meanings


def _primary(catalog: Catalog) -> dict[str, Any]:
    from dlrun.config.yamlfile import read_yaml

    return read_yaml(catalog.primary.path).values


def _primary_text(catalog: Catalog) -> str:
    return catalog.primary.path.read_text(encoding="utf-8")


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")


def _unknown_group(group: str, catalog: Catalog) -> UserError:
    from dlrun.config.suggest import did_you_mean

    if found := next((where for where in catalog.groups if group in catalog.names(where)), None):
        mend = f"It is an option of {found}: dlrun show {found}/{group}."
    else:
        mend = did_you_mean(group, catalog.groups, shown="dlrun ls {}") or "dlrun ls lists the groups."
    return UserError(f"GROUP must be a config group; got {group}. {mend}")
