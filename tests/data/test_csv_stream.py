"""A CSV file that stays on the disk is the same data: the same numbers, labels, splits, scales and problems."""

from __future__ import annotations

import json
import os
import shutil
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlrun.config.identity import run_id
from dlrun.config.spec import Spec
from dlrun.data.declare import declare
from dlrun.data.load import load
from dlrun.data.prepare import Prepared, prepare
from dlrun.data.splits.split import split_rows
from dlrun.data.stored import Stored
from dlrun.data.tables import csv_plain, formats, inspect, kept, stream
from dlrun.data.tables.layout import Settings
from dlrun.errors import DataError, StorageError

if TYPE_CHECKING:
    from tests.data.conftest import CsvFolder

TARGETS = {"multiclass": ("cat", "dog", "cow"), "binary": ("0", "1"), "regression": None}
PLAIN_CELLS = ("1", "-2.5", "+3e-2", ".5", "7.", "0.1234567890123456789", "1e38", "1e-50", "  4", "4  ")
ODD_CELLS = (
    *(
        "",
        "NA",
        "nan",
        "inf",
        "-Infinity",
        "1e400",
        "4e38",
        "true",
        "False",
        "1_000",
        "1,5",
        "0x1p3",
        "--5",
        "5e",
        "1d5",
    ),
    *("\u0661", "1 2", "'1'", "$5", "text", "1e 5", "+-3", "e5", "1e+", "\t8", "\x0c9", "1\xa0"),
)


def table(task: str, rows: int = 300) -> str:
    random = np.random.default_rng(5)
    x = random.normal([0, 1e6, 5], [1, 3, 0], size=(rows, 3))
    classes = TARGETS[task]
    labels = [f"{v:.3f}" if classes is None else classes[int(v * 9) % len(classes)] for v in random.uniform(size=rows)]
    lines = [",".join(map(repr, row)) + f",{label}" for row, label in zip(x.tolist(), labels, strict=True)]
    return "\n".join(["a,b,c,y", *lines]) + "\n"


@pytest.fixture
def prepared(csv_folder: CsvFolder, node: Callable[..., Any]) -> Callable[..., Prepared]:
    def make(stream: bool, option: str = "auto", **values: Any) -> Prepared:
        dataset = load(csv_folder.node(stream=stream, **values), csv_folder.catalog)
        assert isinstance(dataset.x, Stored) == stream
        rows = split_rows(dataset, node("split", "holdout"), csv_folder.catalog)
        spec = {"preprocess": node("preprocess", option), "model": node("model", "mlp"), "seed": 0}
        return prepare({**spec, "sampling": node("sampling", "none")}, csv_folder.catalog, dataset, rows)

    return make


@pytest.mark.parametrize("task", TARGETS)
@pytest.mark.parametrize("option", ["auto", "minmax", "none"])
def test_parts_have_the_same_bits(csv_folder: CsvFolder, prepared: Callable[..., Prepared], task: str, option: str):
    csv_folder.write(table(task))
    held, streamed = prepared(False, option), prepared(True, option)
    for part in ("train", "validation", "test"):
        mine, other = getattr(held, part), getattr(streamed, part)
        np.testing.assert_array_equal(mine.x, other.x[:])
        np.testing.assert_array_equal(mine.y, other.y)
        assert (mine.x.shape, mine.x.dtype, mine.y.dtype) == (other.x.shape, other.x.dtype, other.y.dtype)
    assert held.target is None or streamed.target is not None
    assert held.target is None or (held.target.scale, held.target.offset) == (
        streamed.target.scale,
        streamed.target.offset,
    )
    assert held.front == streamed.front
    assert held.describe() == streamed.describe()


def test_a_stream_is_no_part_of_a_runs_identity(csv_folder: CsvFolder):
    csv_folder.write(table("binary"))
    ids = set()
    for is_streamed in (True, False, "auto"):
        data = dict(csv_folder.node(stream=is_streamed))
        ids.add(run_id(Spec({"data": data, "trainer": {}, "split": {}, "seed": 0}), csv_folder.catalog))
    assert len(ids) == 1


