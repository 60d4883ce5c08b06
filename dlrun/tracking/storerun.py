"""One run of MLflow's, written so that writing the same thing again changes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping

from dlrun.tracking.backend import Backend, Held, StoreFault
from dlrun.tracking.translate import Batch, Point

__all__ = ["BEST_TAG", "JOURNAL_TAG", "MODEL_TAG", "STATUS_TAG", "SUPERSEDED_TAG", "SYNCED_TAG", "StoreRun"]

SYNCED_TAG = "dlrun.synced"
"""The tag that holds the `seq` of the last event whose metrics and parameters are in the run."""

JOURNAL_TAG = "dlrun.journal"
"""The tag that says which journal that event is of (see `journal.identity`)."""

STATUS_TAG = "dlrun.status"
"""The tag that holds the exact word: MLflow has one word for pruned and interrupted."""

BEST_TAG = "dlrun.best_run"
"""The tag of a sweep that holds the store's ids of its best runs, one for each data set."""

MODEL_TAG = "dlrun.model_id"
"""The tag that holds the id of the run's model in the store."""

SUPERSEDED_TAG = "dlrun.superseded_by"
"""The tag of a run whose later attempt came to other values, so that it was set aside."""

_MLFLOW_STATUS = {
    "finished": "FINISHED",
    "diverged": "FAILED",
    "failed": "FAILED",
    "pruned": "KILLED",
    "interrupted": "KILLED",
}


class StoreRun:
    """One run in the store.

    Args:
        backend: the store.
        run_id: MLflow's id of the run.
        fresh: whether it was made just now, so that it holds nothing that need be looked at.
    """

    def __init__(self, backend: Backend, run_id: str, *, fresh: bool) -> None:
        self._backend = backend
        self.run_id = run_id
        self._values: dict[tuple[str, int], float] | None = {} if fresh else None
        self._params: set[str] = set()

    def held(self) -> Held:
        """What the store holds of it now.

        Raises:
            StoreFault: it is not there any more.
        """
        held = self._backend.run(self.run_id)
        if held is None:
            raise StoreFault(f"run {self.run_id} is not in the store any more")
        return held

    def contradicted(self, points: list[Point]) -> bool:
        """Whether the run holds another value for any of `points`, at the same step."""
        values = self._held()
        return any(
            not _equal(values[point.key, point.step], point.value)
            for point in points
            if (point.key, point.step) in values
        )

    def send(self, batch: Batch, tags: Mapping[str, str]) -> None:
        """Write metrics, parameters and tags; what the run has is not written again, and `tags` come last.

        Raises:
            Exception: the store did not take it. A part may be written.
        """
        values = self._held()
        fresh = {(point.key, point.step): point for point in batch.points if (point.key, point.step) not in values}
        params = {key: value for key, value in batch.params.items() if key not in self._params}
        self._values = None  # should a write break off, the store knows best
        self._backend.write(self.run_id, list(fresh.values()), params, {**batch.tags, **tags})
        self._values = values
        values.update({place: point.value for place, point in fresh.items()})
        self._params |= batch.params.keys()

    def resume(self) -> None:
        """Show the run as running."""
        self._backend.set_status(self.run_id, "RUNNING")

    def terminate(self, status: str, end_time: int | None) -> None:
        """End the run: `status` is dlrun's word for it, `end_time` in milliseconds since 1970."""
        self._backend.set_status(self.run_id, _MLFLOW_STATUS.get(status, "FINISHED"), end_time)

    def _held(self) -> dict[tuple[str, int], float]:
        if self._values is None:
            held = self.held()
            self._params = set(held.params)
            self._values = self._backend.history(self.run_id, held.metrics)
        return self._values


def _equal(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
