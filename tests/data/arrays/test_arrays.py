"""Arrays that NumPy has saved: what they ask for, what is wrong with them, and that streaming changes no bit."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data.dataset import Dataset
from dlrun.data.declare import declare
from dlrun.data.load import load
from dlrun.data.stored import Stored
from dlrun.errors import DataError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))
Y = np.arange(60) % 3


class Folder:
    """A working directory with arrays in it."""

    def __init__(self, work: Path, node: Any) -> None:
        self.work, self._node, self.catalog = work, node, Catalog(Roots.of(work))

    def npz(self, values: dict[str, Any] | None = None, **arrays: Any) -> dict[str, Any]:
        np.savez_compressed(self.work / "a.npz", **arrays)
        node: dict[str, Any] = self._node("data", "npz", path="a.npz", **(values or {}))
        return node

    def npy(self, x: Any, y: Any, **values: Any) -> dict[str, Any]:
        np.save(self.work / "x.npy", x)
        np.save(self.work / "y.npy", y)
        node: dict[str, Any] = self._node("data", "npy", path="x.npy", labels="y.npy", **values)
        return node

    def told(self, node: dict[str, Any]) -> list[str]:
        return [str(problem) for problem in declare(node, self.catalog).problems]

    def loaded(self, node: dict[str, Any]) -> Dataset:
        found = declare(node, self.catalog)
        assert found.problems == []
        dataset = load(node, self.catalog)
        assert (found.task, found.samples, found.shape) == (dataset.task, dataset.samples, dataset.input_shape)
        assert found.classes == (len(dataset.classes) or None)
        return dataset


@pytest.fixture
def folder(work: Path, node: Any) -> Folder:
    return Folder(work, node)


LABELS: list[tuple[str, Any, str, str, tuple[str, ...]]] = [
    ("classes", Y, "auto", "multiclass", ("0", "1", "2")),
    ("a column", Y[:, None], "auto", "multiclass", ("0", "1", "2")),
    ("not from 0", Y * 5 - 5, "auto", "multiclass", ("-5", "0", "5")),
    ("bytes", Y.astype(np.uint8), "auto", "multiclass", ("0", "1", "2")),
    ("whole floats", Y.astype(float), "auto", "multiclass", ("0", "1", "2")),
    ("text", np.array(["no", "yes", "maybe"])[Y], "auto", "multiclass", ("maybe", "no", "yes")),
    ("byte text", np.array([b"no", b"yes"])[Y % 2], "auto", "binary", ("no", "yes")),
    ("flags", Y > 0, "auto", "binary", ("false", "true")),
    ("two", Y % 2, "auto", "binary", ("0", "1")),
    ("many whole numbers", np.arange(60), "auto", "regression", ()),
    ("fractions", X[:, 0], "auto", "regression", ()),
    ("outputs", X[:, :2], "auto", "regression", ()),
    ("asked for numbers", Y, "regression", "regression", ()),
    ("asked for classes", Y + 0.5, "multiclass", "multiclass", ("0.5", "1.5", "2.5")),
    ("asked for more", Y % 2, "multiclass", "multiclass", ("0", "1")),
]


@pytest.mark.parametrize(
    ("y", "wanted", "task", "classes"), [row[1:] for row in LABELS], ids=[row[0] for row in LABELS]
)
def test_what_labels_ask_for(y: Any, wanted: str, task: str, classes: tuple[str, ...], folder: Folder) -> None:
    for dataset in (
        folder.loaded(folder.npz({"task": wanted}, x=X, y=y)),
        folder.loaded(folder.npy(X, y, task=wanted)),
    ):
        assert (dataset.task, dataset.classes) == (task, classes)
        np.testing.assert_array_equal(dataset.x, X.astype(np.float32))
        if classes:
            names = np.array(classes)[dataset.y]
            said = [v.decode() if isinstance(v, bytes) else str(v).lower().removesuffix(".0") for v in y.reshape(-1)]
            assert names.tolist() == said
        else:
            np.testing.assert_array_equal(dataset.y, y.reshape(60, -1).astype(np.float32))


@pytest.mark.parametrize("shape", [(4,), (5, 3), (4, 4, 1), (2, 4, 4, 1)])
@pytest.mark.parametrize("kind", ["u1", "?", "<i8", ">f4", "<f8", "<f2", "g"])
@pytest.mark.parametrize("stream", [True, False])
def test_every_rank_and_type_in_memory_and_streamed(
    shape: tuple[int, ...], kind: str, stream: bool, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlrun.data.arrays.read._BLOCK", 100)
    x = RANDOM.integers(0, 2 if kind == "?" else 200, size=(60, *shape)).astype(kind)
    for node in (folder.npz({"stream": stream}, x=x, y=Y), folder.npy(x, Y, stream=stream)):
        dataset = folder.loaded(node)
        assert isinstance(dataset.x, Stored) is stream
        np.testing.assert_array_equal(dataset.x[:], x.astype(np.float32))
        assert dataset.y.tolist() == Y.tolist()


def test_fortran_order_is_read_in_memory_and_refused_for_a_stream(folder: Folder) -> None:
    x = np.asfortranarray(X)
    np.testing.assert_array_equal(folder.loaded(folder.npz(x=x, y=Y)).x, X.astype(np.float32))
    with pytest.raises(DataError, match="Fortran order"):
        load(folder.npz({"stream": True}, x=x, y=Y), folder.catalog)


@pytest.mark.parametrize("stream", [True, False])
def test_parts_of_a_file_are_kept(stream: bool, folder: Folder) -> None:
    node = folder.npz({"stream": stream}, x_train=X[:40], y_train=Y[:40], x_test=X[40:], y_test=Y[40:])
    dataset = folder.loaded(node)
    assert dataset.parts is not None
    assert dataset.parts.tolist() == [0] * 40 + [2] * 20
    np.testing.assert_array_equal(dataset.x[:], X.astype(np.float32))
    assert dataset.y.tolist() == Y.tolist()


def test_names_of_arrays_are_chosen(folder: Folder) -> None:
    dataset = folder.loaded(folder.npz({"x": "images", "y": "kind"}, images=X, kind=Y, other=X))
    assert dataset.classes == ("0", "1", "2")


HOLES = np.where(np.arange(60) == 7, np.nan, X[:, 0])
FAULTS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("no such array", {"X": X, "y": Y}, {}, "data.x must name an array of a.npz; got 'x'. Did you mean data.x=X?"),
    ("objects", {"x": X.astype(object), "y": Y}, {}, "must hold numbers in 'x'; got Python objects, which are pickled"),
    ("objects as labels", {"x": X, "y": Y.astype(object)}, {}, "must hold numbers or text in 'y'; got Python objects"),
    ("complex", {"x": X * 1j, "y": Y}, {}, "got complex numbers. Save both parts: numpy.stack"),
    ("text", {"x": X.astype(str), "y": Y}, {}, "must hold numbers in 'x'; got text"),
    ("dates", {"x": np.zeros((60, 2), "M8[s]"), "y": Y}, {}, "got dates"),
    ("records", {"x": np.zeros((60, 2), [("a", "f4")]), "y": Y}, {}, "got records"),
    (
        "one number each",
        {"x": X[:, 0], "y": Y},
        {},
        "or more; got shape (60,). Save x.reshape(-1, 1).",
    ),
    ("nothing in each", {"x": X[:, :0], "y": Y}, {}, "must hold 3 samples or more in 'x'; got shape (60, 0)"),
    ("two samples", {"x": X[:2], "y": Y[:2]}, {}, "must hold 3 samples or more in 'x'; got shape (2, 4)"),
    ("fewer labels", {"x": X, "y": Y[:50]}, {}, "must have a label for each sample; got 50 in 'y' for 60 in 'x'"),
    ("labels of images", {"x": X, "y": np.zeros((60, 2, 2))}, {}, "got labels of shape (60, 2, 2)"),
    ("one hot", {"x": X, "y": np.eye(3)[Y]}, {}, "got rows of 3 zeros and ones. Save the number of each class"),
    ("rows for classes", {"x": X, "y": X}, {"task": "multiclass"}, "must have one label a sample for classes"),
    ("text for a regression", {"x": X, "y": Y.astype(str)}, {"task": "regression"}, "must be numbers for a regression"),
    ("label missing", {"x": X, "y": HOLES}, {}, "must have a label for each sample; got nan in sample 8"),
    ("constant", {"x": X, "y": np.full(60, 0.5)}, {}, "must vary: it is what is to be predicted; got 0.5"),
    ("one class", {"x": X, "y": np.full(60, "a")}, {}, "must hold two classes or more; got 'a' in every sample"),
    ("names", {"x": X, "y": np.arange(60).astype(str)}, {}, "must repeat its classes; got 60 different values"),
    (
        "binary of three",
        {"x": X, "y": Y},
        {"task": "binary"},
        "must fit the labels of a.npz; got binary for 3",
    ),
]


@pytest.mark.parametrize(("arrays", "values", "says"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_what_is_wrong_is_told(arrays: dict[str, Any], values: dict[str, Any], says: str, folder: Folder) -> None:
    told = folder.told(folder.npz(values, **arrays))
    assert any(says in each for each in told), told


def test_infinite_samples_are_told_in_memory_and_streamed(folder: Folder) -> None:
    x = X.copy()
    x[9, 1] = 1e39
    for stream in (True, False):
        with pytest.raises(DataError, match="must hold finite numbers"):
            load(folder.npz({"stream": stream}, x=x, y=Y), folder.catalog)


def test_missing_numbers_are_left_to_the_preprocessing(folder: Folder) -> None:
    x = X.copy()
    x[9, 1] = np.nan
    for stream in (True, False):
        assert np.isnan(folder.loaded(folder.npz({"stream": stream}, x=x, y=Y)).x[:][9, 1])


def test_damaged_files_are_told(folder: Folder) -> None:
    node = folder.npz(x=X, y=Y)
    path = folder.work / "a.npz"
    whole = path.read_bytes()
    for content, says in [
        (b"", "must be a whole .npz file"),
        (b"a,b\n1,2\n", "must be a whole .npz file; got File is not a zip file"),
        (whole[: len(whole) // 2], "must be a whole .npz file"),
    ]:
        path.write_bytes(content)
        assert any(says in each for each in folder.told(node)), folder.told(node)
    node = folder.npy(X, Y)
    whole = (folder.work / "x.npy").read_bytes()
    for content, says in [
        (whole[:-8], "data.path must have the size that its header tells; got 2,040 bytes, where its header tells of"),
        (whole[:40], "must be an array that NumPy has saved"),
        (b"nothing", "must be an array that NumPy has saved"),
    ]:
        (folder.work / "x.npy").write_bytes(content)
        assert any(says in each for each in folder.told(node)), folder.told(node)


def test_a_flipped_bit_of_the_samples_is_told_when_they_are_read(folder: Folder) -> None:
    x = RANDOM.normal(size=(60, 2000))
    node = folder.npz(x=x, y=Y)
    np.savez(folder.work / "a.npz", x=x, y=Y)
    content = bytearray((folder.work / "a.npz").read_bytes())
    content[content.index(x.tobytes()[:16]) + 900_000] ^= 1
    (folder.work / "a.npz").write_bytes(content)
    assert folder.told(node) == []
    for stream in (False, True):
        with pytest.raises(DataError, match="CRC"):
            load({**node, "stream": stream}, folder.catalog)


def bomb(path: Path, shape: tuple[int, ...], content: bytes) -> None:
    """An archive whose header tells of more than there is."""
    header = repr({"descr": "<f8", "fortran_order": False, "shape": shape}).encode()
    header += b" " * (118 - len(header)) + b"\n"
    labels = io.BytesIO()
    np.save(labels, np.zeros(3))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content)
        archive.writestr("y.npy", labels.getvalue())


def test_a_zip_bomb_is_refused_by_its_header(folder: Folder) -> None:
    bomb(folder.work / "a.npz", (10**12, 3), b"\0" * 10**6)
    (told,) = folder.told(folder._node("data", "npz", path="a.npz"))
    assert "must have the size that its header tells; got 1,000,129 bytes in x.npy" in told


def test_the_file_is_looked_for(folder: Folder) -> None:
    folder.npz(x=X, y=Y)
    told = folder.told(folder._node("data", "npz", path="aa.npz"))
    assert "Did you mean data.path=a.npz?" in told[0]
    (folder.work / "sub").mkdir()
    assert "must be a .npz file; got the folder 'sub'" in folder.told(folder._node("data", "npz", path="sub"))[0]
    assert "the address" in folder.told(folder._node("data", "npz", path="http://a/b.npz"))[0]
    told = folder.told(folder._node("data", "npy", path="a.npy", labels="b.npy"))
    assert [each.partition(" ")[0] for each in told] == ["data.path", "data.labels"]
