"""Masks: classes that a part has no pixel of, and one class that fills them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlrun.data.findings.finding import Finding, listed
from dlrun.data.findings.view import PARTS, View

__all__ = ["mask_findings"]

_MOST = 0.95  # of all pixels


def mask_findings(view: View) -> Iterator[Finding]:
    """Of data with masks alone."""
    if view.dataset.y.ndim != 3 or not view.dataset.classes:
        return
    classes = view.dataset.classes
    counts = {part: _counts(view, part) for part in PARTS}
    for part, count in counts.items():
        names = [f"'{name}'" for name, pixels in zip(classes, count, strict=True) if pixels == 0]
        if names and count.sum():
            mend = "Another split.seed."
            mend = mend if part != "train" else f"{mend} A class that is not trained is never predicted."
            rule, got = "should hold pixels of every class", f"none of {listed(names)}"
            yield Finding("warning", "absent_class", f"the {part} part", rule, got, mend)
    count = counts["train"]
    share = float(count.max() / max(1, count.sum()))
    if share > _MOST and view.spec["loss"]["option"] != "focal":
        rule = "should not be almost all of the masks: a model that says nothing else looks good"
        got = f"{share:.1%} of the training pixels; accuracy says little, mean_iou tells"
        yield Finding("warning", "imbalance", f"class '{classes[int(count.argmax())]}'", rule, got, "loss=focal")


def _counts(view: View, part: str) -> np.ndarray:
    """Pixels of each class, image after image: all at once would be a copy of the masks."""
    found = np.zeros(len(view.dataset.classes), np.int64)
    for row in getattr(view.split, part):
        found += np.bincount(view.dataset.y[row].reshape(-1), minlength=len(found))
    return found
