"""`dlrun show NAME`: what an option, an experiment or a key is, what it takes, and what to type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.ls import list_group
from dlrun.cli.show_examples import key_examples, option_examples
from dlrun.cli.show_text import excerpt, facts, heading, is_long, notes_and_differences, parameter_table, short_path
from dlrun.cli.tables import Cell, Table, format_options, print_table
from dlrun.config.text import typed
from dlrun.errors import UserError

if TYPE_CHECKING:
    from dlrun.config.catalog import Catalog, Option, Parameter

__all__ = ["command"]

_PLACES = 3  # declarations named where a key has several


@click.command(name="show", short_help="Show one option, experiment or key: parameters, bounds, defaults.")
@click.argument("name")
@format_options
def command(name: str, format: str) -> None:
    """Show what NAME is, what it takes, and what to type.

    NAME is an option (optimizer/adam, or adam), a key (optimizer.learning_rate), an experiment, a group or project.
    """
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    catalog = Catalog(Roots.of(Path.cwd()))
    if name == "project":
        _show_project(catalog)
    elif "/" in name:
        group, _, option = name.rpartition("/")
        if not catalog.has(group, option):
            raise _unknown(name, (f"{group}/{known}" for known in catalog.names(group)), catalog)
        _show_option(catalog, group, option, format)
    elif "." in name:
        _show_key(name, _declarations(catalog, name), catalog, format)
    else:
        _show_word(catalog, name, format)


def _show_word(catalog: Catalog, word: str, format: str) -> None:
    """A bare word is a group, an option of one group, a key at the top, or a parameter of one group."""
    if word in catalog.groups:
        list_group(catalog, word, format)
        return
    found = [group for group in catalog.groups if catalog.has(group, word)]
    if len(found) == 1:
        _show_option(catalog, found[0], word, format)
        return
    if word in catalog.primary.parameters:
        _show_key(word, [catalog.primary.parameters[word]], catalog, format)
        return
    keys = [f"{group}/{word}" for group in found] or list(_keys_ending_in(catalog, word))
    if len(keys) == 1:
        _show_key(keys[0], _declarations(catalog, keys[0]), catalog, format)
    elif keys:
        mends = ", ".join(f"dlrun show {key}" for key in keys)
        raise UserError(f"{word} is the name of several things. Say which: {mends}.")
    else:
        raise _unknown(word, (), catalog)


def _show_option(catalog: Catalog, group: str, name: str, format: str) -> None:
    if group == "experiment":
        _show_experiment(catalog, name, format)
        return
    option = catalog.get(group, name)
    table = parameter_table([(p.name, p) for p in option.parameters.values()], "parameter", format)
    if format != "rich":
        print_table(table, format)
        return
    notes, differences = notes_and_differences(option.notes)
    heading(f"{group}/{name}", option.description, notes)
    if table.rows:
        print_table(table)
        click.echo()
    for parameter in option.parameters.values():
        if is_long(parameter):
            excerpt(parameter.path, parameter.name)
    if "layers" in option.facts:
        excerpt(option.path, "layers")
    if differences:
        facts([("Keras", difference) for difference in differences], wrapped=True)
        click.echo()
    facts([*option_examples(catalog, option), *_origin(option)])


def _show_experiment(catalog: Catalog, name: str, format: str) -> None:
    from dlrun.config.saidlines import choices
    from dlrun.config.spec import flatten
    from dlrun.config.yamlfile import read_yaml

    path = catalog.roots.find("experiment", name)
    assert path is not None  # the caller has looked
    file = read_yaml(path)
    values = {key: value for key, value in file.values.items() if key != "defaults"}
    keys = {choice.node: ", ".join(choice.names) or "none" for choice in choices(path)} | flatten(values)
    table = Table(["key", "value"], [[key, Cell(value, typed(value))] for key, value in keys.items()])
    if format != "rich":
        print_table(table, format)
        return
    heading(f"experiment/{name}", (file.header or ("",))[0], notes_and_differences(file.header[1:])[0])
    print_table(table)
    click.echo()
    sweeps = ((values.get("hydra") or {}).get("sweeper") or {}).get("params")
    facts([("Run it", f"dlrun {'-m ' if sweeps else ''}experiment={name}"), ("File", short_path(path))])


def _show_key(key: str, found: Sequence[Parameter], catalog: Catalog, format: str) -> None:
    if not found:
        raise _unknown(key, _siblings(catalog, key), catalog)
    table = parameter_table([(_owner(parameter), parameter) for parameter in found], "option", format)
    if format != "rich":
        print_table(table, format)
        return
    meanings = list(dict.fromkeys(parameter.meaning for parameter in found))
    if len(meanings) == 1:  # said once, above the table
        table = Table(table.columns[:-1], [row[:-1] for row in table.rows])
    heading(key, meanings[0] if len(meanings) == 1 else "", ())
    print_table(table)
    click.echo()
    places = dict.fromkeys(short_path(p.path, p.line) for p in found[:_PLACES])
    facts([*key_examples(catalog, key, found), *(("Declared", place) for place in places)])


def _show_project(catalog: Catalog) -> None:
    project = catalog.roots.project
    heading("project", "The nearest folder upwards that holds conf/project.yaml, which may be empty", ())
    if project is None:
        facts(
            [("Here", f"none; runs lie in {catalog.roots.work}"), ("Make one", "mkdir conf; touch conf/project.yaml")]
        )
    else:
        facts([("Here", str(project)), ("Defaults", short_path(project / "conf" / "project.yaml"))])
    facts([("Option", "conf/GROUP/NAME.yaml is an option of your own"), ("Experiment", "experiments/NAME.yaml")])


def _declarations(catalog: Catalog, key: str) -> list[Parameter]:
    """Every declaration of a dotted key: GROUP.PARAMETER, or GROUP.OPTION.PARAMETER for groups that are lists."""
    group, _, name = key.partition(".")
    if group not in _option_groups(catalog):
        return []
    option, _, rest = name.rpartition(".")
    if option and catalog.has(group, option):
        return [p for p in catalog.get(group, option).parameters.values() if p.name == rest]
    return list(_parameters(catalog, group, name))


def _keys_ending_in(catalog: Catalog, word: str) -> Iterator[str]:
    """The dotted keys whose last word is `word`; in a group that is a list, one for each option that has it."""
    from dlrun.config.catalog import LIST_GROUPS

    for group in _option_groups(catalog):
        options = [name for name in catalog.names(group) if word in catalog.get(group, name).parameters]
        if group in LIST_GROUPS:
            yield from (f"{group}.{name}.{word}" for name in options)
        elif options:
            yield f"{group}.{word}"


def _parameters(catalog: Catalog, group: str, name: str) -> Iterator[Parameter]:
    """The declarations of a parameter in a group; one that several options inherit counts once."""
    options = (catalog.get(group, option) for option in catalog.names(group))
    found = [option.parameters[name] for option in options if name in option.parameters]
    yield from {parameter.place: parameter for parameter in found}.values()


def _option_groups(catalog: Catalog) -> list[str]:
    return [group for group in catalog.groups if group != "experiment"]


def _origin(option: Option) -> list[tuple[str, str]]:
    target = option.facts.get("target")
    targets = dict.fromkeys(target.values()) if isinstance(target, Mapping) else [target] if target else []
    whose = "your project's" if option.origin == "project" else "packaged"
    return [*(("Builds", str(each)) for each in targets), ("File", f"{short_path(option.path)} ({whose})")]


def _owner(parameter: Parameter) -> str:
    folder = parameter.path.parent.name
    return "every config" if folder == "conf" else f"{folder}/{parameter.path.stem}"


def _siblings(catalog: Catalog, key: str) -> list[str]:
    group = key.partition(".")[0]
    if group not in _option_groups(catalog):
        return []
    names = {p for option in catalog.names(group) for p in catalog.get(group, option).parameters}
    return [f"{group}.{name}" for name in sorted(names)]


def _all_keys(catalog: Catalog) -> Iterator[str]:
    """The dotted keys that the command line sets, and `OPTION.KEY` for them."""
    for group in catalog.chosen_groups:
        for option in catalog.names(group):
            for key in catalog.get(group, option).parameters:
                yield f"{group}.{key}"


def _unknown(name: str, near: Iterable[str], catalog: Catalog) -> UserError:
    from dlrun.config.suggest import nearest

    near = [*near, *_all_keys(catalog)] if "/" not in name else list(near)
    last = {key.replace("/", ".").rpartition(".")[2]: key for key in near}
    word = name.replace("/", ".").rpartition(".")[2]
    found = last.get(nearest(word, last) or "") or nearest(name, near)
    if found is None:
        options = [f"{group}/{option}" for group in catalog.groups for option in catalog.names(group)]
        shorts = {option.partition("/")[2]: option for option in reversed(options)}
        found = nearest(name, [*options, *catalog.groups, *catalog.primary.parameters])
        found = found or shorts.get(nearest(word, shorts) or "")
    mend = f"Did you mean dlrun show {found}?" if found else f"dlrun ls --search {word} looks everywhere."
    return UserError(f"NAME must be an option, a key, an experiment or a group; got {name}. {mend}")
