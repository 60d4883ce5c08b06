"""Any store that MLflow reaches, through MLflow's own client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from dlrun.tracking.backend import DELETED_TAG, EXPERIMENT_TAGS, DatasetFacts, Held, Model
from dlrun.tracking.packaging import ModelIds
from dlrun.tracking.translate import Point

__all__ = ["MlflowBackend"]

_METRICS, _PARAMS, _TAGS = 800, 90, 90  # a batch of MLflow's: 1000 metrics, 100 parameters, 100 tags, 1000 together


class MlflowBackend:
    """See `backend.Backend`.

    Args:
        uri: MLflow's address of the store.

    Raises:
        MlflowException: the store is away, locked, or of another version of MLflow.
    """

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._client.search_experiments(max_results=1)  # a client connects when it is first asked for something

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def find_experiment(self, name: str) -> str | None:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return None
        if found.lifecycle_stage != "active":
            self._client.restore_experiment(found.experiment_id)
            for revived in self.find_runs(found.experiment_id, dict([DELETED_TAG])):
                self._client.delete_run(revived.run_id)
        return str(found.experiment_id)

    def create_experiment(self, name: str, location: str | None) -> str:
        try:
            return str(self._client.create_experiment(name, location, EXPERIMENT_TAGS))
        except MlflowException as error:
            found = self.find_experiment(name)  # another command was faster
            if found is None:
                raise error
            return found

    def create_run(self, experiment_id: str, name: str, start_time: int, tags: Mapping[str, str]) -> str:
        run = self._client.create_run(experiment_id, start_time=start_time, tags=dict(tags), run_name=name)
        return str(run.info.run_id)

    def find_runs(self, experiment_id: str, tags: Mapping[str, str]) -> list[Held]:
        condition = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        found: list[Held] = []
        page: str | None = None
        while True:
            results = self._client.search_runs(
                [experiment_id], condition, max_results=1000, order_by=["attributes.start_time ASC"], page_token=page
            )
            found += map(_held, results)
            page = results.token
            if not page:
                return found

    def run(self, run_id: str) -> Held | None:
        found = self._found(run_id)
        return None if found is None else _held(found)

    def history(self, run_id: str, keys: Iterable[str]) -> dict[tuple[str, int], float]:
        points = (point for key in keys for point in self._client.get_metric_history(run_id, key))
        return {(point.key, point.step): point.value for point in points}

    def write(self, run_id: str, points: Sequence[Point], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        metrics = [Metric(point.key, point.value, point.time, point.step) for point in points]
        given = [Param(key, value) for key, value in params.items()]
        marks = [RunTag(key, value) for key, value in tags.items()]
        for some_metrics, some_params, some_marks in _in_pieces(metrics, given, marks):
            self._client.log_batch(run_id, some_metrics, some_params, some_marks, synchronous=True)

    def delete_tag(self, run_id: str, key: str) -> None:
        self._client.delete_tag(run_id, key)

    def set_status(self, run_id: str, status: str, end_time: int | None = None) -> None:
        if status == "RUNNING":
            self._client.update_run(run_id, status=status)
        else:
            self._client.set_terminated(run_id, status, end_time)

    def delete_run(self, run_id: str) -> None:
        left, seen = [run_id], set[str]()  # a tag may say anything, such as that a run stands above itself
        while left:
            gone = left.pop()
            held = None if gone in seen else self._found(gone)
            seen.add(gone)
            if held is None:
                continue
            if held.info.lifecycle_stage == "active":
                self._client.set_tag(gone, *DELETED_TAG)
                self._client.delete_run(gone)
            experiment_id, parent = held.info.experiment_id, held.data.tags.get("mlflow.parentRunId")
            left += [earlier.run_id for earlier in self.find_runs(experiment_id, {"dlrun.superseded_by": gone})]
            below = f"tags.`mlflow.parentRunId` = '{parent}'"
            if parent and not self._client.search_runs([experiment_id], below, max_results=1):
                left.append(parent)

    def log_dataset(self, run_id: str, facts: DatasetFacts) -> None:
        dataset = Dataset(facts.name, facts.digest, facts.SOURCE_TYPE, facts.source, facts.schema, facts.profile)
        self._client.log_inputs(run_id, [DatasetInput(dataset, [InputTag(*facts.TAG)])])

    def log_model(self, run_id: str, model: Model) -> str:
        run = self._client.get_run(run_id)
        condition = f"tags.`{model.TAG}` = '{model.digest}' and source_run_id = '{run_id}'"
        for found in self._client.search_logged_models([run.info.experiment_id], condition):
            if found.status == "READY":
                return str(found.model_id)
            self._client.delete_logged_model(found.model_id)  # a writer was killed before it was whole
        made = self._client.create_logged_model(
            run.info.experiment_id, model.name, run_id, model.tags(run.data.tags), run.data.params
        )
        with TemporaryDirectory(prefix="dlrun-") as folder:
            packed = Path(folder) / model.name
            model.pack(packed, ModelIds(made.model_id, run_id, made.artifact_location))
            self._client.log_model_artifacts(made.model_id, str(packed))
        about = {"model_id": made.model_id, "dataset_name": None, "dataset_digest": None}
        if model.dataset is not None:
            about |= {"dataset_name": model.dataset.name, "dataset_digest": model.dataset.digest}
        metrics = [Metric(p.key, p.value, p.time, p.step, **about) for p in model.metrics]
        self._client.log_batch(run_id, metrics, synchronous=True)
        self._client.log_outputs(run_id, [LoggedModelOutput(made.model_id, 0)])
        self._client.finalize_logged_model(made.model_id, "READY")  # last: what is ready is whole
        return str(made.model_id)

    def register(self, name: str, model_id: str, run_id: str) -> None:
        source = f"models:/{model_id}"
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        versions = self._client.search_model_versions(f"name = '{name}'")
        if not any(version.source == source for version in versions):
            self._client.create_model_version(name, source, run_id, model_id=model_id)

    def log_text(self, run_id: str, text: str, name: str) -> None:
        self._client.log_text(run_id, text, name)

    def log_file(self, run_id: str, path: Path, folder: str | None) -> None:
        self._client.log_artifact(run_id, str(path), folder)

    def _found(self, run_id: str) -> Run | None:
        try:
            return self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise


def _held(run: Run) -> Held:
    is_active = run.info.lifecycle_stage == "active"
    about = run.info.run_id, run.info.status, is_active, run.info.end_time or None
    return Held(*about, run.data.tags, run.data.params, run.data.metrics)


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
