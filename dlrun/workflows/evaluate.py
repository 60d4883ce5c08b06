"""Metrics of a finished run on its own parts, or on other data. Nothing is written.

Its model takes raw samples, so that other data goes through the preprocessing that was measured in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlrun.analysis.runs import RunRecord
from dlrun.config.catalog import Catalog
from dlrun.errors import DataError, Problem, UserError
from dlrun.workflows.kept_model import KeptModel, kept_model
from dlrun.workflows.new_data.check import Checked
from dlrun.workflows.other_data import nodes_of

if TYPE_CHECKING:
    import numpy as np

    from dlrun.data.dataset import Dataset

__all__ = ["FEWEST", "PARTS", "Evaluation", "Score", "evaluate"]

PARTS = ("test", "validation", "train", "all")

FEWEST = 5
"""Samples that intervals are told of: fewer say next to nothing."""

_TASKS = ("binary", "multiclass", "regression", "segmentation")


@dataclass(frozen=True)
class Score:
    """A metric on the samples.

    Attributes:
        low: lower end of its 95% interval over samples; None where none is told.
        before: the same metric on the run's own test part, None where it has none.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    before: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """What a run is worth on some samples.

    Attributes:
        part: of the data that they are; `all` of it.
        is_own: whether it is the data that the run learned from.
        samples: how many were predicted.
        unanswered: how many were not: a value is missing that the model cannot do without.
        scores: loss and metrics by name; of a regression MAE, RMSE and R2 in the data's units too.
        classes: of each class its `precision`, `recall`, `f1` and `rows`; empty for a regression, and for masks.
        absent: classes that no sample is of.
        checked: how other data differs from the training's; None of the run's own.
    """

    kept: KeptModel
    part: str
    is_own: bool
    samples: int
    unanswered: int
    scores: tuple[Score, ...]
    classes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    checked: Checked | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Loss and metrics by name."""
        return {score.name: score.value for score in self.scores}

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        findings = () if self.checked is None else self.checked.findings
        return {
            "run": self.kept.run.id,
            "part": self.part,
            "is_own_data": self.is_own,
            "samples": self.samples,
            "unanswered": self.unanswered,
            "metrics": self.metrics,
            "intervals": {score.name: [score.low, score.high] for score in self.scores if score.low is not None},
            "own_test": {score.name: score.before for score in self.scores if score.before is not None},
            "per_class": {name: dict(row) for name, row in self.classes.items()},
            "absent_classes": list(self.absent),
            "findings": [vars(finding) for finding in findings],
        }


def evaluate(run: RunRecord, catalog: Catalog, words: Sequence[str] = (), part: str | None = None) -> Evaluation:
    """Evaluate the model of `run`.

    Args:
        words: `data=...`, `data.KEY=VALUE`, `split.KEY=VALUE`: what its data is replaced by.
        part: one of `PARTS`; None is the test part of the run's own data, and all of other data.

    Raises:
        ConfigError: the words are wrong.
        DataError: the data cannot be used, or does not fit the model.
        UserError: the run has no model, or is of a task that is not evaluated.
    """
    kept = kept_model(run, catalog)
    if kept.spec["task"] not in _TASKS:
        raise UserError(f"dlrun evaluate knows {', '.join(_TASKS)}; run {run.short_id} is a {kept.spec['task']}.")
    nodes = nodes_of(kept, words)
    from dlrun.training.quiet import import_tensorflow

    import_tensorflow()  # data may be made by layers of Keras; and without its greetings
    from dlrun.data.load import load

    dataset = load(nodes["data"], catalog, to_train=False)
    _require_alike(dataset, kept)
    is_own = dataset.digest == run.digest
    part = part or ("test" if is_own else "all")
    rows = _rows(dataset, nodes["split"], catalog, part)
    if not len(rows):
        raise UserError(f"The {part} part must hold samples; it has none. Choose another: --part all.")
    truth, absent = _truth(dataset, rows, kept)
    return _evaluated(kept, dataset, rows, _Question(part, is_own, truth, absent))


@dataclass(frozen=True)
class _Question:
    part: str
    is_own: bool
    truth: np.ndarray
    absent: tuple[str, ...]


