"""Whether a schema.json is as `data.profile` writes it: a run's files may be damaged, or another's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["misfit"]

_NUMBERS = ("min", "max", "mean", "std")


def misfit(content: Mapping[str, Any], kinds: Mapping[str, str]) -> str | None:
    """What does not fit, in a few words; None where all does.

    Args:
        kinds: of the columns that the model takes, by name.
    """
    columns, samples = content.get("columns"), content.get("samples")
    if not isinstance(content.get("looked_at"), int) or not isinstance(columns, dict | None):
        return "its columns"
    for name, about in (columns or {}).items():
        if not isinstance(about, dict) or not _is_column(about) or about.get("kind") != kinds.get(name, about["kind"]):
            return f"column '{name}'"
    return None if samples is None or _is_samples(samples) else "its samples"


def _is_column(about: Mapping[str, Any]) -> bool:
    if not _is_number(about.get("missing")):
        return False
    match about.get("kind"):
        case "category":
            shares = about.get("shares")
            are_shares = isinstance(shares, dict) and all(map(_is_number, shares.values()))
            return are_shares and isinstance(about.get("words"), int) and isinstance(about.get("is_whole"), bool)
        case "text":
            characters = about.get("characters")
            return isinstance(characters, dict) and _are_numbers(characters)
        case "number" | "flag" | "date":
            return _are_numbers(about)
    return False


def _are_numbers(about: Mapping[str, Any]) -> bool:
    """A range with mean and spread, or nothing of them: of no values."""
    found = [about.get(name, "") for name in _NUMBERS]
    return all(map(_is_number, found)) or all(each is None for each in found)


def _is_samples(about: Any) -> bool:
    if not isinstance(about, dict) or not _is_number(about.get("missing")) or "is_image" not in about:
        return False
    lists = [about.get(name) for name in ("mean", "std")]
    if not all(isinstance(each, list) and all(map(_is_number, each)) for each in lists):
        return False
    ends = [about.get(name, "") for name in ("min", "max")]
    return all(map(_is_number, ends)) or all(each is None for each in ends)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
