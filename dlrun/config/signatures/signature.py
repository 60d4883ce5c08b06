"""What a class or function takes, as its source says."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Parameter", "Signature", "parameters_of", "parse_parameters"]


@dataclass(frozen=True)
class Parameter:
    """One parameter that can be given by name.

    Attributes:
        default: the source of its default; None where it must be given.
        keyword_only: whether it can be given by name only.
    """

    name: str
    default: str | None = None
    keyword_only: bool = False

    @property
    def is_required(self) -> bool:
        """Whether a call without it fails."""
        return self.default is None


@dataclass(frozen=True)
class Signature:
    """What a class or function takes.

    Attributes:
        target: its import path.
        parameters: by name, those of base classes included where `**kwargs` are passed on to them.
        takes_any: whether it takes any other keyword too, or that cannot be told.
        kinds: of a class: what of Keras it derives from, as `keras.layers.Layer`.
        is_class: whether it is a class.
        is_known: whether all base classes are known, so that `kinds` is complete.
        is_callable: whether instances can be called.
        is_started: whether the constructor calls that of the base class, as far as its source tells.
        path: the file that defines it; None for what is read from the generated file.
        line: on which line.
    """

    target: str
    parameters: tuple[Parameter, ...]
    takes_any: bool = False
    kinds: tuple[str, ...] = ()
    is_class: bool = True
    is_known: bool = True
    is_callable: bool = False
    is_started: bool = True
    path: Path | None = None
    line: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def text(self) -> str:
        """The parameters in Python's grammar: `units, activation=None, *, name=None`."""
        plain = [_shown(parameter) for parameter in self.parameters if not parameter.keyword_only]
        named = [_shown(parameter) for parameter in self.parameters if parameter.keyword_only]
        star = ["*"] if named else []
        return ", ".join([*plain, *star, *named, *(["**kwargs"] if self.takes_any else [])])


def _shown(parameter: Parameter) -> str:
    return parameter.name if parameter.default is None else f"{parameter.name}={parameter.default}"


def parse_parameters(text: str) -> tuple[tuple[Parameter, ...], bool]:
    """`Signature.text` back: the parameters, and whether any other keyword is taken."""
    (function,) = ast.parse(f"def f({text}): pass").body
    assert isinstance(function, ast.FunctionDef)
    return parameters_of(function.args), function.args.kwarg is not None


def parameters_of(arguments: ast.arguments) -> tuple[Parameter, ...]:
    """The parameters of a `def` that can be given by name, in order."""
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = len(positional) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [*([None] * missing), *arguments.defaults]
    pairs = list(zip(positional, defaults, strict=True))[len(arguments.posonlyargs) :]
    plain = [Parameter(arg.arg, _source(default)) for arg, default in pairs]
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return (*plain, *(Parameter(arg.arg, _source(default), keyword_only=True) for arg, default in keyword))


def _source(default: ast.expr | None) -> str | None:
    return None if default is None else ast.unparse(default)
