"""What the journal tells of a dataset: kinds of columns, and the classes of each part."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlrun.data.balance import describe_rows
from dlrun.data.load import load
from dlrun.data.splits.split import Split


def test_classes_are_counted_in_each_part(csv_folder: Any) -> None:
    csv_folder.write("size,town,kind\n" + "".join(f"{i},{'AB'[i % 2]},{'xyy'[i % 3]}\n" for i in range(12)))
    dataset = load(csv_folder.node(), csv_folder.catalog)
    found = describe_rows(dataset, Split(np.arange(0, 6), np.arange(6, 9), np.arange(9, 12)))
    assert found["kinds"] == ["number", "category"]
    assert found["classes"] == ["x", "y"]
    assert found["balance"] == {"train": [2, 4], "validation": [1, 2], "test": [1, 2]}
    assert found["digest"] == dataset.digest


def test_of_values_nothing_is_counted(csv_folder: Any) -> None:
    csv_folder.write("size,price\n" + "".join(f"{i},{i * 1.5}\n" for i in range(12)))
    dataset = load(csv_folder.node(), csv_folder.catalog)
    found = describe_rows(dataset, Split(np.arange(0, 6), np.arange(6, 9), np.arange(9, 12)))
    assert (found["balance"], found["classes"]) == (None, [])