def _evaluated(kept: KeptModel, dataset: Dataset, rows: np.ndarray, asked: _Question) -> Evaluation:
    import numpy as np

    from dlrun.workflows.raw_samples import check_samples, raw_batches
    from dlrun.workflows.scoring import Scoring, per_class, seen_of

    checked = None if asked.is_own else check_samples(dataset, rows, kept)
    model = kept.open()
    scoring = Scoring(kept, model)
    outputs = []
    for chosen, samples in raw_batches(dataset, rows, kept.signature):
        found = np.asarray(model.predict_on_batch(samples))
        outputs.append(seen_of(kept.signature, found))
        scoring.add(asked.truth[chosen], found)
    whole = np.concatenate(outputs)
    answered = np.isfinite(whole.reshape(len(whole), -1)).all(axis=1)
    if not answered.any():
        raise UserError("No sample has a prediction: each has a missing value that the model cannot do without.")
    return Evaluation(
        kept=kept,
        part=asked.part,
        is_own=asked.is_own,
        samples=int(answered.sum()),
        unanswered=int((~answered).sum()),
        scores=tuple(scoring.scores(asked.truth[answered], whole[answered])),
        classes=per_class(kept.signature, asked.truth[answered], whole[answered]),
        absent=asked.absent,
        checked=checked,
    )


def _rows(dataset: Dataset, node: Mapping[str, Any], catalog: Catalog, part: str) -> np.ndarray:
    import numpy as np

    from dlrun.data.splits.split import split_rows

    if part == "all":
        return np.arange(dataset.samples, dtype=np.int64)
    rows: np.ndarray = getattr(split_rows(dataset, node, catalog), part)
    return rows


def _require_alike(dataset: Dataset, kept: KeptModel) -> None:
    """See that the data asks for what the run predicts, of samples that its model takes.

    Raises:
        DataError: it does not.
    """
    from dlrun.workflows.raw_samples import columns_as_in

    known: list[str] = kept.signature["classes"]
    masks = dataset.y.ndim == 3
    if masks != bool(kept.signature.get("levels")):
        asked, mend = ("one class a sample", "data=images") if masks else ("masks", "data=masks data.path=FOLDER")
        raise DataError([Problem("data", f"must have {asked}, as in training", got=dataset.task, mend=f"Type {mend}.")])
    if masks and dataset.input_shape[:2] != (kept.signature["resizing"]["height"], kept.signature["resizing"]["width"]):
        wanted = [kept.signature["resizing"][name] for name in ("height", "width")]
        rule, got = "must have the size of the run's masks", " x ".join(map(str, dataset.input_shape[:2]))
        raise DataError([Problem("data.size", rule, got=got, mend=f"Leave it out, or type data.size={wanted}.")])
    if bool(known) != bool(dataset.classes):
        asked = "classes" if known else "numbers"
        mend = "Choose the column that the run learned to predict: data.target=COLUMN."
        raise DataError([Problem("data", f"must have {asked} to predict, as in training", got=dataset.task, mend=mend)])
    columns_as_in(dataset, kept.signature)


def _truth(dataset: Dataset, rows: np.ndarray, kept: KeptModel) -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels of the rows as the run numbers its classes, and the classes that none of them is of.

    Raises:
        DataError: the data asks for something else, or has a class that the run does not know.
    """
    import numpy as np

    known: list[str] = kept.signature["classes"]
    y = dataset.y[rows]
    if not known:
        if y.shape[1] != len(kept.signature["predictions"]):
            rule = f"must have {len(kept.signature['predictions'])} values to predict, as in training"
            raise DataError([Problem("data", rule, got=str(y.shape[1]))])
        return y, ()
    present = [dataset.classes[number] for number in np.unique(y).tolist()]
    if problems := list(_unknown(present, known)):
        raise DataError(problems)
    numbers = np.array([known.index(name) if name in known else -1 for name in dataset.classes], dtype=np.int64)
    return numbers[y], tuple(name for name in known if name not in present)


def _unknown(present: Sequence[str], known: Sequence[str]) -> Iterator[Problem]:
    from dlrun.config.suggest import did_you_mean
    from dlrun.data.tables.layout import listed

    for name in present:
        if name not in known:
            mend = did_you_mean(name, known) or f"The run knows {listed(known)}. Take these rows out."
            yield Problem("data", "must hold classes that the run knows", got=f"'{name}'", mend=mend)
