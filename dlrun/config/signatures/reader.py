"""Follow an import path to the class or function that it means, and read what that takes, without importing anything.

As `pkgutil.resolve_name` does: modules as far as there are any, then names in the last one. A name may come from
another module (`from x import Y`, `keras/layers/__init__.py`), or stand for another one (`Z = Y`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from dlrun.config.signatures.classes import (
    Class,
    constructor,
    linear_order,
    passes_decorators,
    plain_parameters,
    starts_its_base,
)
from dlrun.config.signatures.modules import Imported, Module, Modules, Unreadable
from dlrun.config.signatures.signature import Signature

__all__ = ["KINDS", "NotThere", "Reader"]

KINDS = {
    "Layer": "keras.layers.Layer",
    "Model": "keras.Model",
    "Optimizer": "keras.optimizers.Optimizer",
    "LearningRateSchedule": "keras.optimizers.schedules.LearningRateSchedule",
    "Loss": "keras.losses.Loss",
    "Metric": "keras.metrics.Metric",
    "Callback": "keras.callbacks.Callback",
    "Initializer": "keras.initializers.Initializer",
    "Regularizer": "keras.regularizers.Regularizer",
    "Constraint": "keras.constraints.Constraint",
}
"""Keras's base classes, by the names of their definitions, and where its public interface has them."""

# Bases that bring no constructor. Keras's layers and optimizers inherit the last one from TensorFlow.
_WITHOUT_INIT = frozenset(
    {"object", "abc.ABC", "typing.Generic", "typing.Protocol", "tensorflow.__internal__.tracking.AutoTrackable"}
)
_MOST_STEPS = 40  # re-exports between a name and its definition: more is a circle


