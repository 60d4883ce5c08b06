"""Samples that are there again are found wherever they lie, told by the names of their files, with a mend that can be
typed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted_tables import Looker, clean, names
from test_planted_faults import draw, images, of_images, of_texts

from dlrun.data.dataset import Dataset
from dlrun.data.findings.finding import Finding
from dlrun.data.stored import RowFile, Stored


def by_name(found: tuple[Finding, ...]) -> dict[str, Finding]:
    return {each.name: each for each in found}


def many(count: int = 900) -> np.ndarray:
    """Images of which a fourteenth is looked at, for their size."""
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3)).astype(np.float32)


def folder(x: np.ndarray) -> Dataset:
    return replace(of_images(x), files=tuple(f"class/{place:04d}.png" for place in range(len(x))))


@pytest.mark.parametrize("is_stored", [False, True])
def test_one_image_twice_is_found_among_many_and_named(is_stored: bool, tmp_path: Path) -> None:
    x = many()
    x[811] = x[37]
    dataset = folder(x)
    if is_stored:
        (tmp_path / "samples").write_bytes(x.astype(np.uint8).tobytes())
        dataset = replace(dataset, x=Stored(RowFile(tmp_path / "samples", (64, 64, 3), "uint8")))
    found = by_name(Looker(tmp_path).dataset(dataset))
    assert found["duplicate_rows"].got == "1 of 900 again, as class/0037.png and class/0811.png"


def test_an_image_that_is_trained_and_tested_on_is_found_with_what_can_be_typed(tmp_path: Path) -> None:
    x = many()
    x[450:] = x[:450]
    found = by_name(Looker(tmp_path).dataset(folder(x)))
    assert {"duplicate_rows", "shared_rows", "contradicting_rows"} <= found.keys()
    assert "looked at" not in found["shared_rows"].got
    assert "class/0" in found["shared_rows"].got
    assert found["shared_rows"].mend == "Leave the repetitions out of the data."


def test_rows_of_a_table_are_kept_together_by_a_column(tmp_path: Path) -> None:
    rows = clean()
    found = by_name(Looker(tmp_path).table([*rows, *rows[:40]]))
    assert "split=grouped data.group=COLUMN" in found["shared_rows"].mend


def test_few_repetitions_of_rows_that_no_chance_makes_are_told(tmp_path: Path) -> None:
    rows = [row | {"weight": round(draw(i).gauss(70, 9), 3)} for i, row in enumerate(clean())]
    assert names(Looker(tmp_path).table(rows)) == set()
    found = by_name(Looker(tmp_path).table([*rows, rows[3]]))
    assert found["duplicate_rows"].got == "1 of 401 again, as 4 and 401"


def test_one_text_under_both_labels_is_told(tmp_path: Path) -> None:
    texts = [f"letter {i} of many" for i in range(400)]
    texts[311] = texts[5]
    dataset = of_texts(texts)
    y = dataset.y.copy()
    y[5], y[311] = 0, 1
    files = tuple(f"t/{i}.txt" for i in range(400))
    found = by_name(Looker(tmp_path).dataset(replace(dataset, y=y, files=files)))
    assert found["contradicting_rows"].got.endswith("t/5.txt is 'a', t/311.txt 'b'")


def test_a_blank_image_is_named(tmp_path: Path) -> None:
    x = images()
    x[7] = 255
    (found,) = Looker(tmp_path).dataset(folder(x))
    assert found.got.endswith("the first is class/0007.png")


def test_what_stands_in_for_missing_cells_is_a_note_and_no_mend(tmp_path: Path) -> None:
    rows = [row | {"age": ""} if i % 10 == 0 else row for i, row in enumerate(clean())]
    (found,) = Looker(tmp_path).table(rows)
    assert found.got.endswith("; the median of their column stands in for them")
    assert found.mend == "data.missing=drop_rows leaves the rows out."


@pytest.mark.parametrize(("number", "said"), [(-999, "-999"), (9999, "9999"), (-99.9, "-99.9")])
def test_a_number_that_stands_for_a_missing_one_is_named_as_such(number: float, said: str, tmp_path: Path) -> None:
    rows = [row | {"height": round(draw(i).gauss(170, 2), 2)} for i, row in enumerate(clean())]
    (found,) = Looker(tmp_path).table([row | {"height": number} if i % 23 == 0 else row for i, row in enumerate(rows)])
    assert found.name == "outliers"
    assert found.mend.startswith(f"'data.missing_words=[{said}]'")
