"""What the weights that were kept make of classes, however few the epochs: whether they name more than one, and more
often rightly than a guess."""

from __future__ import annotations

import math

from dlrun.analysis.diagnosis.curves import Curves
from dlrun.analysis.diagnosis.finding import Finding
from dlrun.analysis.diagnosis.mends import Change, Mends

__all__ = ["no_better", "one_class"]

_FEWEST = 20  # rows to judge on: of fewer, chance makes anything
_NEARLY = 0.98  # of the rows, named as one class
_FOUND = 0.05  # of the rows of other classes, named rightly: so few are as good as none
_EPOCHS = 20  # fewer may be too few


def one_class(curves: Curves, mends: Mends) -> Finding | None:
    """Nearly all test rows are given to one class, and those of the others are not found."""
    total = sum(map(sum, curves.confusion))
    if total < _FEWEST:
        return None
    named = [sum(column) for column in zip(*curves.confusion, strict=True)]
    top = max(range(len(named)), key=named.__getitem__)
    others = total - sum(curves.confusion[top])
    found = sum(row[place] for place, row in enumerate(curves.confusion) if place != top)
    if named[top] < _NEARLY * total or not others or found > _FOUND * others:
        return None
    every = "Every row" if named[top] == total else "Nearly every row"
    name = f"'{curves.names[top]}'" if len(curves.names) > top else f"class {top}"
    accuracy = curves.confusion[top][top] + found
    return Finding(
        "one_class",
        f"{every} is given to one class, {name}: the model tells nothing apart, however high its accuracy.",
        f"{named[top]} of {total} test rows are called {name}; {others} are of other classes, and {found} of these are"
        f" found. Accuracy is {accuracy / total:.3g}, with the one answer it is {1 - others / total:.3g}"
        f"{_shown_by(curves)}",
        mends.first(*_ways_out(curves, mends)),
    )


def no_better(curves: Curves, mends: Mends) -> Finding | None:
    """Accuracy is not above the share of the most frequent class by more than chance, in validation and test."""
    if curves.spec["task"] == "regression" or _is_weighted(curves):  # weights give accuracy away for rare classes
        return None
    compared = {part: pair for part in ("validation", "test") if (pair := _compared(curves, part)) is not None}
    if not compared or any(
        score > share + math.sqrt(share * (1 - share) / curves.samples[part])  # a standard error
        for part, (score, share) in compared.items()
    ):
        return None
    told = [f"{score:.3g} in {part}, where the guess has {share:.3g}" for part, (score, share) in compared.items()]
    return Finding(
        "no_better_than_guess",
        "The model is right hardly more often than giving every row to the most frequent class.",
        f"accuracy {'; '.join(told)}{_shown_by(curves)}",
        mends.first(*_ways_out(curves, mends)),
    )


def _compared(curves: Curves, part: str) -> tuple[float, float] | None:
    """The accuracy of the kept weights, and that of the guess; None where a part tells nothing."""
    share = (curves.guess.get("accuracy") or {}).get(part)
    rows = curves.samples.get(part, 0)
    scores = curves.scores
    name = "test_accuracy" if part == "test" else "restored_val_accuracy"
    score = scores.get(name, scores.get("val_accuracy") if part == "validation" else None)
    if share is None or score is None or share == 1 or rows < _FEWEST or curves.kept_epoch == 0:
        return None
    return score, share


def _is_weighted(curves: Curves) -> bool:
    sampled = curves.spec.get("sampling", {"option": "none"})["option"] != "none"
    return sampled or curves.spec["trainer"].get("class_weight") is not None


def _shown_by(curves: Curves) -> str:
    """The metric that would have shown it, where it is not measured."""
    if curves.spec["task"] == "segmentation" or "balanced_accuracy" in curves.spec["metric"]:
        return ""
    return f"; metric=[{','.join([*curves.spec['metric'], 'balanced_accuracy'])}] shows it"


def _ways_out(curves: Curves, mends: Mends) -> list[Change]:
    """Rare classes first, then time to learn, then the rate."""
    share, classes = (curves.guess.get("accuracy") or {}).get("train", 0.0), curves.spec["classes"] or 2
    ways: list[Change] = []
    if share > 1.5 / classes or (classes == 2 and share > 0.6):
        of_masks = curves.spec["task"] == "segmentation"
        if of_masks or not _is_weighted(curves):
            ways.append(("loss", "focal") if of_masks else ("trainer.class_weight", "balanced"))
    if curves.epochs < _EPOCHS:
        ways.append(("trainer.epochs", max(_EPOCHS, 5 * curves.epochs)))
    return [*ways, ("trainer.lr_finder", True), mends.wider()]
