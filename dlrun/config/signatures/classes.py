"""Classes as their source shows them: bases, their linear order, and what the constructor takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlrun.config.signatures.keywords import keywords_of
from dlrun.config.signatures.signature import Parameter, Signature, parameters_of

__all__ = ["Class", "constructor", "linear_order", "passes_decorators", "plain_parameters", "starts_its_base"]

# What leaves a signature as it is. Anything else may change it, and is not judged.
_HARMLESS = frozenset(
    {
        "register_keras_serializable", "keras_export", "tf_export", "final", "runtime_checkable", "total_ordering",
        "no_automatic_dependency_tracking", "staticmethod", "override", "deprecated", "abstractmethod", "cache",
        "lru_cache", "typechecked", "jaxtyped", "beartype",
    }
)  # fmt: skip
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class Class:
    """A class.

    Attributes:
        name: its import path, where it is defined.
        bases: its base classes; None for one that cannot be read.
        node: its source; None for one that is only known by `known`.
        known: what it takes, where that is known already.
    """

    name: str
    bases: tuple[Class | None, ...] = ()
    node: ast.ClassDef | None = None
    known: Signature | None = None
    path: Path | None = None
    named_bases: dict[str, Class | None] = field(default_factory=dict)

    def method(self, name: str) -> _Function | None:
        """The function of this name in the class's own body; the last one counts."""
        body = [] if self.node is None else self.node.body
        found = [part for part in body if isinstance(part, _Function) and part.name == name]
        return found[-1] if found else None

    @property
    def is_dataclass(self) -> bool:
        """Whether `@dataclass` writes its constructor."""
        decorators = [] if self.node is None else self.node.decorator_list
        return any(_last_name(decorator) == "dataclass" for decorator in decorators)


def linear_order(cls: Class) -> list[Class | None]:
    """The order in which Python looks for methods (C3); None where a base cannot be read."""
    orders: list[list[Class | None]] = [[None] if base is None else linear_order(base) for base in cls.bases]
    return [cls, *_merged([*orders, list(cls.bases)])]


def _merged(lists: list[list[Class | None]]) -> Iterator[Class | None]:
    lists = [part for part in lists if part]
    while lists:
        heads = (part[0] for part in lists)
        head = next((h for h in heads if not any(h in part[1:] for part in lists)), lists[0][0])
        yield head
        lists = [rest for part in lists if (rest := [item for item in part if item is not head])]


def constructor(order: Sequence[Class | None]) -> tuple[tuple[Parameter, ...], bool]:
    """What the constructor of `order[0]` takes by name, and whether it takes any other keyword too."""
    for place, cls in enumerate(order):
        if cls is None:
            return (), True
        if cls.known is not None:
            return cls.known.parameters, cls.known.takes_any
        init = cls.method("__init__")
        if init is not None:
            return _followed(init, cls, order[place:])
        if cls.is_dataclass:
            return _fields(order[place:])
        new = cls.method("__new__")
        if new is not None and new.args.kwarg is None:
            return _without_self(new), False
    return (), False


def starts_its_base(order: Sequence[Class | None]) -> bool:
    """Whether the constructor of `order[0]` calls an `__init__`, or another function on itself that may do so."""
    init = next((found for cls in order if cls and (found := cls.method("__init__"))), None)
    if init is None:
        return True
    calls = [node.func for node in ast.walk(init) if isinstance(node, ast.Call)]
    return any(isinstance(call, ast.Attribute) and (call.attr == "__init__" or _is_own(call)) for call in calls)


def _is_own(call: ast.Attribute) -> bool:
    return isinstance(call.value, ast.Name) and call.value.id == "self"


def _followed(init: _Function, cls: Class, order: Sequence[Class | None]) -> tuple[tuple[Parameter, ...], bool]:
    """The parameters of an `__init__`, and those of the ones that its `**kwargs` reach."""
    if not passes_decorators(init.decorator_list):
        return (), True
    found = {parameter.name: parameter for parameter in _without_self(init)}
    keywords = keywords_of(init)
    takes_any = keywords.takes_any
    for forward in keywords.forwards:
        rest = _rest(forward.base, cls, order)
        inherited, more = constructor(rest)
        takes_any |= more
        positional = [parameter.name for parameter in inherited if not parameter.keyword_only][: forward.positional]
        for parameter in inherited:
            if parameter.name not in forward.given and parameter.name not in positional:
                found.setdefault(parameter.name, Parameter(parameter.name, parameter.default, keyword_only=True))
    for name in keywords.taken:
        found.setdefault(name, Parameter(name, "...", keyword_only=True))
    return tuple(found.values()), takes_any


def _rest(base: ast.expr | None, cls: Class, order: Sequence[Class | None]) -> Sequence[Class | None]:
    """Where the search goes on: behind the class for `super()`, at the one that is named otherwise."""
    if base is None:
        return order[1:]
    named = cls.named_bases.get(ast.unparse(base))
    return [None] if named is None else linear_order(named)


def _without_self(function: _Function) -> tuple[Parameter, ...]:
    arguments = function.args
    if arguments.posonlyargs:
        return parameters_of(arguments)  # self stands among them, and those cannot be given by name
    return parameters_of(arguments)[1:] if arguments.args else parameters_of(arguments)


def _fields(order: Sequence[Class | None]) -> tuple[tuple[Parameter, ...], bool]:
    """What `@dataclass` makes of the annotations of a class and its bases."""
    found: dict[str, Parameter] = {}
    takes_any = False
    for cls in reversed(order):
        takes_any |= cls is None
        if cls is None or not cls.is_dataclass or cls.node is None:
            continue
        for part in cls.node.body:
            match part:
                case ast.AnnAssign(target=ast.Name(id=name)) if "ClassVar" not in ast.unparse(part.annotation):
                    parameter = _field(name, part.value)
                    if parameter is not None:
                        found[name] = parameter
    return tuple(found.values()), takes_any


def _field(name: str, value: ast.expr | None) -> Parameter | None:
    if not (isinstance(value, ast.Call) and _last_name(value.func) == "field"):
        return Parameter(name, None if value is None else ast.unparse(value))
    options = {keyword.arg: keyword.value for keyword in value.keywords}
    if isinstance(init := options.get("init"), ast.Constant) and init.value is False:
        return None
    default = next((options[key] for key in ("default", "default_factory") if key in options), None)
    return Parameter(name, None if default is None else ast.unparse(default))


def passes_decorators(decorators: Sequence[ast.expr]) -> bool:
    """Whether the decorators leave the signature as it is written."""
    return all(_last_name(decorator) in _HARMLESS | {"dataclass"} for decorator in decorators)


def plain_parameters(function: _Function, is_method: bool = False) -> tuple[tuple[Parameter, ...], bool]:
    """What a function takes by name; `is_method` leaves its first parameter out."""
    keywords = keywords_of(function)
    own = _without_self(function) if is_method else parameters_of(function.args)
    taken = tuple(Parameter(name, "...", keyword_only=True) for name in keywords.taken)
    return (*own, *taken), keywords.takes_any or bool(keywords.forwards)


def _last_name(decorator: ast.expr) -> str:
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
