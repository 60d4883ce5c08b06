"""What a person says of a run once it is there: tags, a note, whether it is put away.

They stand in the run's journal, as the event `labels` with the whole of them; the last one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.tracking.journal import Event, read_from

__all__ = ["LABELS", "Labels", "labels_of", "labels_within", "tags_of"]

LABELS = "labels"
"""The event's name."""

_MARK = b'"labels"'
_SPEC = "tags."


@dataclass(frozen=True)
class Labels:
    """What is said of one run.

    Attributes:
        tags: name to text. They stand over those that the run's spec gives (`tags.NAME`), name by name; an empty text
            takes the spec's away.
        note: a text of any length; may be empty.
        is_archived: whether lists leave the run out.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    is_archived: bool = False

    def to_fields(self) -> dict[str, Any]:
        """The fields of the event that says so."""
        return {"tags": dict(self.tags), "note": self.note, "archived": self.is_archived}


def labels_of(journal: Path) -> Labels:
    """The labels in the journal at `journal`; none when there is none, or no such file."""
    try:
        return labels_within(journal.read_bytes(), journal)
    except OSError:
        return Labels()


def labels_within(content: bytes, journal: Path) -> Labels:
    """The same of a journal that is read already: `content` is what the file `journal` holds."""
    end = len(content)
    while (found := content.rfind(_MARK, 0, end)) >= 0:  # nearly every journal is done with here
        end = content.rfind(b"\n", 0, found) + 1
        events = read_from(journal, end).events
        if said := [event for event in events if event.event == LABELS]:
            return _read(said[-1])
    return Labels()


def tags_of(spec: Mapping[str, Any], labels: Labels) -> dict[str, str]:
    """The tags of a run, sorted by name: those of its spec (dotted keys to values), and what was said since."""
    first = {key.removeprefix(_SPEC): str(value) for key, value in spec.items() if key.startswith(_SPEC)}
    return {name: text for name, text in sorted((first | dict(labels.tags)).items()) if text}


def _read(event: Event) -> Labels:
    tags = event.get("tags")
    named = {str(name): str(text) for name, text in tags.items()} if isinstance(tags, Mapping) else {}
    return Labels(named, str(event.get("note") or ""), event.get("archived") is True)
