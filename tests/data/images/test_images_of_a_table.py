"""A CSV names the images, and what is to be predicted of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlrun.config.identity import run_id
from dlrun.config.spec import Spec
from dlrun.errors import DataError
from tests.data.images.conftest import Photos, picture


@pytest.fixture
def table(photos: Photos) -> Photos:
    """`photos` with twelve images, and a CSV that names them."""
    photos.fill()
    names = [f"photos/{each}/{number}.png" for each in ("cat", "dog") for number in range(6)]
    rows = [f"{name},{name.split('/')[1]},{place * 0.5},{place % 2}" for place, name in enumerate(names)]
    Path("labels.csv").write_text("\n".join(["file,animal,age,tame", *rows]) + "\n")
    return photos


def of(**values: object) -> dict[str, object]:
    return {"option": "images_table", "path": "labels.csv", **values}


@pytest.mark.parametrize(
    ("target", "task", "classes", "y"),
    [
        ("animal", "binary", ("cat", "dog"), [0] * 6 + [1] * 6),
        ("tame", "binary", ("0", "1"), [0, 1] * 6),
        ("age", "regression", (), [place * 0.5 for place in range(12)]),
    ],
)
def test_the_target_says_the_task(table: Photos, target: str, task: str, classes: tuple[str, ...], y: list[float]):
    told, dataset = table.declared(**of(target=target)), table.loaded(**of(target=target))
    assert (told.task, told.classes, told.samples, told.shape) == (task, len(classes) or None, 12, (8, 8, 3))
    assert dataset.classes == classes
    np.testing.assert_array_equal(dataset.y.reshape(-1), y)
    np.testing.assert_array_equal(dataset.x[7], picture(7))
    again = table.loaded(**of(target=target, stream=True))
    np.testing.assert_array_equal(again.y, dataset.y)


def test_names_are_seen_from_the_root(table: Photos):
    Path("photos/inner.csv").write_text("label,name\n" + "".join(f"{i % 2},{i}.png\n" for i in range(6)))
    values = of(path="photos/inner.csv", image="name", target="label", root="photos/dog")
    np.testing.assert_array_equal(table.loaded(**values).x[0], picture(6))
    assert "must name files that there are; got '0.png'" in table.problems(**values | {"root": None})


def test_an_edited_image_is_other_data(table: Photos):
    spec = Spec({"data": table.node(**of()), "trainer": {}, "split": {}})
    before = run_id(spec, table.catalog)
    table.put("beside.png", picture(5))
    assert run_id(spec, table.catalog) == before
    table.put("cat/0.png", picture(70))
    assert run_id(spec, table.catalog) != before


def test_faults_are_told_with_their_lines(table: Photos):
    table.put("bad.png", b"nothing")
    more = ["photos/nope.png,cat,1,0", "photos/cat/0.png,,1,0", "photos/cat/0.png,cat", "photos/bad.png,cat,1,1"]
    with Path("labels.csv").open("a") as file:
        file.write("\n".join(more) + "\n")
    told = table.problems(**of(target="animal"))
    assert "must name files that there are; got 'photos/nope.png'." in told
    assert "(labels.csv:14)" in told
    assert "must name an image and what it shows in every row; got an empty cell." in told
    assert "(labels.csv:15)" in told
    assert "must have 4 cells in every row, as its header has; got 2." in told
    assert "got no image. Remove the file, or pass over such files: data.unreadable=skip (photos/bad.png)" in told


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"target": "animl"},
            "data.target must name a column of the table; got 'animl'. Did you mean data.target=animal?",
        ),
        ({"image": "age"}, "must name files that there are; got '0.0'."),
        ({"image": "file", "target": "file"}, "data.target must not be the column that names the images; got 'file'."),
        ({"path": "photos"}, "must be a CSV file; got the folder 'photos'. Name the CSV itself;"),
        ({"path": "none.csv"}, "data.path must be an existing file; got 'none.csv'."),
        ({"root": "none"}, "data.root must be an existing folder; got 'none'."),
        ({"target": "animal", "task": "regression"}, "must hold a number in column 'animal'; got text."),
        ({"target": "age", "task": "binary"}, "data.task must fit column 'age'; got binary for 12 classes."),
    ],
)
def test_choices_that_do_not_fit(table: Photos, values: dict[str, object], says: str):
    assert says in table.problems(**of(**values))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "must hold a header with two columns or more"),
        (b"file,animal\n", "must hold rows below its header; got none."),
        (b"file,animal\ncaf\xe9.png,cat\n", "must be UTF-8 text; got byte 0xe9 at offset 15."),
        (b'file,animal\n"cat,dog\n', "must follow the quoting of CSV"),
        (b"PAR1....", "must be a CSV file; got a Parquet file."),
    ],
)
def test_tables_that_are_none(table: Photos, content: bytes, says: str):
    Path("labels.csv").write_bytes(content)
    assert says in table.problems(**of())


def test_a_truncated_image_is_found_when_it_is_decoded(table: Photos):
    path = table.put("cat/0.png", picture(0, (64, 64)))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="must be an image that can be read"):
        table.loaded(**of(target="animal"))
    skipped = table.loaded(**of(target="animal", unreadable="skip"))
    assert (skipped.samples, skipped.y.tolist()) == (11, [0] * 5 + [1] * 6)
