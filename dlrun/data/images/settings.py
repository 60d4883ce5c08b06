"""How a config wants images read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.errors import Problem

__all__ = ["CHANNELS", "Settings", "size_problems"]

CHANNELS = {"grey": 1, "rgb": 3, "rgba": 4}

_LONGEST = 8192  # pixels a side


@dataclass(frozen=True)
class Settings:
    """The parameters of conf/data/images.yaml that images depend on.

    Attributes:
        size: `auto`, or height and width.
        classes: null, or the classes that count, in their order.
    """

    size: str | tuple[int, ...]
    color: str
    fit: str
    unreadable: str
    classes: tuple[str, ...] | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Those of a config's `data` node."""
        size, classes = values["size"], values.get("classes")
        return cls(
            size if isinstance(size, str) else tuple(size),
            values["color"],
            values["fit"],
            values["unreadable"],
            None if classes is None else tuple(map(str, classes)),
        )

    @property
    def skips(self) -> bool:
        """Whether files that are no images are passed over."""
        return self.unreadable == "skip"


def size_problems(settings: Settings) -> list[Problem]:
    """What is wrong with the size that is asked for."""
    if isinstance(settings.size, str):
        return []
    if len(settings.size) == 2 and max(settings.size) <= _LONGEST:
        return []
    got = f"[{', '.join(map(str, settings.size))}]"
    rule = f"must be auto, or height and width, at most {_LONGEST} pixels each"
    return [Problem("data.size", rule, got=got, mend="Such as data.size=[64,64].")]
