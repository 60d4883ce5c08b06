"""A finding: what is wrong, what shows it, and what to try."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a training.

    Attributes:
        kind: its name, as `overfitting`.
        finding: what is wrong, in a sentence.
        evidence: what shows it, in figures.
        attempt: words to add to the command, as `optimizer.learning_rate=0.0001`; empty where none is known to help.
    """

    kind: str
    finding: str
    evidence: str
    attempt: str = ""

    def to_json(self) -> dict[str, str]:
        """As in result.json, where `attempt` is called `try`."""
        return {"kind": self.kind, "finding": self.finding, "evidence": self.evidence, "try": self.attempt}
