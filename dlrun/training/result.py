"""What became of a run: the content of its result.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from dlrun.errors import UserError

__all__ = ["FINAL", "Result"]

FINAL = frozenset({"finished", "diverged"})
"""Statuses of runs that are not run again."""

_UNWRITTEN = {"path", "opener", "predictor", "evaluator"}
_KEPT = ("model.keras", "best.weights.h5", "weights.npz")


@dataclass(frozen=True)
class Result:
    """A run's outcome.

    Attributes:
        id: the run's id, 16 hex characters.
        name: what varies in it.
        status: `finished`, `diverged`, `failed`, `pruned` or `interrupted`.
        metrics: flat names to values: `loss`, `val_accuracy` of the last epoch, `best_val_accuracy` of the best one,
            `restored_val_accuracy` of the one whose weights were kept, `test_accuracy` of these weights. A value
            that is no number (NaN, infinity) is None.
        best_epoch: the epoch, from 1, that is best in `monitor`; None when no epoch ended well.
        kept_epoch: the epoch whose weights were kept; 0 is the untrained model.
        epochs_run: how many epochs were begun and ended.
        parameters: number of weights of the model.
        samples: rows of each part.
        durations: seconds of each stage, as `train_seconds`.
        cost: what the last attempt took: `peak_memory_bytes` of main memory (see `training.memory`), and its training's
            `samples_per_second` and `seconds_to_first_step` (see `training.stopwatch`): None, or not there, where
            nothing was trained.
        fast_dev_run: whether it was one: its scores say nothing, it is in no ranking and is run again when asked for.
        engine: `name` of the engine and `why` it was taken.
        fingerprint: the sha256 of the kept weights: see `training.state.fingerprint`; None where nothing was trained.
        resumed: where the last attempt went on: `epoch` and `step` that were finished, and `run` where they are those
            of a shorter run; None where it began at the beginning.
        cause: why it did not finish: `kind` and `message`, and `type` of an error (see `training.causes`).
        attempt: how often the run was begun, from 1.
        started: when, in seconds since 1970; `ended` likewise.
        diagnosis: what is wrong with the training: `kind`, `finding`, `evidence` and what to `try`; empty where nothing
            was found.
        threshold: of a binary task: above which probability the second class is called; found or given.
        per_class: of the test part, `class`, `precision`, `recall`, `f1` and `rows`: of each class, then `macro` and
            `weighted`; empty in a sweep, and where there are no classes.
        confusion: the test rows of each class, in the order of the classes, by the class that was named.
        guess: of classes, the accuracy of naming the training part's most frequent class for every row, by part.
        path: the run's directory, where known; not written down.
        opener: how its model is opened, given to results that `dlrun.load` and `dlrun.run` hand out; not written down.
        predictor: how it predicts, likewise.
        evaluator: how it is evaluated, likewise.
    """

    id: str
    name: str
    status: str
    task: str
    metrics: Mapping[str, float | None]
    best_epoch: int | None
    kept_epoch: int | None
    epochs_run: int
    monitor: str | None
    parameters: int | None
    samples: Mapping[str, int]
    durations: Mapping[str, float]
    cost: Mapping[str, float | None]
    fast_dev_run: bool
    engine: Mapping[str, str]
    fingerprint: str | None
    resumed: Mapping[str, Any] | None
    cause: Mapping[str, str] | None
    attempt: int
    started: float
    ended: float
    diagnosis: Sequence[Mapping[str, str]] = ()
    threshold: float = 0.5
    per_class: Sequence[Mapping[str, Any]] = ()
    confusion: Sequence[Sequence[int]] = ()
    guess: Mapping[str, float] = field(default_factory=dict)
    path: Path | None = field(default=None, compare=False)
    opener: Callable[[Path], Any] | None = field(default=None, compare=False, repr=False)
    predictor: Callable[[Path, Any], Any] | None = field(default=None, compare=False, repr=False)
    evaluator: Callable[..., Any] | None = field(default=None, compare=False, repr=False)

    @property
    def is_final(self) -> bool:
        """Whether the run is done for good; a diverged run is a result, a failed or interrupted one is repeated."""
        return self.status in FINAL and not self.fast_dev_run

    def to_json(self) -> dict[str, Any]:
        """As written to result.json."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _UNWRITTEN}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], path: Path | None = None) -> Result:
        """The result that `content` describes.

        Raises:
            ValueError: a field is missing.
        """
        names = {each.name for each in fields(cls)} - _UNWRITTEN
        # an older result has none of these
        later = {e.name for e in fields(cls) if e.default is not MISSING or e.default_factory is not MISSING}
        if missing := sorted(names - later - content.keys()):
            raise ValueError(f"no result: {', '.join(missing)} missing")
        return cls(**{name: content[name] for name in names & content.keys()}, path=path)

    @property
    def keeps_model(self) -> bool:
        """Whether its model, or the weights of it, lie in the run's directory."""
        return self.path is not None and any((self.path / name).exists() for name in _KEPT)

    def load_model(self) -> Any:
        """The trained `keras.Model`, preprocessing included: it takes raw rows. It is not compiled.

        It is rebuilt from the run's spec, and nothing in the run's directory is run, whoever made it.

        Raises:
            UserError: the model was not kept, or cannot be opened.
        """
        if self.path is None or not self.keeps_model:
            raise UserError(f"Run {self.id[:8]} kept no model. Run it with trainer.save_model=always.")
        if self.opener is None:
            raise UserError(f"Address the run to have its model: dlrun.load({self.id[:8]!r}).load_model().")
        return self.opener(self.path)

    def predict(self, given: Any) -> Any:
        """Predict new samples, as `dlrun predict` does.

        Args:
            given: a path; or a `pandas.DataFrame` with the columns that the run learned from, an array of raw samples,
                a list of images.

        Returns:
            A `pandas.DataFrame`, a row a sample: `prediction`, and of classes the probability of each.

        Raises:
            UserError: the run kept no model, or what lies at the path cannot be predicted on.
            ValueError: a table lacks a column, or holds what is no number.
        """
        if self.path is None or self.predictor is None:
            raise UserError(f"Address the run to predict with it: dlrun.load({self.id[:8]!r}).predict(...).")
        return self.predictor(self.path, given)

    def evaluate(self, words: str | Sequence[str] = (), part: str | None = None) -> Any:
        """Measure the run on its own test part or on other data, as `dlrun evaluate` does.

        Args:
            words: as on the command line: `data.path=new.csv`.
            part: `test`, `validation`, `train` or `all`.

        Returns:
            An `Evaluation`, with `metrics` by name.

        Raises:
            UserError: the run kept no model, or the data does not fit it.
        """
        if self.path is None or self.evaluator is None:
            raise UserError(f"Address the run to evaluate it: dlrun.load({self.id[:8]!r}).evaluate(...).")
        return self.evaluator(self.path, words, part)