class NotThere(Exception):
    """An import path leads nowhere.

    Attributes:
        module: the last module on the way that exists; None where not even the first does.
        name: what it lacks.
        names: what it has.
        expects_module: whether that can only be a module, because more of the path stands behind it.
    """

    def __init__(self, module: Module | None, name: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.module, self.name, self.names = module, name, names
        self.expects_module = False


class _Unclear(Exception):
    """The source does not say what a name is: it is computed, compiled or not installed."""


@dataclass(frozen=True)
class _Function:
    module: Module
    node: ast.FunctionDef | ast.AsyncFunctionDef
    is_method: bool = False


_Thing = Class | _Function | Module


class Reader:
    """Reads signatures and keeps what it has read.

    Args:
        modules: finds the sources.
        known: what is known of an import path without reading; None for most.
    """

    def __init__(self, modules: Modules, known: Callable[[str], Signature | None] = lambda _: None) -> None:
        self.modules = modules
        self._known = known
        self._classes: dict[int, Class] = {}
        self._steps = 0
        self.signature = cache(self._signature)

    def _signature(self, target: str) -> Signature | None:
        """What `target` takes; None where its source does not say.

        Raises:
            NotThere: it leads nowhere.
            Unreadable: a module on the way is no Python.
        """
        known = self._known(target)
        if known is not None:
            return known
        try:
            thing = self._locate(target)
        except _Unclear:
            return None
        if isinstance(thing, Class):
            return self._of_class(target, thing)
        if isinstance(thing, _Function) and passes_decorators(_without_class(thing.node.decorator_list)):
            parameters, takes_any = plain_parameters(thing.node, thing.is_method)
            path, line = thing.module.path, thing.node.lineno
            return Signature(target, parameters, takes_any, is_class=False, is_callable=True, path=path, line=line)
        return None

    def _of_class(self, target: str, cls: Class) -> Signature | None:
        if cls.known is not None:
            return cls.known
        assert cls.node is not None
        if not passes_decorators(cls.node.decorator_list):
            return None
        order = linear_order(cls)
        parameters, takes_any = constructor(order)
        return Signature(
            target,
            parameters,
            takes_any,
            kinds=tuple(dict.fromkeys(kind for each in order if each for kind in _kinds(each))),
            is_known=None not in order,
            is_callable=any(
                each.method("__call__") or (each.known and each.known.is_callable) for each in order if each
            ),
            is_started=starts_its_base(order),
            path=cls.path,
            line=cls.node.lineno,
        )

    def names(self, module: str) -> tuple[str, ...]:
        """The public names of a module.

        Raises:
            Unreadable: it is no Python.
        """
        found = self.modules.find(module)
        return () if found is None else tuple(name for name in found.bindings if not name.startswith("_"))

    def _locate(self, target: str) -> _Thing:
        modules, _, attributes = target.partition(":")
        parts = modules.split(".")
        module = self.modules.find(parts[0])
        if module is None:
            raise _Unclear if self.modules.exists(parts[0]) else NotThere(None, parts[0])
        rest = parts[1:]
        while rest and (child := self.modules.find(f"{module.name}.{rest[0]}")):
            module, rest = child, rest[1:]
        thing: _Thing = module
        names = [*rest, *(attributes.split(".") if attributes else [])]
        for place, name in enumerate(names):
            try:
                thing = self._member(thing, name)
            except NotThere as error:
                error.expects_module = place + 1 < len(names) and bool(module.folders)
                raise
        return thing

    def _member(self, thing: _Thing, name: str) -> _Thing:
        if isinstance(thing, Module):
            return self.modules.find(f"{thing.name}.{name}") or self._attribute(thing, name)
        method = thing.method(name) if isinstance(thing, Class) else None
        if method is None:
            raise _Unclear
        binds = any(isinstance(part, ast.Name) and part.id == "classmethod" for part in method.decorator_list)
        assert isinstance(thing, Class)
        return _Function(Module(thing.name, thing.path), method, is_method=binds)

    def _attribute(self, module: Module, name: str) -> _Thing:
        self._steps += 1
        try:
            if self._steps > _MOST_STEPS:
                raise _Unclear
            return self._bound(module, name)
        finally:
            self._steps -= 1

    def _bound(self, module: Module, name: str) -> _Thing:
        bindings = module.bindings
        if name not in bindings:
            return self._by_star(module, name)
        match bindings[name]:
            case ast.ClassDef() as node:
                return self._class(module, node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
                return _Function(module, node)
            case Imported(module=source, name=None):
                return self._module(source)
            case Imported(module=source, name=str(inner)):
                known = self._known(f"{source}.{inner}")
                return _leaf(known) if known else self._member(self._module(source), inner)
            case ast.Name() | ast.Attribute() as alias:
                return self._expression(module, alias)
        raise _Unclear

    def _by_star(self, module: Module, name: str) -> _Thing:
        for source in module.stars:
            try:
                return self._member(self._module(source), name)
            except (NotThere, _Unclear):
                continue
        if module.is_dynamic or self.modules.is_compiled(module, name):
            raise _Unclear
        raise NotThere(module, name, tuple(found for found in module.bindings if not found.startswith("_")))

    def _module(self, name: str) -> Module:
        found = self.modules.find(name)
        if found is None:
            raise _Unclear  # not installed, compiled, or made at run time
        return found

    def _expression(self, module: Module, node: ast.expr) -> _Thing:
        if isinstance(node, ast.Subscript):  # Generic[T]
            return self._expression(module, node.value)
        dotted = _dotted(module, node)
        known = self._known(dotted) if dotted else None
        if known is not None:
            return _leaf(known)
        if isinstance(node, ast.Name):
            return self._attribute(module, node.id)
        if isinstance(node, ast.Attribute):
            return self._member(self._expression(module, node.value), node.attr)
        raise _Unclear

    def _class(self, module: Module, node: ast.ClassDef) -> Class:
        if id(node) not in self._classes:
            cls = Class(f"{module.name}.{node.name}", node=node, path=module.path)
            self._classes[id(node)] = cls
            named = {
                ast.unparse(base): self._base(module, base, cls) for base in node.bases if not _is_plain(module, base)
            }
            cls.named_bases, cls.bases = named, tuple(named.values())
        return self._classes[id(node)]

    def _base(self, module: Module, node: ast.expr, heir: Class) -> Class | None:
        try:
            thing = self._expression(module, node)
        except (NotThere, _Unclear, Unreadable):  # of a base that is missing, Python will tell
            return None
        return thing if isinstance(thing, Class) and thing is not heir else None


def _leaf(known: Signature) -> Class:
    return Class(known.target, known=known)


def _kinds(cls: Class) -> Iterator[str]:
    if cls.known is not None:
        yield from cls.known.kinds
    package, _, name = cls.name.rpartition(".")
    if package.partition(".")[0] == "keras" and name in KINDS:
        yield KINDS[name]


def _is_plain(module: Module, base: ast.expr) -> bool:
    node = base.value if isinstance(base, ast.Subscript) else base
    return (_dotted(module, node) or ast.unparse(node)) in _WITHOUT_INIT


def _dotted(module: Module, node: ast.expr) -> str | None:
    """The import path that an expression spells, where its first name is imported."""
    if isinstance(node, ast.Attribute):
        owner = _dotted(module, node.value)
        return None if owner is None else f"{owner}.{node.attr}"
    bound = module.bindings.get(node.id) if isinstance(node, ast.Name) else None
    if not isinstance(bound, Imported):
        return None
    return bound.module if bound.name is None else f"{bound.module}.{bound.name}"


def _without_class(decorators: list[ast.expr]) -> list[ast.expr]:
    return [part for part in decorators if not (isinstance(part, ast.Name) and part.id == "classmethod")]
