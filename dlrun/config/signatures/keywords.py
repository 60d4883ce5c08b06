"""What the body of a function does with its `**kwargs`: which names it takes itself, and where it sends the rest."""

from __future__ import annotations

import ast
from dataclasses import dataclass

__all__ = ["Forward", "Keywords", "keywords_of"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Forward:
    """A call of a base class's `__init__` that gets the `**kwargs`.

    Attributes:
        base: the class that is named; None for `super()`.
        given: the keywords that the call sets itself.
        positional: how many of the parameters it sets by position.
    """

    base: ast.expr | None
    given: frozenset[str]
    positional: int


@dataclass(frozen=True)
class Keywords:
    """What becomes of `**kwargs`.

    Attributes:
        taken: the names that are looked up in them.
        forwards: where they are passed on to.
        takes_any: whether what is left over does no harm, or that cannot be told.
    """

    taken: tuple[str, ...] = ()
    forwards: tuple[Forward, ...] = ()
    takes_any: bool = False


def keywords_of(function: _Function) -> Keywords:
    """What `function` does with its `**kwargs`; nothing where it has none."""
    if function.args.kwarg is None:
        return Keywords()
    visitor = _Visitor(function.args.kwarg.arg)
    for statement in function.body:
        visitor.visit(statement)
    swallowed = not visitor.forwards and not visitor.is_refused
    return Keywords(tuple(visitor.taken), tuple(visitor.forwards), visitor.is_unclear or swallowed)


class _Visitor(ast.NodeVisitor):
    """Looks at every use of the name `kwargs`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.taken: dict[str, None] = {}
        self.forwards: list[Forward] = []
        self.is_refused = False
        self.is_unclear = False

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == self._name:  # a use that none of the methods below knows
            self.is_unclear = True

    def visit_If(self, node: ast.If) -> None:
        refuses = any(isinstance(part, ast.Raise) for part in ast.walk(ast.Module(node.body, [])))
        if self._is_kwargs(node.test) and refuses:
            self.is_refused = True
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        match node:
            case ast.Compare(
                left=ast.Constant(value=str(word)), ops=[ast.In() | ast.NotIn()], comparators=[ast.Name(id=name)]
            ) if name == self._name:
                self.taken[word] = None
            case _:
                self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(word))) if name == self._name:
                self.taken[word] = None
            case _:
                self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="pop" | "get" | "setdefault"),
                args=[ast.Constant(value=str(word)), *rest],
            ) if name == self._name:
                self.taken[word] = None
                for part in rest:
                    self.visit(part)
            case ast.Call(func=ast.Attribute(value=owner, attr="__init__")) if self._passes(node):
                self._forward(node, owner)
            case _:
                self.generic_visit(node)

    def _passes(self, call: ast.Call) -> bool:
        return any(keyword.arg is None and self._is_kwargs(keyword.value) for keyword in call.keywords)

    def _forward(self, call: ast.Call, owner: ast.expr) -> None:
        is_super = isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super"
        plain = [part for part in call.args if not isinstance(part, ast.Starred)]
        positional = len(plain) - (0 if is_super else 1)  # `Base.__init__(self, ...)`
        given = frozenset(keyword.arg for keyword in call.keywords if keyword.arg is not None)
        self.forwards.append(Forward(None if is_super else owner, given, max(positional, 0)))
        for part in [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg is not None)]:
            self.visit(part)

    def _is_kwargs(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name == self._name
            case ast.Call(func=ast.Name(id="len" | "bool"), args=[ast.Name(id=name)]):
                return name == self._name
            case ast.Compare(left=left):  # len(kwargs) > 0
                return isinstance(left, ast.Call) and self._is_kwargs(left)
        return False
