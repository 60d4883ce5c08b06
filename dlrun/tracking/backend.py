"""What the writer asks of a store, however that is reached."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dlrun.tracking.packaging import ModelIds
from dlrun.tracking.translate import Point

__all__ = ["DELETED_TAG", "EXPERIMENT_TAGS", "Backend", "DatasetFacts", "Held", "Model", "StoreFault", "dataset_facts"]

EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Tags of an experiment: with this one MLflow's pages are those of model training, and not of language models."""

DELETED_TAG = ("dlrun.deleted", "true")
"""The tag of what was deleted because it was deleted here: MLflow, which restores an experiment with all its runs, has
no other word for that."""

_DIGEST_LENGTH = 36  # what MLflow takes


class StoreFault(Exception):
    """The store does not hold what it should, or does not take what it is given."""


@dataclass(frozen=True)
class Held:
    """What a store holds of a run.

    Attributes:
        run_id: the store's id of it.
        status: MLflow's word: `RUNNING FINISHED FAILED KILLED`.
        is_active: whether it is there and not deleted.
        end_time: in milliseconds since 1970; None while it runs.
        metrics: the latest value of each.
    """

    run_id: str
    status: str
    is_active: bool
    end_time: int | None
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class DatasetFacts:
    """A dataset as MLflow shows it; `source`, `schema` and `profile` are JSON."""

    name: str
    digest: str
    source: str
    schema: str
    profile: str

    SOURCE_TYPE = "dlrun"
    TAG = ("mlflow.data.context", "training")


@dataclass(frozen=True)
class Model:
    """A model that a run has kept.

    Attributes:
        name: what it is shown as, in the characters that MLflow takes.
        digest: what tells its weights from others.
        metrics: those of its weights.
        dataset: what these were measured on, where that is known.
        pack: writes its files to a folder, which is not there yet.
    """

    name: str
    digest: str
    metrics: Sequence[Point]
    dataset: DatasetFacts | None
    pack: Callable[[Path, ModelIds], None]

    TAG = "dlrun.digest"
    _OF_THE_RUN = ("mlflow.user", "mlflow.source.name", "mlflow.source.type", "dlrun.run_id")

    def tags(self, of_run: Mapping[str, str]) -> dict[str, str]:
        """Its tags: some of its run's, and what it is found by."""
        return {name: of_run[name] for name in self._OF_THE_RUN if name in of_run} | {self.TAG: self.digest}


def dataset_facts(fields: Mapping[str, Any]) -> DatasetFacts:
    """The dataset that the fields of a `data` event describe."""
    return DatasetFacts(
        name=str(fields.get("name", "data")),
        digest=str(fields.get("digest", ""))[:_DIGEST_LENGTH],
        source=json.dumps({"data": fields.get("name"), "digest": fields.get("digest")}),
        schema=json.dumps({key: fields.get(key) for key in ("features", "kinds", "task", "classes")}),
        profile=json.dumps({key: fields.get(key) for key in ("samples", "balance")}),
    )


class Backend(Protocol):
    """A store. Every call may raise what its libraries raise: the writer tries again later."""

    def together(self) -> AbstractContextManager[None]:
        """What is written inside is there as a whole or not at all, where the store can do that."""

    def find_experiment(self, name: str) -> str | None:
        """The id of an experiment, a deleted one restored but for what was deleted here; None when there is none."""

    def create_experiment(self, name: str, location: str | None) -> str:
        """Make an experiment, or find the one that another command has just made.

        Args:
            location: where its files go; None where the store knows.
        """

    def create_run(self, experiment_id: str, name: str, start_time: int, tags: Mapping[str, str]) -> str:
        """Make a run, begun at `start_time` (milliseconds since 1970); its id."""

    def find_runs(self, experiment_id: str, tags: Mapping[str, str]) -> list[Held]:
        """The runs of an experiment that carry all of `tags`, oldest first; deleted ones do not count."""

    def run(self, run_id: str) -> Held | None:
        """What is held of a run; None when there is none of that id."""

    def history(self, run_id: str, keys: Iterable[str]) -> dict[tuple[str, int], float]:
        """The values of some metrics, by key and step."""

    def write(self, run_id: str, points: Sequence[Point], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Add metrics and parameters that the run has not, and set tags, in this order.

        Raises:
            Exception: a part may be written, but no tag unless all before them is.
        """

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag that is there."""

    def set_status(self, run_id: str, status: str, end_time: int | None = None) -> None:
        """Set MLflow's word for how the run is; with `RUNNING` its end stays what it was.

        Args:
            end_time: in milliseconds since 1970; None is now.
        """

    def delete_run(self, run_id: str) -> None:
        """Delete a run as MLflow does, so that it can be restored, and what stands above it once that holds none.

        Earlier attempts of it that were set aside go with it. One that is not there, or was deleted before, is none.
        """

    def log_dataset(self, run_id: str, facts: DatasetFacts) -> None:
        """Say what the run learns from; saying it twice is saying it once."""

    def log_model(self, run_id: str, model: Model) -> str:
        """Keep a model of a run; the one of its digest, where the run has that.

        Returns:
            The model's id: `models:/ID` is its address.
        """

    def register(self, name: str, model_id: str, run_id: str) -> None:
        """Add a version of `name` to the registry, unless the model is one of its versions."""

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Keep a text as a file of the run."""

    def log_file(self, run_id: str, path: Path, folder: str | None) -> None:
        """Keep a copy of a file under `folder` of the run's files."""