def test_auto_streams_what_memory_is_too_small_for(csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch):
    csv_folder.write(table("binary"))
    needed = 5 * 300 * (3 * 4 + 8)
    for available, is_streamed in ((needed, False), (needed - 1, True), (None, False)):
        monkeypatch.setattr(stream, "available_bytes", lambda available=available: available)
        dataset = loaded_anew(csv_folder, monkeypatch, stream="auto")
        assert isinstance(dataset.x, Stored) == is_streamed


BAD = {
    "text": (150, "1.0,word,5.0,cat"),
    "missing": (299, "1.0,,5.0,cat"),
    "infinite": (1, "1.0,1e39,5.0,cat"),
    "ragged": (77, "1.0,2.0,cat"),
    "long": (78, "1.0,2.0,3.0,4.0,cat"),
    "quote": (200, '1.0,"2.0,5.0,cat'),
    "text in the first row": (0, "x,y,z,cat"),
}


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("stretch", [None, 64, 2000])
def test_problems_are_told_alike(
    csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch, fault: str, stretch: int | None
):
    row, line = BAD[fault]
    lines = table("multiclass").splitlines()
    lines[row + 1] = line
    csv_folder.write("\n".join(lines) + "\n")
    node = csv_folder.node(missing="refuse", kinds={"a": "number"})
    expected = declare(node, csv_folder.catalog).problems
    assert expected
    assert expected[0].place == f"table.csv:{row + 2}"
    inspect._look_at.cache_clear()
    if stretch is not None:
        monkeypatch.setattr(csv_plain, "_SMALLEST", 0)
        monkeypatch.setattr(csv_plain, "_STRETCH", stretch)
    with pytest.raises(DataError) as caught:
        load({**node, "stream": True}, csv_folder.catalog)
    assert list(caught.value.problems) == expected
    assert not (csv_folder.folder / ".dlrun").exists()


