"""A sweep larger than anybody types by mistake is asked about before it begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from dlrun.errors import Declined, UserError
from dlrun.planning import Plan
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory

__all__ = ["Ask", "require_consent"]

Ask = Callable[[str], bool]
"""Tells the user what is to be begun, and asks whether to; True is yes."""

_HOUR = 3600.0


def require_consent(plan: Plan, runs: Path, ask: Ask | None) -> None:
    """Have the user agree to a sweep with more runs to do than `search.confirm_above`. Creates nothing.

    Args:
        runs: the folder of run directories.
        ask: None where there is nobody to ask.

    Raises:
        UserError: nobody can be asked.
        Declined: the answer was no.
    """
    most = int(plan.search["confirm_above"])
    if len(plan.runs) <= most:
        return
    results = [RunDirectory(runs / run.id).result() for run in plan.runs]
    finished = [result for result in results if result is not None and result.is_final]
    count = len(plan.runs) - len(finished)
    if count <= most:
        return
    said = f"This trains {count:,} runs{_known(finished, len(plan.runs), count)}"
    if ask is None:
        raise UserError(
            f"{said}: more than search.confirm_above, which is {most:,}. dlrun check with the same words estimates the"
            f" time. To have them trained, type search.confirm_above={count}."
        )
    if not ask(f"{said}; dlrun check with the same words estimates the time."):
        raise Declined("Nothing was begun.")


def _known(finished: Sequence[Result], total: int, left: int) -> str:
    """What the finished runs say of the others."""
    if not finished:
        return ""
    hours = median(result.ended - result.started for result in finished) * left / _HOUR
    return f" ({len(finished):,} of {total:,} are finished; at their pace {hours:,.1f} hours of one worker)"
