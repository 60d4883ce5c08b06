"""Whether a case came to what it must come to."""

from __future__ import annotations

from .case import Case
from .watch import Outcome

__all__ = ["LIMIT_MEGABYTES", "LIMIT_SECONDS", "faults"]

LIMIT_SECONDS = 0.5
LIMIT_MEGABYTES = 200


def faults(case: Case, outcome: Outcome) -> list[str]:
    """What is wrong with an outcome; nothing where the case was refused, or shown harmless, as it should be."""
    expected = 0 if case.is_harmless else 2
    text = " ".join(outcome.text.split())
    found = [f"caught: {each}" for each in outcome.caught]
    found += [f"left {each}" for each in outcome.marks]
    if outcome.code != expected:
        found.append(f"exit code {outcome.code} instead of {expected}")
    if case.says not in text:
        found.append(f"does not say '{case.says}'")
    if "Traceback" in outcome.text:
        found.append("a traceback")
    if outcome.cpu_seconds > LIMIT_SECONDS:
        found.append(f"took {outcome.cpu_seconds:.2f} s")
    if outcome.megabytes > LIMIT_MEGABYTES:
        found.append(f"took {outcome.megabytes:.0f} MB")
    return found
