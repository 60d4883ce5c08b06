"""`dlrun ls [GROUP]`: what can be chosen, and `--search` for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, console, format_options, print_table
from dlrun.errors import ConfigError, UserError

if TYPE_CHECKING:
    from dlrun.config.catalog import Catalog

__all__ = ["command", "list_group"]

_NAMES_SHOWN = 5


@click.command(name="ls", short_help="List groups and options, a line each.")
@click.argument("group", required=False)
@click.option("-s", "--search", metavar="TEXT", help="Only what has these words in its name, description or keys.")
@format_options
def command(group: str | None, search: str | None, format: str) -> None:
    """List all groups, or the options of GROUP, a line each.

    dlrun show NAME tells the parameters of one. A search knows other libraries' words too: --search xavier.
    """
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    catalog = Catalog(Roots.of(Path.cwd()))
    if group is not None and group not in catalog.groups:
        raise _unknown_group(group, catalog)
    if search is not None:
        from dlrun.cli.search import list_matches

        list_matches(catalog, group, search, format)
    elif group is None:
        _list_groups(catalog, format)
    else:
        list_group(catalog, group, format)


def list_group(catalog: Catalog, group: str, format: str) -> None:
    """Print the options of a group."""
    from dlrun.config.groups import default_options

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


def _columns(catalog: Catalog, group: str, name: str, format: str) -> list[object]:
    description = _description(catalog, group, name)
    path = catalog.roots.place(group, name)
    project = catalog.roots.project
    own = project is not None and path is not None and path.is_relative_to(project)
    if format in ("rich", "md"):
        return [f"{description} (your project's)" if own else description]
    return [description, "project" if own else "packaged", str(path)]


def _description(catalog: Catalog, group: str, name: str) -> str:
    from dlrun.config.yamlfile import read_yaml

    try:
        path = catalog.roots.find(group, name)
        if group == "experiment" and path is not None:  # an experiment sets keys, it declares none
            return (read_yaml(path).header or ("",))[0]
        return catalog.get(group, name).description
    except ConfigError as error:  # one broken file must not hide the others
        return f"cannot be read: {error.problems[0]}"


def _list_groups(catalog: Catalog, format: str) -> None:
    from dlrun.config.groups import default_options, meanings

    defaults, said = default_options(catalog), meanings(catalog)
    rows = []
    for group in catalog.groups:
        names = catalog.names(group)
        chosen = ", ".join(defaults.get(group, ()))
        rows.append([Cell(group, style="bold"), len(names), chosen, said.get(group) or _some(names)])
    print_table(Table(["group", "options", "default", "what it is"], rows), format)
    if format == "rich":
        console().print(
            "\ndlrun ls GROUP lists its options, dlrun show NAME tells one's parameters, "
            "dlrun ls --search WORD looks for one.",
            style="dim",
        )


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")


def _unknown_group(group: str, catalog: Catalog) -> UserError:
    from dlrun.config.suggest import did_you_mean

    if found := next((where for where in catalog.groups if group in catalog.names(where)), None):
        mend = f"It is an option of {found}: dlrun show {found}/{group}."
    else:
        near = did_you_mean(group, catalog.groups, shown="dlrun ls {}")
        mend = near or f"dlrun ls lists the groups, dlrun ls --search {group} looks everywhere."
    return UserError(f"GROUP must be a config group; got {group}. {mend}")
