"""An option with its arguments in one word, as in Python: `optimizer=adam(lr=0.1)`, `regularizer=l2=0.01`."""

from __future__ import annotations

import re

from dlrun.config.catalog import Catalog, Option
from dlrun.config.suggest import nearest, same
from dlrun.config.words import COMMAND_LINE
from dlrun.errors import Problem

__all__ = ["call_problem"]

_CALL = re.compile(r"^(?P<key>[\w.]+)=(?P<name>[\w.]+)(?:\((?P<inside>.*)\)|=(?P<value>[^=]+))$")


def call_problem(text: str, catalog: Catalog) -> Problem | None:
    """The problem of a word that calls an option or a function that there is not; None for any other word."""
    match = _CALL.match(text)
    if match is None:
        return None
    key, name = match["key"], match["name"]
    group = same(key, catalog.chosen_groups)
    known = nearest(name, catalog.names(group)) if group else None
    if group is None or known is None:
        rule, mend = f"must be a value: {name} is no function here", f"Type the value itself: {key}=VALUE."
        return Problem(f"'{text}'", rule, mend=mend, place=COMMAND_LINE, instead=(f"'{text}'", ""))
    given = match["value"] if match["inside"] is None else match["inside"]
    words = " ".join([f"{group}={known}", *_settings(given, group, catalog.get(group, known))])
    rule = "must choose an option: its keys are words of their own"
    return Problem(f"'{text}'", rule, mend=f"Type {words}.", place=COMMAND_LINE, instead=(f"'{text}'", ""))


def _settings(arguments: str, group: str, option: Option) -> list[str]:
    """`lr=0.1, beta_1=0.8` or `0.1` as words that set the option's keys."""
    words = []
    for position, argument in enumerate(filter(None, map(str.strip, arguments.split(",")))):
        name, separator, value = argument.partition("=")
        if not separator:
            names = list(option.parameters)
            name, value = (names[position] if position < len(names) else "KEY"), argument
        words.append(f"{group}.{nearest(name.strip(), option.parameters) or name.strip()}={value.strip()}")
    return words
