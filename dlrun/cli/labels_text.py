"""Tags and notes as the tables of `dlrun runs` show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dlrun.cli.tables import Cell

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord

__all__ = ["archived_cell", "note_of", "tags_cell"]


def tags_cell(runs: Sequence[RunRecord]) -> Cell:
    """The tags that all `runs` have: `idea=wide owner=ann`; a mapping for programs."""
    tags = _shared(runs)
    return Cell(tags, " ".join(f"{name}={text}" for name, text in tags.items()))


def note_of(runs: Sequence[RunRecord]) -> str:
    """The note that all `runs` have; empty where they differ."""
    notes = {run.labels.note for run in runs}
    return notes.pop() if len(notes) == 1 else ""


def archived_cell(runs: Sequence[RunRecord]) -> Cell:
    """Whether all `runs` are put away."""
    return Cell(bool(runs) and all(run.labels.is_archived for run in runs))


def _shared(runs: Sequence[RunRecord]) -> Mapping[str, str]:
    from dlrun.analysis.labels import tags_of

    each = [tags_of(run.spec, run.labels) for run in runs]
    first = each[0] if each else {}
    return {name: text for name, text in first.items() if all(tags.get(name) == text for tags in each)}