@pytest.mark.parametrize("cell", [*PLAIN_CELLS, *ODD_CELLS])
@pytest.mark.parametrize("place", [0, 1])
def test_pandas_reads_what_cells_read(
    csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch, cell: str, place: int
) -> None:
    cells = ["1.5", "cat"]
    cells[place] = cell
    csv_folder.write("a,y\n1.25,cat\n2.5,dog\n" + ",".join(cells) + "\n3.5,dog\n0.5,cat\n")
    found = []
    for smallest in (2**30, 0):
        monkeypatch.setattr(csv_plain, "_SMALLEST", smallest)
        inspect._look_at.cache_clear()
        seen = inspect.look_at(csv_folder.folder / "table.csv", Settings.of(csv_folder.node(), "csv"))
        if not seen.problems:
            content = load(csv_folder.node(task="auto" if smallest else "multiclass"), csv_folder.catalog)
            found.append((content.x.tolist(), content.y.tolist()))
        found.append(seen)
    assert repr(found[: len(found) // 2]) == repr(found[len(found) // 2 :])  # NaN is not itself


def test_stretches_of_all_kinds_are_one_file(csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch):
    lines = table("multiclass").splitlines()
    lines[40] = ""
    lines[90] = "true,2.0,5.0,cow"
    lines[250] = '1.0,2.0,5.0,"cow"'
    for end in ("\n", "\r\n"):
        csv_folder.write(end.join(lines))
        held = load(csv_folder.node(), csv_folder.catalog)
        monkeypatch.setattr(csv_plain, "_SMALLEST", 0)
        for stretch in (1, 100, 3000, 10**6):
            monkeypatch.setattr(csv_plain, "_STRETCH", stretch)
            inspect._look_at.cache_clear()
            shutil.rmtree(csv_folder.folder / ".dlrun", ignore_errors=True)
            streamed = loaded_anew(csv_folder, monkeypatch)
            np.testing.assert_array_equal(streamed.x[:], held.x)
            np.testing.assert_array_equal(streamed.y, held.y)
        monkeypatch.setattr(csv_plain, "_SMALLEST", 2**30)


def entries(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f".dlrun/cache/*/{kept.ABOUT}"))


def loaded_anew(csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch, stream: Any = True) -> Any:
    """Loaded as a new process would."""
    monkeypatch.setattr("dlrun.data.load._KEPT", OrderedDict())
    inspect._look_at.cache_clear()
    return load(csv_folder.node(stream=stream), csv_folder.catalog)


def test_a_converted_file_is_not_read_as_text_again(csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch):
    csv_folder.write(table("regression"))
    first = loaded_anew(csv_folder, monkeypatch)
    declared = declare(csv_folder.node(), csv_folder.catalog)

    def refuse(*_: Any) -> Any:
        raise AssertionError("read as text")

    monkeypatch.setattr("dlrun.data.tables.formats.TableFile.batches", refuse)
    again = loaded_anew(csv_folder, monkeypatch)
    np.testing.assert_array_equal(first.x[:], again.x[:])
    np.testing.assert_array_equal(first.y, again.y)
    assert (first.task, first.features) == (again.task, again.features)
    inspect._look_at.cache_clear()
    assert declare(csv_folder.node(), csv_folder.catalog) == declared


@pytest.mark.parametrize("damage", ["samples cut", "labels gone", "about torn", "half written"])
def test_a_damaged_entry_is_made_again(csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch, damage: str):
    csv_folder.write(table("binary"))
    expected = loaded_anew(csv_folder, monkeypatch).x[:]
    (entry,) = entries(csv_folder.folder)
    match damage:
        case "samples cut":
            os.truncate(entry / "samples.float32", 100)
        case "labels gone":
            (entry / "sides.npz").unlink()
        case "about torn":
            (entry / "about.json").write_text("{")
        case "half written":
            entry.rename(entry.with_name(f"{entry.name}.partial"))
    np.testing.assert_array_equal(loaded_anew(csv_folder, monkeypatch).x[:], expected)
    assert entries(csv_folder.folder) == [entry]
    assert not list(entry.parent.glob("*.partial"))
    assert json.loads((entry / "about.json").read_text())["samples"] == 300


def test_few_entries_are_kept_and_open_ones_are_read_on(csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch):
    opened = []
    for number in range(kept.MOST_ENTRIES + 2):
        csv_folder.write(table("binary", rows=100 + number))
        opened.append(loaded_anew(csv_folder, monkeypatch))
    assert len(entries(csv_folder.folder)) == kept.MOST_ENTRIES
    assert [len(each.x[:]) for each in opened] == [100 + number for number in range(kept.MOST_ENTRIES + 2)]


@pytest.mark.parametrize("edit", ["other numbers", "another class", "gone"])
def test_an_edit_while_it_is_converted_is_not_kept(
    csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    edited = table("binary", rows=299) + "1.0,2.0,5.0,0\n"
    if edit == "another class":
        edited = table("multiclass")
    path = csv_folder.write(table("binary"))
    read, passes = formats.TableFile.batches, iter(("looked at", "converted"))

    def edited_in_between(*given: Any) -> Any:
        if next(passes) == "looked at":
            yield from read(*given)
            return
        csv_folder.write(edited) if edit != "gone" else path.unlink()
        yield from read(*given) if edit != "gone" else ()

    with monkeypatch.context() as patched:
        patched.setattr(formats.TableFile, "batches", edited_in_between)
        with pytest.raises(DataError, match=r"data.path must not change while it is read"):
            loaded_anew(csv_folder, monkeypatch)
    assert not list(csv_folder.folder.glob(".dlrun/cache/*/"))
    csv_folder.write(edited)
    streamed, held = (loaded_anew(csv_folder, monkeypatch, stream=stream) for stream in (True, False))
    np.testing.assert_array_equal(streamed.x[:], held.x)
    np.testing.assert_array_equal(streamed.y, held.y)


def test_a_disk_without_room_is_told(csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch):
    csv_folder.write(table("binary"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 5999))
    with pytest.raises(DataError, match=r"data.stream must have room on the disk"):
        loaded_anew(csv_folder, monkeypatch)
    assert not entries(csv_folder.folder)


def test_a_cache_that_cannot_be_written_is_told(csv_folder: CsvFolder, monkeypatch: pytest.MonkeyPatch):
    csv_folder.write(table("binary"))
    (csv_folder.folder / ".dlrun").write_text("a file in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        loaded_anew(csv_folder, monkeypatch)
