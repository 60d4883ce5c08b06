"""The parameters of `data/series`, less the path; see conf/data/series.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """How a table is read as a series, and how it is cut.

    Attributes:
        target: names of the columns to predict; () for the last one.
        features: names of the columns to learn from; None for all that are left.
    """

    time: str | None
    time_format: str
    group: str | None
    target: tuple[str, ...]
    task: str
    features: tuple[str, ...] | None
    drop: tuple[str, ...]
    window: int
    horizon: int
    steps_ahead: int
    stride: int
    season: int | None
    order: str
    gaps: str
    missing: str
    separator: str
    decimal: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """The settings in a config node; other keys are passed over."""
        chosen = {name: values[name] for name in cls.__dataclass_fields__}
        for name in ("time", "group"):
            chosen[name] = None if chosen[name] is None else str(chosen[name])  # columns may be called 0, 1, 2
        target, features = chosen["target"], chosen["features"]
        chosen["target"] = () if target is None else _names(target if isinstance(target, list | tuple) else [target])
        chosen["features"] = None if features is None else _names(features)
        chosen["drop"] = _names(chosen["drop"])
        return cls(**chosen)

    @property
    def ahead(self) -> int:
        """How many rows behind a window's last the last predicted one is."""
        return self.horizon + self.steps_ahead - 1

    @property
    def span(self) -> int:
        """Rows from the first of a window to the last that is predicted of it."""
        return self.window + self.ahead


def _names(words: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, words)))
