"""One config as lines: each value, and behind it where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from dlrun.config.text import typed

if TYPE_CHECKING:
    from dlrun.config.catalog import Catalog, Parameter
    from dlrun.config.origin import Origin, Origins
    from dlrun.config.spec import Spec
    from dlrun.planning import PlannedRun, Planner

__all__ = ["print_listing"]

_WIDE = 60  # a longer line does not push the comments of the others to the right
_SHORT = 40  # a longer default is cut
_FACTS = ("version", "task", "classes")  # of the spec: said in the first line


@dataclass(frozen=True)
class _Line:
    """A line of the listing.

    Attributes:
        text: `learning_rate: 0.01`, indented.
        origin: where the value comes from; None for a line that only opens a group.
        differs: whether it is something else than the default.
        default: what it would be, where that can be said in short.
        below: further lines of a long value.
    """

    text: str
    origin: Origin | None = None
    differs: bool = False
    default: str | None = None
    below: tuple[str, ...] = ()

    @property
    def is_set(self) -> bool:
        """Whether somebody chose it: the command line, a file of the project, an option that is not its own."""
        from dlrun.config.origin import Kind

        return self.origin is not None and self.origin.kind in (Kind.WORD, Kind.FILE, Kind.PACKAGED)

    def comment(self, *, always: bool) -> str:
        """What stands behind the value; nothing for a default, unless it shall be said `always`."""
        from dlrun.config.origin import Kind

        if self.origin is None or (self.origin.kind is Kind.DEFAULT and not always):
            return ""
        default = f" (default {self.default})" if self.differs and self.default else ""
        return f"# {self.origin.text}{default}"


def print_listing(run: PlannedRun, planner: Planner, origins: bool, changed: bool) -> None:
    """Print a run's config.

    Args:
        origins: whether defaults say that they are some.
        changed: whether only what differs from the defaults is printed.
    """
    blocks = list(_Listing(run.spec, planner.catalog, planner.origins(run)).blocks())
    if changed:
        blocks = [kept for block in blocks if (kept := _changed(block))]
    kind = f"{run.spec['task']}, {run.spec['classes']} classes" if run.spec["classes"] else run.spec["task"]
    nothing = "; nothing differs from the defaults" if changed and not blocks else ""
    click.echo(f"# run {run.id[:8]}: {kind}{nothing}")
    lines = [line for block in blocks for line in block]
    commented = [len(line.text) for line in lines if line.comment(always=origins)]
    width = max((length for length in commented if length <= _WIDE), default=0)
    for line in lines:
        _print(line, width, line.comment(always=origins))


def _changed(block: list[_Line]) -> list[_Line]:
    """The lines of a block that somebody set, under the line that names it."""
    kept = [line for line in block[1:] if line.is_set]
    return [block[0], *kept] if kept or block[0].is_set else []


def _print(line: _Line, width: int, comment: str) -> None:
    differs = line.is_set and line.differs
    text = click.style(line.text, fg="yellow", bold=True) if differs else line.text
    gap = " " * max(width - len(line.text), 0)
    click.echo(f"{text}{gap}  {click.style(comment, dim=True)}" if comment else text)
    for more in line.below:
        click.echo(click.style(more, fg="yellow", bold=True) if differs else more)


class _Listing:
    """The lines of one spec, a block for each group and each key at the top."""

    def __init__(self, spec: Spec, catalog: Catalog, origins: Origins) -> None:
        self._spec = spec
        self._catalog = catalog
        self._origins = origins

    def blocks(self) -> Iterator[list[_Line]]:
        """The blocks: data and model first, then in the order of the primary config, then what stands at the top."""
        from dlrun.config.catalog import LIST_GROUPS

        groups = [group for group in ("data", "model", *self._defaults) if group in self._spec]
        for group in dict.fromkeys([*groups, *self._spec]):
            node = self._spec[group]
            if group in LIST_GROUPS:
                yield from self._list_blocks(group, node)
            elif isinstance(node, Mapping) and "option" in node:
                yield [self._choice(group, node["option"]), *self._values(group, node, 2)]
            elif group not in _FACTS:
                yield [self._top(group, node)]

    @cached_property
    def _defaults(self) -> dict[str, tuple[str, ...]]:
        from dlrun.config.groups import default_options

        return default_options(self._catalog)

    def _choice(self, group: str, name: str) -> _Line:
        defaults = self._defaults.get(group, ())
        origin = self._origins.of(f"{group}.option", self._spec)
        return _Line(f"{group}: {name}", origin, name not in defaults, ", ".join(defaults))

    def _list_blocks(self, group: str, entries: Mapping[str, Any]) -> Iterator[list[_Line]]:
        defaults = self._defaults.get(group, ())
        if not entries:
            yield [self._none(group, defaults)]
            return
        yield [_Line(f"{group}:")]
        for entry, node in entries.items():
            name = node["option"]
            text = f"  {entry}:" if entry == name else f"  {entry}: {name}"
            origin = self._origins.of(f"{group}.{entry}.option", self._spec)
            yield [_Line(text, origin, name not in defaults), *self._values(f"{group}.{entry}", node, 4)]

    def _none(self, group: str, defaults: tuple[str, ...]) -> _Line:
        """Nothing is chosen: `callback=[]`, or each was taken away, `~callback.early_stopping`."""
        origins = [
            self._origins.of(key, self._spec) for key in (f"{group}.option", *(f"{group}.{n}" for n in defaults))
        ]
        lines = [_Line(f"{group}: none", origin, bool(defaults), ", ".join(defaults)) for origin in origins]
        return next((line for line in lines if line.is_set), lines[0])

    def _values(self, path: str, node: Mapping[str, Any], indent: int) -> Iterator[_Line]:
        option = self._catalog.get(path.partition(".")[0], node["option"])
        for key, value in node.items():
            if key != "option":
                yield self._value(f"{path}.{key}", value, option.parameters[key], indent)

    def _top(self, key: str, value: Any) -> _Line:
        return self._value(key, value, self._catalog.primary.parameters[key], 0)

    def _value(self, dotted: str, value: Any, parameter: Parameter, indent: int) -> _Line:
        below = _below(value, indent)
        text = f"{' ' * indent}{parameter.name}:" + ("" if below else f" {typed(value)}")
        default = parameter.default
        if default != "???" and not str(default).startswith("$"):
            default = parameter.rule.normalise(default)
        said = "none: it is required" if default == "???" else _short(typed(default))
        return _Line(text, self._origins.of(dotted, self._spec), value != default, said, below)


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."


def _below(value: Any, indent: int) -> tuple[str, ...]:
    """A long value as YAML, to stand below its key; nothing for a short one."""
    if not isinstance(value, list | Mapping) or len(typed(value)) <= _WIDE:
        return ()
    import yaml

    text = yaml.safe_dump(value, default_flow_style=None, sort_keys=False, width=100)
    return tuple(f"{' ' * (indent + 2)}{line}" for line in text.splitlines())
