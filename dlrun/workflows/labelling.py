"""Say something of runs: tags, a note, whether they are put away. It is written behind what their journals hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dlrun.analysis.labels import LABELS, Labels, labels_of, tags_of
from dlrun.analysis.runs import RunRecord
from dlrun.errors import UserError
from dlrun.tracking.journal import JOURNAL, Journal
from dlrun.training.atomic import storage_errors
from dlrun.workflows.holding import held

__all__ = ["Change", "Labelled", "label", "parsed"]

_NAME = re.compile(r"\w[\w.\-/]{0,199}")
_OTHERS = ("mlflow.", "dlrun.")
_LONGEST = 8000  # characters: what MLflow takes
_NAMED = 6


@dataclass(frozen=True)
class Change:
    """What is to be said of runs.

    Attributes:
        tags: name to text, beside those that a run has.
        untag: names of tags to take away.
        note: in place of the one before; empty takes it away, None leaves it.
        archive: whether the runs are put away; None leaves that.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    untag: Sequence[str] = ()
    note: str | None = None
    archive: bool | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be said."""
        return not self.tags and not self.untag and self.note is None and self.archive is None


@dataclass(frozen=True)
class Labelled:
    """What became of a change.

    Attributes:
        changed: the runs of which something else is said now.
        busy: runs in which a training began just then: nothing is said of these.
    """

    changed: tuple[RunRecord, ...]
    busy: tuple[RunRecord, ...]


def parsed(tags: Sequence[str], untag: Sequence[str], note: str | None, archive: bool | None) -> Change:
    """The change that is typed so.

    Args:
        tags: each `NAME=VALUE`.

    Raises:
        UserError: a name or text is none that can be kept; all that is wrong is told at once.
    """
    problems = [*_wrong_tags(tags), *_wrong_names("--untag", untag)]
    named = {name.strip(): text.strip() for name, _, text in (word.partition("=") for word in tags)}
    problems += [f"--tag and --untag must name different tags; both name {name}." for name in named if name in untag]
    if note is not None and len(note) > _LONGEST:
        problems.append(f"--note must have at most {_LONGEST:,} characters; got {len(note):,}. Put it into a file.")
    if problems:
        raise UserError("\n\n".join(problems))
    return Change(named, tuple(untag), None if note is None else note.strip(), archive)


def _wrong_tags(tags: Sequence[str]) -> Iterator[str]:
    for word in tags:
        name, sign, text = word.partition("=")
        if not sign:
            yield f"--tag must be NAME=VALUE; got {word or 'nothing'}. As in --tag {word or 'idea'}=yes."
        elif not text.strip():
            yield f"--tag must give a value; got {word}. --untag {name.strip() or 'NAME'} takes a tag away."
        elif len(text) > _LONGEST:
            yield f"--tag must have at most {_LONGEST:,} characters behind {name}=; got {len(text):,}."
        else:
            yield from _wrong_names("--tag", [name.strip()])


def _wrong_names(option: str, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not _NAME.fullmatch(name):
            rule = "letters, digits, _ . - and /, beginning with a letter or digit, at most 200"
            yield f"{option} must name a tag in {rule}; got {name or 'nothing'}."
        elif name.startswith(_OTHERS):
            yield f"{option} must not begin with mlflow. or dlrun., which say what they say of runs; got {name}."


def label(runs: Sequence[RunRecord], change: Change) -> Labelled:
    """Have `change` said of all `runs`.

    Raises:
        UserError: one of them is being trained, or has never begun; nothing is said of any.
        StorageError: a journal cannot be written; the runs before it have their labels.
    """
    if training := [run for run in runs if run.status == "running"]:
        raise UserError(
            f"Labels are written when a training has ended; {_listed(training)} being trained at this moment. Wait, or"
            " leave such runs out: --where 'status!=running'. Nothing was changed."
        )
    begun = [run for run in runs if (run.path / JOURNAL).exists()]
    if not begun:
        raise UserError(f"Labels need a run that has begun; {_listed(runs)} waiting. Nothing was changed.")
    changed, busy = [], []
    for run in begun:
        with held(run.path) as is_ours:
            if not is_ours:
                busy.append(run)
            elif _write(run, change):
                changed.append(run)
    return Labelled(tuple(changed), tuple(busy))


def _write(run: RunRecord, change: Change) -> bool:
    """Append what is said now; whether that is something else than before."""
    path = run.path / JOURNAL
    before = labels_of(path)
    now = _after(before, change, run)
    if now == before:
        return False
    with storage_errors(path), Journal(path) as journal:
        journal.append(LABELS, **now.to_fields())
    return True


def _after(before: Labels, change: Change, run: RunRecord) -> Labels:
    tags = {**before.tags, **change.tags}
    first = tags_of(run.spec, Labels())
    for name in change.untag:
        tags.pop(name, None)
        if name in first:  # the spec gives it: it can only be covered
            tags[name] = ""
    archive = before.is_archived if change.archive is None else change.archive
    return Labels(tags, before.note if change.note is None else change.note, archive)


def _listed(runs: Sequence[RunRecord]) -> str:
    ids = ", ".join(run.short_id for run in runs[:_NAMED])
    more = f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    return f"{ids}{more} {'is' if len(runs) == 1 else 'are'}"
