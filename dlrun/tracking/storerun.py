"""One run of MLflow's, written so that writing the same thing again changes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from dlrun.tracking.translate import Batch, Point

__all__ = ["STATUS_TAG", "SUPERSEDED_TAG", "SYNCED_TAG", "StoreRun", "find_runs", "is_gone"]

SYNCED_TAG = "dlrun.synced"
"""The tag that holds the `seq` of the last event whose metrics and parameters are in the run."""

STATUS_TAG = "dlrun.status"
"""The tag that holds the exact word: MLflow has one word for pruned and interrupted."""

SUPERSEDED_TAG = "dlrun.superseded_by"
"""The tag of a run whose later attempt came to other values, so that it was set aside."""

_METRICS, _PARAMS, _TAGS = 800, 90, 90  # a batch of MLflow's: 1000 metrics, 100 parameters, 100 tags, 1000 together
_MLFLOW_STATUS = {
    "finished": "FINISHED",
    "diverged": "FAILED",
    "failed": "FAILED",
    "pruned": "KILLED",
    "interrupted": "KILLED",
}


def find_runs(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> list[Run]:
    """The runs of an experiment that carry all of `tags`, oldest first."""
    condition = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    found: list[Run] = []
    page: str | None = None
    while True:
        results = client.search_runs(
            [experiment_id], condition, max_results=1000, order_by=["attributes.start_time ASC"], page_token=page
        )
        found += results
        page = results.token
        if not page:
            return found


class StoreRun:
    """One run in the store.

    Args:
        client: the store.
        run_id: MLflow's id of the run.
        fresh: whether it was made just now, so that it holds nothing that need be looked at.
    """

    def __init__(self, client: MlflowClient, run_id: str, *, fresh: bool) -> None:
        self._client = client
        self.run_id = run_id
        self._values: dict[tuple[str, int], float] | None = {} if fresh else None
        self._params: set[str] = set()

    def contradicted(self, points: list[Point], ignoring: frozenset[str]) -> bool:
        """Whether the run holds another value for any of `points`, at the same step."""
        values = self._held()
        return any(
            not _equal(values[point.key, point.step], point.value)
            for point in points
            if point.key not in ignoring and (point.key, point.step) in values
        )

    def send(self, batch: Batch, tags: Mapping[str, str]) -> None:
        """Write metrics, parameters and tags; what the run has is not written again, and `tags` come last.

        Raises:
            MlflowException: the store did not take it. A part may be written.
        """
        values = self._held()
        fresh = {(point.key, point.step): point for point in batch.points if (point.key, point.step) not in values}
        metrics = [Metric(point.key, point.value, point.time, point.step) for point in fresh.values()]
        params = [Param(key, value) for key, value in batch.params.items() if key not in self._params]
        marks = [RunTag(key, value) for key, value in {**batch.tags, **tags}.items()]
        self._values = None  # should a write break off, the store knows best
        for some_metrics, some_params, some_marks in _in_pieces(metrics, params, marks):
            self._client.log_batch(self.run_id, some_metrics, some_params, some_marks, synchronous=True)
        self._values = values
        values.update({place: point.value for place, point in fresh.items()})
        self._params |= batch.params.keys()

    def resume(self) -> None:
        """Show the run as running."""
        self._client.update_run(self.run_id, status="RUNNING")

    def terminate(self, status: str, end_time: int | None) -> None:
        """End the run: `status` is dlrun's word for it, `end_time` in milliseconds since 1970."""
        self._client.set_terminated(self.run_id, _MLFLOW_STATUS.get(status, "FINISHED"), end_time)

    def _held(self) -> dict[tuple[str, int], float]:
        if self._values is None:
            data = self._client.get_run(self.run_id).data
            self._params = set(data.params)
            history = (point for key in data.metrics for point in self._client.get_metric_history(self.run_id, key))
            self._values = {(point.key, point.step): point.value for point in history}
        return self._values


def is_gone(client: MlflowClient, run_id: str) -> bool:
    """Whether the run was deleted, or never was in this store."""
    try:
        return bool(client.get_run(run_id).info.lifecycle_stage != "active")
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return True
        raise


def _in_pieces(
    metrics: list[Metric], params: list[Param], tags: list[RunTag]
) -> list[tuple[list[Metric], list[Param], list[RunTag]]]:
    """As many batches as MLflow's limits ask for, nearly always one; the tags, which mark the rest done, come last."""
    count = max(-(-len(metrics) // _METRICS), -(-len(params) // _PARAMS), 1)
    pieces = [
        (metrics[i * _METRICS : (i + 1) * _METRICS], params[i * _PARAMS : (i + 1) * _PARAMS], list[RunTag]())
        for i in range(count)
    ]
    for i in range(0, len(tags), _TAGS):
        if i:
            pieces.append(([], [], []))
        pieces[-1][2].extend(tags[i : i + _TAGS])
    return pieces


def _equal(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
