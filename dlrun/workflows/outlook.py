"""What a sweep would come to: how many runs on how many workers, for how long, in how much memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.planning import Survey
from dlrun.sweeps.size import Crew, crew_for, is_worth_one_more

if TYPE_CHECKING:
    from dlrun.workflows.preflight import Preflight

__all__ = ["Outlook", "crew_of", "outlook"]


@dataclass(frozen=True)
class Outlook:
    """An estimate, made of measured steps.

    Attributes:
        to_train: runs that are not finished.
        workers: that train them at a time; 0 is the command's own process, None where another launcher than dlrun's
            decides.
        why: what bounds their number, in words; empty where nothing does.
        work_seconds: of all runs to train, one after another.
        wall_seconds: with these workers.
        memory_bytes: of the largest model's training, on all workers at once; None where no model could be drawn.
        asks_first: whether they are more than `search.confirm_above`.
    """

    to_train: int
    workers: int | None
    why: str
    work_seconds: float
    wall_seconds: float
    memory_bytes: int | None
    asks_first: bool


def crew_of(survey: Survey, finished: frozenset[str]) -> Crew | None:
    """The workers of what a command would train; None where it is nothing, or another launcher's."""
    waiting = [run for run in survey.runs if run.id not in finished]
    words = {word.lstrip("+").partition("=")[0] for run in waiting for word in run.overrides}
    if not waiting or "hydra/launcher" in words:
        return None
    return crew_for(survey.settings["launcher"], [run.spec["trainer"] for run in waiting], len(survey.runs))


def outlook(found: Preflight) -> Outlook:
    """What the sweep that was looked at would come to."""
    waiting = [run for run in found.runs if run.id not in found.finished]
    work = sum(seconds for model in found.models if (seconds := found.seconds(model)) is not None)
    workers, why = _workers(found.crew, len(waiting), work)
    drawn = [
        model.blueprint.memory.total
        for model in found.models
        if model.blueprint is not None and any(run.id not in found.finished for run in model.group.runs)
    ]
    return Outlook(
        to_train=len(waiting),
        workers=workers,
        why=why,
        work_seconds=work,
        wall_seconds=work / max(1, workers or 1),
        memory_bytes=max(drawn) * max(1, workers or 1) if drawn else None,
        asks_first=len(waiting) > found.survey.settings["search"]["confirm_above"],
    )


def _workers(crew: Crew | None, runs: int, seconds: float) -> tuple[int | None, str]:
    if crew is None:
        return None, ""
    if crew.is_asked or crew.most <= 1 or is_worth_one_more(runs, 1, seconds / runs):
        return crew.most, crew.why
    return 1, "they are done before a second would be ready"
