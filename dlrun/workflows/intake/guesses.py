"""What is guessed of a file that nobody has described: which column is predicted, and what the option is called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

__all__ = ["guess_target", "option_name"]

_TARGETS = (
    "target", "label", "labels", "class", "y", "outcome", "response", "survived", "churn", "churned", "exited",
    "diagnosis", "species", "default", "is_fraud", "fraud", "price", "saleprice", "sale_price", "medv", "charges",
    "income", "salary", "quality", "rating", "score", "grade", "sentiment", "category", "result", "output", "sales",
    "demand", "value",
)  # fmt: skip
_ENDINGS = ("_target", "_label", "_class", "_outcome", "_y")


def guess_target(names: Sequence[str]) -> tuple[str, str]:
    """The column that is probably to be predicted, and why it is."""
    plain = {name.strip().casefold().replace(" ", "_"): name for name in reversed(names)}
    for word in _TARGETS:
        if word in plain:
            return plain[word], f"it is called '{plain[word]}'"
    for name in names:
        if name.casefold().endswith(_ENDINGS):
            return name, f"it is called '{name}'"
    return names[-1], "it is the last column"


def option_name(path: Path) -> str:
    """What the file is called as an option: small letters, digits and single underscores, a letter first."""
    plain = re.sub(r"[^a-z0-9]+", "_", path.stem.casefold()).strip("_")[:40].strip("_")
    return plain if plain[:1].isalpha() else f"data_{plain}".strip("_")
