"""`$expressions`: the arithmetic of option files, a whitelisted syntax tree and nothing more.

    repeat: $depth            units: $2 * width            when: $batch_norm and not last
    filters: "$f[:-1][::-1]"

Names, numbers, strings, arithmetic, comparison, and/or/not, `a if b else c`, `[i]`, `[a:b:c]` and unary minus.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["ExpressionError", "evaluate", "names_in"]

_MAX_POWER = 64
_MAX_LENGTH = 10_000
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class ExpressionError(ValueError):
    """An expression cannot be read, names something unknown, or has no value.

    Attributes:
        unknown: the name that is not bound, when that is what is wrong.
    """

    def __init__(self, message: str, unknown: str | None = None) -> None:
        super().__init__(message)
        self.unknown = unknown


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of `text`, an expression with its leading `$`, where `names` are bound.

    Raises:
        ExpressionError: see the class.
    """
    tree = _parse(text)
    try:
        return _Evaluator(names).value(tree)
    except ExpressionError:
        raise
    except (ArithmeticError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ExpressionError(f"{text} has no value: {error}") from error


def names_in(text: str) -> Iterator[str]:
    """The names that `text` reads."""
    return (node.id for node in ast.walk(_parse(text)) if isinstance(node, ast.Name))


def _parse(text: str) -> ast.expr:
    source = text.removeprefix("$").replace("$", "")
    try:
        return ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"{text} is no expression") from error


class _Evaluator:
    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def value(self, node: ast.expr) -> Any:
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is None:
            raise ExpressionError(f"{ast.unparse(node)} is not allowed in an expression")
        return handler(node)

    def _constant(self, node: ast.Constant) -> Any:
        if node.value is not None and not isinstance(node.value, bool | int | float | str):
            raise ExpressionError(f"{node.value!r} is not allowed in an expression")
        return node.value

    def _name(self, node: ast.Name) -> Any:
        literals = {"true": True, "false": False, "null": None}
        if node.id in self._names:
            return self._names[node.id]
        if node.id in literals:
            return literals[node.id]
        raise ExpressionError(f"${node.id} is not bound", unknown=node.id)

    def _list(self, node: ast.List) -> list[Any]:
        return [self.value(item) for item in node.elts]

    def _binop(self, node: ast.BinOp) -> Any:
        if type(node.op) not in _BINARY:
            raise ExpressionError(f"{ast.unparse(node)} is not allowed in an expression")
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > _MAX_POWER:
            raise ExpressionError(f"{ast.unparse(node)} is too large")
        if isinstance(node.op, ast.Mult):
            sizes = [len(a) * b for a, b in ((left, right), (right, left)) if isinstance(a, list | str)]
            if any(size > _MAX_LENGTH for size in sizes):
                raise ExpressionError(f"{ast.unparse(node)} is too long")
        return _BINARY[type(node.op)](left, right)

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        if type(node.op) not in _UNARY:
            raise ExpressionError(f"{ast.unparse(node)} is not allowed in an expression")
        return _UNARY[type(node.op)](self.value(node.operand))

    def _boolop(self, node: ast.BoolOp) -> Any:
        result: Any = None
        for operand in node.values:
            result = self.value(operand)
            if bool(result) is isinstance(node.op, ast.Or):
                return result
        return result

    def _compare(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            if type(op) not in _COMPARE:
                raise ExpressionError(f"{ast.unparse(node)} is not allowed in an expression")
            right = self.value(comparator)
            if not _COMPARE[type(op)](left, right):
                return False
            left = right
        return True

    def _ifexp(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def _subscript(self, node: ast.Subscript) -> Any:
        value = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            ends = (node.slice.lower, node.slice.upper, node.slice.step)
            return value[slice(*(None if end is None else self.value(end) for end in ends))]
        return value[self.value(node.slice)]
