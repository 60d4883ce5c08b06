"""Spell out a model's list of layers: loops, blocks, conditions and the shapes that layers are joined in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlrun.config.catalog import Catalog, Option
from dlrun.config.text import shown
from dlrun.errors import Problem
from dlrun.models.findings import Findings, Told
from dlrun.models.items import Item, read_item, unknown_layer
from dlrun.models.nodes import Branch, Branches, Call, Join, Layer, Node, Residual, Save, Shared
from dlrun.models.parameters import Evaluator
from dlrun.models.scope import UNKNOWN, Scope, has_unknown

__all__ = ["Expander", "TooManyLayers"]

_MOST_ITEMS = 10_000
_MERGES = {"residual": "add", "branches": "concatenate", "shared": "concatenate", "join": "concatenate"}


class TooManyLayers(Exception):
    """The model has more items than any real one: a loop runs away."""

    def __init__(self, path: str) -> None:
        self.problem = Problem(
            path, f"must expand to at most {_MOST_ITEMS:,} layers", mend="Lower the repeats around it."
        )
        super().__init__(str(self.problem))


class Expander:
    """Turns items into nodes. What is wrong goes to the findings; an item that is wrong gives no node."""

    def __init__(self, catalog: Catalog, findings: Findings) -> None:
        self.catalog = catalog
        self.findings = findings
        self.evaluator = Evaluator(catalog, findings)
        self._count = 0
        self._structure = {
            "for": self._for,
            "repeat": self._repeat,
            "residual": self._residual,
            "branches": self._branches,
            "shared": self._shared,
            "save": self._save,
            "join": self._join,
            "when": self._group,
        }

    def layers(self, items: Any, scope: Scope, path: str) -> tuple[Node, ...]:
        """The nodes of a list of items.

        Raises:
            TooManyLayers: a loop runs away.
        """
        if not isinstance(items, Sequence) or isinstance(items, str):
            mend = "Put `- ` in front of each layer." if isinstance(items, Mapping) else None
            self._wrong(scope, path, "must be a list of layers", items, mend)
            return ()
        return tuple(node for index, item in enumerate(items) for node in self.item(item, scope, f"{path}[{index}]"))

    def item(self, item: Any, scope: Scope, path: str) -> tuple[Node, ...]:
        """The nodes of one item, which stands at `path`."""
        self._counted(path)
        read = read_item(item, path, scope.place)
        if isinstance(read, Problem):
            self.findings.add(read, Told.MISSPELT)
            return ()
        expand = self._structure.get(read.word, self._layer)
        if self._is_there(read, scope, path):
            return expand(read, scope, path)
        with self.findings.only(Told.MISSPELT):  # left out: only for the names it reads and misspells
            expand(read, scope, path)
        return ()

    def _is_there(self, item: Item, scope: Scope, path: str) -> bool:
        value = self.evaluator.value(item.when, scope, f"{path}.when")
        if value is not UNKNOWN and not isinstance(value, bool):
            self._wrong(scope, f"{path}.when", "must be true or false", value, "Compare: `$depth > 2`.", Told.ALL)
        return value is True

    def _layer(self, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        if not self.catalog.has("layer", item.word):
            known = self.catalog.names("layer")
            self.findings.add(unknown_layer(item, path, scope.place, known, self.catalog), Told.MISSPELT)
            return ()
        option = self.catalog.get("layer", item.word)
        if "layers" in option.facts:
            return self._block(option, item, scope, path)
        layer = self._built(option, item, scope, path)
        if layer.call == "list":
            rule = "must stand as a merge: it takes several tensors"
            self._wrong(scope, path, rule, item.word, f"Write `merge: {item.word}` beside branches or join.")
        return (layer,)

    def _built(self, option: Option, item: Item, scope: Scope, path: str) -> Layer:
        given = self.evaluator.given(option, item.value)
        parameters = self.evaluator.parameters(option, given, scope, f"{path}.{option.name}")
        call = option.facts.get("call", "x")
        return Layer(path, option.name, parameters, call if isinstance(call, str) else tuple(call))

    def _block(self, option: Option, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        if option.name in scope.blocks:
            chain = " -> ".join((*scope.blocks, option.name))
            self._wrong(scope, path, f"must not contain itself: {chain}")
            return ()
        inside = scope.inside(option.name, str(option.path))
        given = self.evaluator.given(option, item.value)
        parameters = self.evaluator.parameters(option, given, scope, f"{path}.{option.name}", inside)
        return self.layers(option.facts["layers"], inside.bind(parameters), f"{path}.layers")

    def _group(self, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        return self.layers(item.companions["layers"], scope, f"{path}.layers")

    def _for(self, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        named = item.value
        if not isinstance(named, Mapping) or not named or not all(str(name).isidentifier() for name in named):
            mend = "Write `for: {units: $hidden}`."
            self._wrong(scope, path + ".for", "must name each variable and its list", named, mend)
            return ()
        lists = {str(name): self._list_of(raw, scope, f"{path}.for.{name}") for name, raw in named.items()}
        known = [values for values in lists.values() if values is not UNKNOWN]
        if len({len(values) for values in known}) > 1:
            lengths = {name: len(values) for name, values in lists.items() if values is not UNKNOWN}
            self._wrong(scope, path + ".for", "must run over lists of one length", lengths, kind=Told.ALL)
            known = []
        passes = [dict(zip(lists, values, strict=True)) for values in zip(*known, strict=True)]
        return self._passes(
            item, scope, path, passes if len(known) == len(lists) else [], dict.fromkeys(lists, UNKNOWN)
        )

    def _list_of(self, raw: Any, scope: Scope, path: str) -> Any:
        value = self.evaluator.value(raw, scope, path)
        if value is UNKNOWN or isinstance(value, list | tuple):
            return value
        mend = f"Write [{shown(value)}]; `repeat` builds the same layers several times."
        self._wrong(scope, path, "must be a list", value, mend, Told.ALL)
        return UNKNOWN

    def _repeat(self, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        times = self.evaluator.value(item.value, scope, f"{path}.repeat")
        if times is not UNKNOWN and (isinstance(times, bool) or not isinstance(times, int) or times < 0):
            mend = "`for` runs over a list." if isinstance(times, list) else None
            self._wrong(scope, f"{path}.repeat", "must be a whole number, 0 or more", times, mend, Told.ALL)
            times = UNKNOWN
        passes = ({"i": i} for i in range(0 if times is UNKNOWN else times))
        return self._passes(item, scope, path, passes, {"i": UNKNOWN})

    def _passes(
        self, item: Item, scope: Scope, path: str, passes: Iterable[Mapping[str, Any]], unbound: Mapping[str, Any]
    ) -> tuple[Node, ...]:
        nodes: list[Node] = []
        number = -1
        for number, names in enumerate(passes):
            self._counted(path)
            nodes += self.layers(item.companions["layers"], scope.bind(names), f"{path}.layers#{number}")
        if number < 0:
            with self.findings.only(Told.MISSPELT):
                self.layers(item.companions["layers"], scope.bind(unbound), f"{path}.layers")
        return tuple(nodes)

    def _residual(self, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        body = self.layers(item.value, scope, f"{path}.residual")
        shortcut = self.layers(item.companions.get("shortcut", []), scope, f"{path}.shortcut")
        merge = self._merge(item, scope, path)
        return (Residual(path, body, shortcut, merge),) if merge else ()

    def _branches(self, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        value = item.value
        if not value or isinstance(value, str) or not isinstance(value, Sequence | Mapping):
            mend = "Write `branches: [[...], [...]]`, or `branches: {input: [...]}` for a model of several inputs."
            self._wrong(scope, f"{path}.branches", "must be lists of layers", value, mend)
            return ()
        if isinstance(value, Mapping):
            named: list[tuple[str | None, Any, str]]
            named = [(str(name), items, f"{path}.branches.{name}") for name, items in value.items()]
        else:
            named = [(None, items, f"{path}.branches[{index}]") for index, items in enumerate(value)]
        branches = tuple(Branch(name, self.layers(items, scope, where)) for name, items, where in named)
        merge = self._merge(item, scope, path)
        return (Branches(path, branches, merge),) if merge else ()

    def _shared(self, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        inputs = self.evaluator.value(item.value, scope, f"{path}.shared")
        if not isinstance(inputs, list) or not inputs or not all(isinstance(name, str) for name in inputs):
            self._wrong(scope, f"{path}.shared", "must be a list of inputs' names", inputs, "Write `shared: [a, b]`.")
            return ()
        body = self.layers(item.companions["layers"], scope, f"{path}.layers")
        merge = self._merge(item, scope, path)
        return (Shared(path, tuple(inputs), body, merge),) if merge else ()

    def _save(self, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        name = self._name_of(item, scope, path)
        return (Save(path, name),) if name else ()

    def _join(self, item: Item, scope: Scope, path: str) -> tuple[Node, ...]:
        name = self._name_of(item, scope, path)
        merge = self._merge(item, scope, path)
        return (Join(path, name, merge),) if name and merge else ()

    def _name_of(self, item: Item, scope: Scope, path: str) -> str | None:
        name = self.evaluator.value(item.value, scope, f"{path}.{item.word}")
        if isinstance(name, str) and name:
            return name
        if name is not UNKNOWN:
            self._wrong(scope, f"{path}.{item.word}", "must be a name", name, f"Write `{item.word}: skip`.")
        return None

    def _merge(self, item: Item, scope: Scope, path: str) -> Layer | None:
        """The layer that an item's tensors meet in."""
        path = f"{path}.merge"
        read = read_item(item.companions.get("merge", _MERGES[item.word]), path, scope.place)
        if isinstance(read, Problem):
            self.findings.add(read, Told.MISSPELT)
            return None
        if not self.catalog.has("layer", read.word):
            known = tuple(name for name in self.catalog.names("layer") if self._merges(name))
            self.findings.add(unknown_layer(read, path, scope.place, known, self.catalog), Told.MISSPELT)
            return None
        if not self._merges(read.word):
            mend = f"As {item.word}'s merge take add or concatenate."
            self._wrong(scope, path, "must be a layer that takes a list of tensors", read.word, mend)
            return None
        return self._built(self.catalog.get("layer", read.word), read, scope, path)

    def _merges(self, name: str) -> bool:
        call: Call = self.catalog.get("layer", name).facts.get("call", "x")
        return call == "list"

    def _counted(self, path: str) -> None:
        self._count += 1
        if self._count > _MOST_ITEMS:
            raise TooManyLayers(path)

    def _wrong(
        self, scope: Scope, path: str, rule: str, got: Any = ..., mend: str | None = None, kind: Told = Told.MISSPELT
    ) -> None:
        """Keep a problem; one with a value that is unknown follows from another and is left out."""
        if not has_unknown(got):
            told = None if got is ... else shown(got)
            self.findings.add(Problem(path, rule, got=told, mend=mend, place=scope.place), kind)
