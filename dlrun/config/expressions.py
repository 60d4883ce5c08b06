"""`$expressions`: the arithmetic of option files, a whitelisted syntax tree and nothing more.

    repeat: $depth            units: $2 * width            when: $batch_norm and not last
    filters: "$f[:-1][::-1]"

Names, numbers, strings, arithmetic, comparison, and/or/not, `a if b else c`, `[i]`, `[a:b:c]` and unary minus.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

__all__ = ["ExpressionError", "evaluate", "names_in"]

_MAX_TEXT = 2_000  # characters of an expression: what is longer nests deeper than Python can follow
_MAX_BITS = 4_096  # of a whole number
_MAX_LENGTH = 10_000  # of a list or text
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
    except RecursionError as error:
        raise ExpressionError(f"{text[:40]}... nests too deeply") from error


def names_in(text: str) -> Iterator[str]:
    """The names that `text` reads."""
    return (node.id for node in ast.walk(_parse(text)) if isinstance(node, ast.Name))


@lru_cache(maxsize=1024)
def _parse(text: str) -> ast.expr:
    source = text.removeprefix("$").replace("$", "")
    if len(source) > _MAX_TEXT:
        raise ExpressionError(f"{text[:40]}... is longer than {_MAX_TEXT:,} characters")
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
        if _is_too_large(node.op, left, right):
            raise ExpressionError(f"{ast.unparse(node)} is too large")
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


def _is_too_large(operation: ast.operator, left: Any, right: Any) -> bool:
    """Whether an operation would give more than a config can need; told before it is carried out.

    `((9**64)**64)**64` and `'a' * 10**12` are a line each, and fill any memory.
    """
    if isinstance(operation, ast.Mod) and isinstance(left, str):
        return True  # formatting: `'%1000000000d' % 1` is a text of that length
    sized = [value for value in (left, right) if isinstance(value, list | str)]
    whole = [value for value in (left, right) if isinstance(value, int)]
    if isinstance(operation, ast.Mult) and sized and whole:
        return bool(len(sized[0]) * whole[0] > _MAX_LENGTH)
    if isinstance(operation, ast.Add) and len(sized) == 2:
        return len(sized[0]) + len(sized[1]) > _MAX_LENGTH
    if len(whole) < 2:
        return False
    if isinstance(operation, ast.Pow):
        return bool(abs(right) * max(left.bit_length(), 1) > _MAX_BITS)
    return isinstance(operation, ast.Mult) and bool(left.bit_length() + right.bit_length() > _MAX_BITS)
