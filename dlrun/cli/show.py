"""`dlrun show NAME`: what an option, an experiment or a key is, what it takes, and what to type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.analysis.text import typed
from dlrun.cli.ls import default_options, list_group
from dlrun.cli.tables import Cell, Table, console, format_options, print_table
from dlrun.errors import UserError

if TYPE_CHECKING:
    from dlrun.config.catalog import Catalog, Option, Parameter

__all__ = ["command"]

_PLACES = 3  # declarations named where a key has several
_LONG = 40  # a longer default is shown below the table, as the file writes it


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
    table = _parameter_table([(p.name, p) for p in option.parameters.values()], "parameter")
    if format != "rich":
        print_table(table, format)
        return
    _heading(f"{group}/{name}", option.description, option.notes)
    if table.rows:
        print_table(table)
        click.echo()
    for parameter in option.parameters.values():
        if _is_long(parameter):
            _excerpt(parameter.path, parameter.name)
    if "layers" in option.facts:
        _excerpt(option.path, "layers")
    _facts([*_examples(catalog, option), *_origin(option)])


def _show_experiment(catalog: Catalog, name: str, format: str) -> None:
    from dlrun.config.spec import flatten
    from dlrun.config.yamlfile import read_yaml

    path = catalog.roots.find("experiment", name)
    assert path is not None  # the caller has looked
    file = read_yaml(path)
    values = {key: value for key, value in file.values.items() if key != "defaults"}
    table = Table(["key", "value"], [[key, Cell(value, typed(value))] for key, value in flatten(values).items()])
    if format != "rich":
        print_table(table, format)
        return
    _heading(f"experiment/{name}", (file.header or ("",))[0], file.header[1:])
    print_table(table)
    click.echo()
    sweeps = ((values.get("hydra") or {}).get("sweeper") or {}).get("params")
    _facts([("Run it", f"dlrun {'-m ' if sweeps else ''}experiment={name}"), ("File", _short_path(path))])


def _show_key(key: str, found: Sequence[Parameter], catalog: Catalog, format: str) -> None:
    if not found:
        raise _unknown(key, _siblings(catalog, key), catalog)
    table = _parameter_table([(_owner(parameter), parameter) for parameter in found], "option")
    if format != "rich":
        print_table(table, format)
        return
    meanings = list(dict.fromkeys(parameter.meaning for parameter in found))
    if len(meanings) == 1:  # said once, above the table
        table = Table(table.columns[:-1], [row[:-1] for row in table.rows])
    _heading(key, meanings[0] if len(meanings) == 1 else "", ())
    print_table(table)
    click.echo()
    places = dict.fromkeys(_short_path(p.path, p.line) for p in found[:_PLACES])
    _facts([*_key_examples(catalog, key, found), *(("Declared", place) for place in places)])


def _key_examples(catalog: Catalog, key: str, found: Sequence[Parameter]) -> list[tuple[str, str]]:
    group, defaults = key.partition(".")[0], default_options(catalog)
    if "." in key and group not in defaults:
        return []  # a layer's key is set in a model, not on the command line
    default = next((p for p in found if p.path.stem in defaults.get(group, ())), found[0])
    values = _values_to_try(default)
    sweep = [("Sweep it", f"dlrun -m {key}={','.join(values)}")] if len(values) > 1 else []
    return [("Set it", f"dlrun {key}={values[-1] if values else '...'}"), *sweep]


def _show_project(catalog: Catalog) -> None:
    project = catalog.roots.project
    _heading("project", "The nearest folder upwards that holds conf/project.yaml, which may be empty", ())
    if project is None:
        _facts(
            [("Here", f"none; runs lie in {catalog.roots.work}"), ("Make one", "mkdir conf; touch conf/project.yaml")]
        )
    else:
        _facts([("Here", str(project)), ("Defaults", _short_path(project / "conf" / "project.yaml"))])
    _facts([("Option", "conf/GROUP/NAME.yaml is an option of your own"), ("Experiment", "experiments/NAME.yaml")])


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


def _parameter_table(named: Iterable[tuple[str, Parameter]], heading: str) -> Table:
    rows = [
        [
            Cell(name, style="bold"),
            Cell(p.default, "below" if _is_long(p) else "required" if p.default == "???" else typed(p.default)),
            p.rule.text,
            p.meaning,
        ]
        for name, p in named
    ]
    return Table([heading, "default", "takes", "meaning"], rows)


def _examples(catalog: Catalog, option: Option) -> list[tuple[str, str]]:
    from dlrun.config.catalog import LIST_GROUPS

    group, name = option.group, option.name
    if group == "layer":
        first = option.first_parameter
        sample = typed(option.parameters[first].default) if first else ""
        number = {"required": "64", "???": "64"}.get(sample, sample)
        return [("In a model", f"layers: [..., {f'{name}: {number}' if first and number else name}, ...]")]
    if group not in default_options(catalog):
        return []
    if group in LIST_GROUPS:
        choose, prefix = f"dlrun {group}=[{name}]", f"{group}.{name}"
    else:
        choose, prefix = f"dlrun {group}={name}", group
    required = [f"{prefix}.{p.name}=..." for p in option.parameters.values() if p.default == "???"]
    words = " ".join([choose, *required])
    for parameter in option.parameters.values():
        if values := _values_to_try(parameter):
            return [("Choose it", words), ("Change it", f"{words} {prefix}.{parameter.name}={values[-1]}")]
    return [("Choose it", words)]


def _values_to_try(parameter: Parameter) -> list[str]:
    """A few values around the default that the rule accepts, the default in the middle; none where it is no number."""
    default, rule = parameter.default, parameter.rule
    if isinstance(default, bool):
        return [typed(default), typed(not default)]
    if rule.choices and isinstance(default, str):
        others = [choice for choice in rule.choices if choice != default]
        return [default, *others][:3] if others else []
    if isinstance(default, int):
        candidates: list[int | float] = [default // 2, default, default * 2] if default else [0, 1, 2]
    elif isinstance(default, float):
        around = [1 - (1 - default) * 2, default, 1 - (1 - default) / 2] if 0.5 < default < 1 else []
        candidates = around or ([default / 10, default, default * 10] if default else [0.0, 0.1, 0.3])
    else:
        return []
    return [typed(value) for value in dict.fromkeys(candidates) if rule.accepts(value)]


def _origin(option: Option) -> list[tuple[str, str]]:
    target = option.facts.get("target")
    built = [("Builds", target)] if isinstance(target, str) else []
    whose = "your project's" if option.origin == "project" else "packaged"
    return [*built, ("File", f"{_short_path(option.path)} ({whose})")]


def _is_long(parameter: Parameter) -> bool:
    return len(typed(parameter.default)) > _LONG


def _owner(parameter: Parameter) -> str:
    folder = parameter.path.parent.name
    return "every config" if folder == "conf" else f"{folder}/{parameter.path.stem}"


def _siblings(catalog: Catalog, key: str) -> list[str]:
    group = key.partition(".")[0]
    if group not in _option_groups(catalog):
        return []
    names = {p for option in catalog.names(group) for p in catalog.get(group, option).parameters}
    return [f"{group}.{name}" for name in sorted(names)]


def _unknown(name: str, near: Iterable[str], catalog: Catalog) -> UserError:
    from dlrun.config.suggest import nearest

    near = list(near)
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


def _heading(name: str, description: str, notes: Sequence[str]) -> None:
    from rich.text import Text

    out = console()
    out.print(Text(name, style="bold"))
    out.print(Text(description))
    for paragraph in _paragraphs(notes):
        out.print(Text(paragraph, style="dim"))
    click.echo()


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Comment lines as running text: a line that ends a sentence ends its paragraph."""
    text = ""
    for line in lines:
        text = f"{text} {line}".strip()
        if line.endswith((".", ":")) or not line or line.startswith("Example"):
            yield text
            text = ""
    if text:
        yield text


def _excerpt(path: Path, key: str) -> None:
    """The part of an option file that declares `key`, as it is written."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(f"{key}:")), None)
    if start is None:
        return
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1] not in ("", " ", "-")), len(lines))
    click.echo("\n".join(lines[start:end]).rstrip() + "\n")


def _facts(pairs: Iterable[tuple[str, str]]) -> None:
    for label, text in pairs:
        click.echo(f"{label:<12}{text}")


def _short_path(path: Path, line: int | None = None) -> str:
    directory = Path.cwd().resolve()
    shown = path.relative_to(directory) if path.is_relative_to(directory) else path
    return f"{shown}:{line}" if line else str(shown)
