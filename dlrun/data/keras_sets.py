"""The data sets of `keras.datasets`, by Keras' own loaders and checksums, kept in one folder.

The folder is `.dlrun/datasets/` where `runs/` lies, or what the environment variable DLRUN_DATASETS names. A file that
was put there by hand is taken as if it had been fetched.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from filelock import FileLock

from dlrun.data.dataset import Content
from dlrun.data.fetched import FOLDER, folder_of
from dlrun.errors import DataError, Problem, StorageError

__all__ = ["fetching", "images", "table", "texts"]

_TIMEOUT = 10  # seconds without a byte: of connecting, and of every read
_DAMAGED = (EOFError, KeyError, ValueError, OSError, zlib.error, pickle.UnpicklingError)
_DAMAGED_ARCHIVE = (zipfile.BadZipFile, tarfile.TarError)
_NAMES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "imdb": ("negative", "positive"),
}  # fmt: skip
_HOUSING = ("longitude", "latitude", "age", "rooms", "bedrooms", "population", "households", "income")


def images(name: str, cache: str, labels: str | None = None) -> Content:
    """A set of images that is given as a part to train and a part to test on.

    Args:
        name: as in `keras.datasets.NAME`.
        cache: see `fetched.folder_of`.
        labels: of cifar100, `fine` or `coarse`.
    """
    (x, y), (x_test, y_test) = _loaded(name, cache, **({} if labels is None else {"label_mode": labels}))
    together = np.concatenate([x, x_test])
    together = together[..., np.newaxis] if together.ndim == 3 else together
    numbers = np.concatenate([y, y_test]).reshape(-1).astype(np.int64)
    names = _NAMES.get(name) or tuple(map(str, range(int(numbers.max()) + 1)))
    return Content(together, numbers, names, parts=_parts(y, y_test))


def texts(name: str, cache: str, words: int, length: int, skipped: int) -> Content:
    """A set of texts as numbers of words, the most frequent first, from 4: 0 fills up, 1 begins a text, 2 is any other.

    Args:
        name: as in `keras.datasets.NAME`.
        cache: see `fetched.folder_of`.
        words: numbers from here on become 2.
        length: of all texts; from longer ones the end is taken, shorter ones are filled up in front.
        skipped: as many of the most frequent words become 2.

    Returns:
        x: shape (texts, length); y: the class of each. `parts` where the set is given as parts.
    """
    (x, y), (x_test, y_test) = _loaded(name, cache, num_words=words, skip_top=skipped)
    together = [*x, *x_test]
    rows = np.zeros((len(together), length), np.float32)
    for row, text in zip(rows, together, strict=True):
        kept = text[-length:]
        row[length - len(kept) :] = kept
    labels = np.concatenate([y, y_test]).astype(np.int64)
    return Content(rows, labels, _NAMES.get(name) or _topics(), parts=_parts(y, y_test) if name == "imdb" else None)


def table(name: str, cache: str, version: str) -> Content:
    """A set of rows and columns, in the units of its source."""
    (x, y), (x_test, y_test) = _loaded(name, cache, version=version)
    return Content(np.concatenate([x, x_test]), np.concatenate([y, y_test]), (), _HOUSING)


def _topics() -> tuple[str, ...]:
    from keras.datasets import reuters

    return tuple(reuters.get_label_names())


def _parts(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    return np.repeat(np.array([0, 2]), [len(train), len(test)])


def _loaded(name: str, cache: str, **arguments: Any) -> Any:
    """What Keras' loader answers, its files fetched into our folder.

    Raises:
        DataError: a file can be neither found nor fetched, or is damaged.
        StorageError: the folder cannot be written.
    """
    import keras

    folder = folder_of(cache) / name
    loader = getattr(keras.datasets, name).load_data
    # a loader says neither where its files go nor what is to be done offline: it gets another function to fetch with
    with_ours = FunctionType(loader.__code__, {**loader.__globals__, "get_file": fetching(name, folder)})
    with_ours.__kwdefaults__ = loader.__kwdefaults__
    with_ours.__defaults__ = loader.__defaults__
    with _written(folder), FileLock(folder / ".lock"):
        try:
            return with_ours(**arguments)
        except (*_DAMAGED, *_DAMAGED_ARCHIVE) as error:
            got = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}".rstrip(": ")
            mend = f"Remove the folder, and it is fetched again: rm -r {folder}"
            raise DataError([Problem(f"data={name}", "must be whole", got, mend, str(folder))]) from error


@contextlib.contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}. {FOLDER}=PATH names another.") from error
    if not os.access(folder, os.W_OK):  # Keras would quietly take /tmp
        raise StorageError(f"{folder} cannot be written. {FOLDER}=PATH names another folder.")
    yield


def fetching(name: str, folder: Path) -> Callable[..., str]:
    """A function in place of `keras.utils.get_file` that fetches into `folder`, within seconds or not at all."""

    def fetch(fname: str, origin: str, **more: Any) -> str:
        import keras

        more |= {"cache_dir": str(folder), "cache_subdir": ""}
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(_TIMEOUT)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # what is printed to standard output is the command's answer
                return str(keras.utils.get_file(fname, origin, **more))
        except Exception as error:
            is_packed = bool(more.get("extract") or more.get("untar"))
            place = folder / (f"{fname}_archive" if is_packed and "." not in fname else fname)
            raise DataError([_unfetched(name, origin, place, error)]) from error
        finally:
            socket.setdefaulttimeout(before)

    return fetch


def _unfetched(name: str, origin: str, place: Path, error: Exception) -> Problem:
    reason = (str(error).splitlines() or [type(error).__name__])[0].strip().rstrip(".")
    rule = f"must be fetched once from {urlsplit(origin).hostname}"
    mend = f"Without a way there, fetch {origin} elsewhere and save it as {place}."
    return Problem(
        f"data={name}",
        rule,
        got=reason.replace(f"URL fetch failure on {origin}: ", "").removeprefix("None -- "),
        mend=mend,
    )
