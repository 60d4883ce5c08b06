"""Give every parameter of a layer its value: evaluate, complete, check against the option's rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dlrun.config.catalog import Catalog, Option, Parameter
from dlrun.config.expressions import ExpressionError, evaluate, names_in
from dlrun.config.rules import MISSING, is_expression
from dlrun.config.suggest import did_you_mean, nearest
from dlrun.config.text import shown
from dlrun.errors import Problem
from dlrun.models.findings import Findings, Told
from dlrun.models.scope import GROUPS, UNKNOWN, Scope, has_unknown

__all__ = ["Evaluator"]

_LITERALS = frozenset({"true", "false", "null"})


class Evaluator:
    """Evaluates what a model's file says and keeps what is wrong with it."""

    def __init__(self, catalog: Catalog, findings: Findings) -> None:
        self.catalog = catalog
        self.findings = findings

    def value(self, raw: Any, scope: Scope, path: str) -> Any:
        """`raw` with every `$expression` in it evaluated; UNKNOWN where one has no value."""
        if isinstance(raw, Mapping):
            return {key: self.value(part, scope, f"{path}.{key}") for key, part in raw.items()}
        if isinstance(raw, list | tuple):
            return [self.value(part, scope, f"{path}[{index}]") for index, part in enumerate(raw)]
        return self._expression(raw, scope, path) if is_expression(raw) else raw

    def _expression(self, text: str, scope: Scope, path: str) -> Any:
        try:
            read = set(names_in(text))
        except ExpressionError as error:
            rule = f"must be an expression that can be read: {error}"
            self.findings.add(Problem(path, rule, place=scope.place), Told.MISSPELT)
            return UNKNOWN
        scope.used.update(read & scope.own)
        if missing := sorted(read - scope.names.keys() - _LITERALS):
            self._unbound(missing, text, scope, path)
            return UNKNOWN
        try:
            return evaluate(text, scope.names)
        except ExpressionError as error:
            if not any(has_unknown(scope.names.get(name)) for name in read):
                rule = f"must have a value: {error}"
                self.findings.add(Problem(path, rule, got=shown(text), place=scope.place))
            return UNKNOWN

    def _unbound(self, missing: list[str], text: str, scope: Scope, path: str) -> None:
        known = sorted(scope.names.keys() - set(GROUPS))
        for name in missing:
            mend = did_you_mean(name, scope.names, shown="${}") or f"Bound here: {', '.join(known) or 'nothing'}."
            rule = f"must read names that are bound: ${name} is not"
            self.findings.add(Problem(path, rule, got=shown(text), mend=mend, place=scope.place), Told.MISSPELT)

    def given(self, option: Option, value: Any) -> Mapping[str, Any]:
        """What an item sets: nothing, a mapping of parameters, or one value for the option's first parameter."""
        if value is None:
            return {}
        first = option.first_parameter
        if isinstance(value, Mapping) and not self._is_option(option, value):
            return value
        return {first or "": value}

    def _is_option(self, option: Option, value: Mapping[str, Any]) -> bool:
        """Whether `value` is an option for the first parameter, as in `activation: {leaky_relu: {...}}`."""
        parameter = option.parameters.get(option.first_parameter or "")
        group = parameter.rule.option_group if parameter else None
        if group is None or value.keys() & option.parameters.keys():
            return False
        return "option" in value or (len(value) == 1 and self.catalog.has(group, str(next(iter(value)))))

    def parameters(
        self, option: Option, given: Mapping[str, Any], scope: Scope, path: str, inside: Scope | None = None
    ) -> dict[str, Any]:
        """Every parameter of `option`, evaluated, checked and in its one form.

        Args:
            given: the parameters that the item sets; the others take their defaults.
            scope: where the item stands.
            inside: for a block, the scope its items start from: its defaults are evaluated there, each
                seeing the parameters before it. A layer's defaults are evaluated where the item stands.
        """
        meant = self._refuse_unknown(option, given, scope, path)
        values: dict[str, Any] = {}
        for name, parameter in option.parameters.items():
            raw = given.get(name, UNKNOWN if name in meant else parameter.default)
            where = scope if name in given else scope.of_defaults if inside is None else inside.bind(values)
            place = scope.place if name in given else parameter.place
            values[name] = self._parameter(parameter, raw, where, f"{path}.{name}", place)
        return values

    def _refuse_unknown(self, option: Option, given: Mapping[str, Any], scope: Scope, path: str) -> set[str]:
        """Keep a problem for each misspelt parameter; those that they were probably meant to be."""
        meant = set()
        for name in given:
            if name not in option.parameters:
                right = nearest(str(name), option.parameters)
                meant |= {right} if right else set()
                rule = f"must be a parameter of {option.group}/{option.name}"
                got = None if name else shown(given[name])
                mend = f"Did you mean {right}?" if right else _listed(option.parameters)
                key = f"{path}.{name}" if name else path
                self.findings.add(Problem(key, rule, got=got, mend=mend, place=scope.place), Told.MISSPELT)
        return meant

    def _parameter(self, parameter: Parameter, raw: Any, scope: Scope, path: str, place: str | None) -> Any:
        if raw == MISSING:
            ask = f"Set {parameter.name}: {parameter.meaning}." if parameter.meaning else f"Set {parameter.name}."
            self.findings.add(Problem(path, "must be given a value", mend=ask, place=scope.place), Told.MISSPELT)
            return UNKNOWN
        value = self.value(raw, scope, path)
        if has_unknown(value):
            return UNKNOWN
        rule = parameter.rule
        if not rule.accepts(value):
            got = f"{shown(value)} from {raw}" if is_expression(raw) else shown(value)
            mend = did_you_mean(str(value), rule.choices, shown=f"{parameter.name}: {{}}")
            self.findings.add(Problem(path, f"must be {rule.describe()}", got=got, mend=mend, place=place))
            return UNKNOWN
        if rule.option_group is None or value is None or value in rule.choices:
            return rule.normalise(value)
        # a model-wide group is checked with the rest of the config: its problems are told there, once
        told = Told.NONE if value is scope.names.get(rule.option_group) else Told.ALL
        with self.findings.only(told):
            return self._option(rule.option_group, value, scope, path)

    def _option(self, group: str, value: str | Mapping[str, Any], scope: Scope, path: str) -> Any:
        """The option of another group that a parameter takes: complete, or None where the option builds nothing."""
        name, raw = _named(value)
        if name is None or not self.catalog.has(group, name):
            rule = f"must be an option of {group} (dlrun ls {group})"
            mend = did_you_mean(str(name), self.catalog.names(group)) if name else f"Write {group}: NAME."
            self.findings.add(Problem(path, rule, got=shown(value), mend=mend, place=scope.place), Told.MISSPELT)
            return UNKNOWN
        option = self.catalog.get(group, name)
        parameters = self.parameters(option, self.given(option, raw), scope, f"{path}.{name}")
        if "target" not in option.facts:
            return None
        return UNKNOWN if has_unknown(parameters) else {"option": name, **parameters}


def _named(value: str | Mapping[str, Any]) -> tuple[str | None, Any]:
    """The name and the parameters in `NAME`, `{option: NAME, ...}` or `{NAME: ...}`."""
    if isinstance(value, str):
        return value, None
    if "option" in value:
        return str(value["option"]), {key: part for key, part in value.items() if key != "option"}
    return (
        next(((str(name), given) for name, given in value.items()), (None, None)) if len(value) == 1 else (None, None)
    )


def _listed(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"It has: {listed}." if listed else "It has none."
