"""Keras' own data sets, by its loaders, from tiny files of the true formats; and one that cannot be had."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import pickle
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data import keras_sets
from dlrun.data.declare import declare
from dlrun.data.fetched import FOLDER, folder_of
from dlrun.data.load import load
from dlrun.errors import DataError, StorageError

RANDOM = np.random.default_rng(0)
SETS = ("mnist", "fashion_mnist", "cifar10", "cifar100", "imdb", "reuters", "california_housing")


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of fetched sets, with files taken for what they should be: the true ones have Keras' checksums."""
    original = keras.utils.get_file

    def unchecked(fname: str, origin: str, file_hash: str | None = None, **more: Any) -> Any:
        return original(fname, origin, **more)

    monkeypatch.setattr(keras.utils, "get_file", unchecked)
    monkeypatch.setenv(FOLDER, str(tmp_path / "sets"))
    return tmp_path / "sets"


def put(path: Path, **arrays: Any) -> None:
    path.parent.mkdir(parents=True)
    np.savez(path, **arrays)


def grey(samples: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (samples, 28, 28)).astype(np.uint8)


def test_mnist(sets: Path) -> None:
    x, x_test, y, y_test = grey(12), grey(4), np.arange(12) % 10, np.arange(4)
    put(sets / "mnist" / "mnist.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    found = keras_sets.images("mnist", "unused")
    np.testing.assert_array_equal(found.x[..., 0], np.concatenate([x, x_test]))
    assert found.x.shape == (16, 28, 28, 1)
    assert found.y.tolist() == [*y, *y_test]
    assert found.classes == tuple("0123456789")
    assert found.parts is not None
    assert found.parts.tolist() == [0] * 12 + [2] * 4


def test_fashion_mnist(sets: Path) -> None:
    x, x_test = grey(10), grey(10)
    folder = sets / "fashion_mnist"
    folder.mkdir(parents=True)
    for part, images in {"train": x, "t10k": x_test}.items():
        labels = np.arange(10).astype(np.uint8)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0" * 16 + images.tobytes()))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"\0" * 8 + labels.tobytes()))
    found = keras_sets.images("fashion_mnist", "unused")
    np.testing.assert_array_equal(found.x[..., 0], np.concatenate([x, x_test]))
    assert (found.classes[0], found.classes[9]) == ("T-shirt/top", "Ankle boot")


def pack(folder: Path, name: str, inside: str, members: dict[str, dict[bytes, Any]]) -> None:
    folder.mkdir(parents=True)
    with tarfile.open(folder / name, "w:gz") as archive:
        for member, content in members.items():
            path = folder / "member"
            path.write_bytes(pickle.dumps(content, protocol=3))
            archive.add(path, f"{inside}/{member}")
            path.unlink()


def test_cifar10(sets: Path) -> None:
    pixels = RANDOM.integers(0, 256, (10_000, 3072)).astype(np.uint8)
    batch = {b"data": pixels, b"labels": (np.arange(10_000) % 10).tolist()}
    batches = dict.fromkeys([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"], batch)
    pack(sets / "cifar10", "cifar-10-batches-py-target_archive", "cifar-10-batches-py", batches)
    found = keras_sets.images("cifar10", "unused")
    assert found.x.shape == (60_000, 32, 32, 3)
    np.testing.assert_array_equal(found.x[3], pixels[3].reshape(3, 32, 32).transpose(1, 2, 0))
    assert found.classes[int(found.y[3])] == "cat"


@pytest.mark.parametrize(("labels", "classes"), [("fine", 100), ("coarse", 20)])
def test_cifar100(labels: str, classes: int, sets: Path) -> None:
    def batch(samples: int) -> dict[bytes, Any]:
        pixels = RANDOM.integers(0, 256, (samples, 3072)).astype(np.uint8)
        numbers = np.arange(samples)
        return {b"data": pixels, b"fine_labels": (numbers % 100).tolist(), b"coarse_labels": (numbers % 20).tolist()}

    members = {"train": batch(200), "test": batch(100)}
    pack(sets / "cifar100", "cifar-100-python-target_archive", "cifar-100-python", members)
    found = keras_sets.images("cifar100", "unused", labels)
    assert found.x.shape == (300, 32, 32, 3)
    assert len(found.classes) == classes


def texts(rows: list[list[int]]) -> np.ndarray:
    found = np.empty(len(rows), object)
    found[:] = rows
    return found


def test_imdb_is_cut_in_front_and_filled_up_in_front(sets: Path) -> None:
    x = texts([[1, 2, 3, 4, 5, 6], [7], [900, 1]])
    put(sets / "imdb" / "imdb.npz", x_train=x, y_train=np.array([0, 1, 1]), x_test=x, y_test=np.array([1, 0, 1]))
    found = keras_sets.texts("imdb", "unused", words=100, length=5, skipped=0)
    rows = {tuple(row) for row in found.x.astype(int).tolist()}
    # the word of rank r is r + 3; a text begins with 1; 900 is beyond the words
    assert rows == {(5, 6, 7, 8, 9), (0, 0, 0, 1, 10), (0, 0, 1, 2, 4)}
    assert found.classes == ("negative", "positive")
    assert found.parts is not None
    assert found.parts.tolist() == [0, 0, 0, 2, 2, 2]


def test_reuters_and_housing(sets: Path) -> None:
    put(sets / "reuters" / "reuters.npz", x=texts([[1, 2], [3], [4, 5], [6], [7]]), y=np.array([3, 4, 3, 4, 3]))
    found = keras_sets.texts("reuters", "unused", words=50, length=3, skipped=0)
    assert (found.x.shape, len(found.classes), found.classes[3], found.parts) == ((5, 3), 46, "earn", None)
    x, y = RANDOM.normal(size=(700, 8)), RANDOM.normal(size=700)
    put(sets / "california_housing" / "california_housing.npz", x=x, y=y)
    housing = keras_sets.table("california_housing", "unused", "small")
    assert housing.x.shape == (600, 8)
    assert len(housing.features) == 8


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing: it would be printed among the test's output."""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """A server of the files in `tmp_path`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_once_and_its_checksum_compared(
    host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set.bin").write_bytes(b"content")
    folder = tmp_path / "kept"
    folder.mkdir()
    fetch = keras_sets.fetching("mnist", folder)
    right = hashlib.sha256(b"content").hexdigest()
    for _ in range(2):
        assert Path(fetch("set.bin", f"{host}/set.bin", file_hash=right)).read_bytes() == b"content"
        (tmp_path / "set.bin").unlink(missing_ok=True)  # the second time it must be there already
    assert capsys.readouterr().out == ""
    (tmp_path / "set.bin").write_bytes(b"another")
    with pytest.raises(DataError) as raised:
        fetch("other.bin", f"{host}/set.bin", file_hash=right)
    assert "hash does not match" in str(raised.value)


def test_what_cannot_be_fetched_says_from_where_and_where_to_put_it(host: str, tmp_path: Path) -> None:
    began = time.monotonic()
    fetch = keras_sets.fetching("mnist", tmp_path)
    for origin in (f"{host}/none.bin", "http://127.0.0.1:9/none.bin", "http://nowhere.invalid/none.bin"):
        with pytest.raises(DataError) as raised:
            fetch("none.bin", origin)
        told = str(raised.value)
        assert told.startswith(f"data=mnist must be fetched once from {origin.split('/')[2].split(':')[0]}; got ")
        assert f"fetch {origin} elsewhere and save it as {tmp_path / 'none.bin'}." in told
    with pytest.raises(DataError, match=r"save it as \S+/packed_archive\."):
        fetch("packed", f"{host}/none.tar.gz", extract=True)
    assert time.monotonic() - began < 15


def test_a_silent_host_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(keras_sets, "_TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(DataError, match="timed out"):
            keras_sets.fetching("mnist", tmp_path)("x", f"http://127.0.0.1:{silent.getsockname()[1]}/x")
        assert time.monotonic() - began < 5
    assert socket.getdefaulttimeout() is None


def test_a_damaged_file_is_told(sets: Path) -> None:
    (sets / "mnist").mkdir(parents=True)
    (sets / "mnist" / "mnist.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(DataError, match=r"data=mnist must be whole; got .* rm -r "):
        keras_sets.images("mnist", "unused")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(FOLDER, str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"cannot be written: Not a directory\. DLRUN_DATASETS=PATH"):
        keras_sets.images("mnist", "unused")


def test_files_lie_beside_the_cache_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    assert folder_of("/project/.dlrun/cache") == Path("/project/.dlrun/datasets")
    monkeypatch.setenv(FOLDER, "/elsewhere")
    assert folder_of("/project/.dlrun/cache") == Path("/elsewhere")


@pytest.mark.parametrize("name", SETS)
def test_no_set_is_looked_at_before_it_is_loaded(name: str, work: Path, node: Any, catalog: Catalog) -> None:
    """Checks neither fetch nor need the files; what is declared is true of the real ones, which load() compares."""
    assert declare(node("data", name), catalog).problems == []
    assert not (work / ".dlrun").exists()


def test_every_set_of_keras_is_an_option_or_left_out_for_a_reason() -> None:
    left_out = {"boston_housing": "it holds a measure of race, and scikit-learn has withdrawn it for that"}
    theirs = {name for name in dir(keras.datasets) if hasattr(getattr(keras.datasets, name), "load_data")}
    assert theirs == {*SETS, *left_out}


def test_an_option_loads_through_everything(sets: Path, work: Path, node: Any) -> None:
    x, y = RANDOM.normal(size=(700, 8)), RANDOM.normal(size=700)
    put(sets / "california_housing" / "california_housing.npz", x=x, y=y)
    dataset = load(node("data", "california_housing", version="small"), Catalog(Roots.of(work)))
    assert (dataset.task, dataset.samples, dataset.features[0]) == ("regression", 600, "longitude")
