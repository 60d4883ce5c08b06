"""Batches of rows that stay in a file: read in parallel, ahead of the training, from any position on.

A stream's `x` is no array but reads like one (`len`, `shape`, rows by number); its `y` and `weight` are in memory. The
order of rows is the one that rows in memory have, so the bits of a training do not depend on where its rows are.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import numpy as np
import tensorflow as tf

from dlrun.training.engine import Course, Position, Rows, columns
from dlrun.training.shuffle import Windows, permutation

__all__ = ["in_order", "shuffled"]

_NUMBERS_A_READ = 2**20  # of input: 4 MiB in float32
_READERS = 2  # threads: one waits for the disk while the other scales
_READS_AHEAD = 2
_BATCHES_AHEAD = 4
_EPOCHS_HELD = 2  # the readers are in the next one before the last batches of this one are taken
_WINDOWS_HELD = _READERS + 1
_SMALL = 2**26  # bytes: such a validation part is read once and held

Key = TypeVar("Key")
Value = TypeVar("Value")
Arrays = tuple[np.ndarray, ...]


def shuffled(course: Course, start: Position) -> tf.data.Dataset:
    """The training batches from `start` on, all epochs one after another."""
    batch, steps = course.rows_a_step, course.steps_per_epoch
    steps_a_read = max(1, _rows_a_read(course.train) // batch)
    pick = _picker(course)

    def reads(epoch: Any) -> tf.data.Dataset:
        first = tf.where(tf.equal(epoch, start.epoch), tf.constant(start.step, tf.int64), 0)
        return tf.data.Dataset.range(first, steps, steps_a_read).map(lambda step: (epoch, step))

    def read(epoch: Any, step: Any) -> Arrays:
        first, behind = int(step) * batch, min(int(step) + steps_a_read, steps) * batch
        return pick(int(epoch), first, min(behind, len(course.train.x)))

    pieces = tf.data.Dataset.range(start.epoch, course.epochs).flat_map(reads)
    return _cut(_read(pieces, read, course.train).prefetch(_READS_AHEAD), batch).prefetch(_BATCHES_AHEAD)


def in_order(rows: Rows, batch: int) -> tf.data.Dataset:
    """The rows in their order, in batches; the last one may be short."""
    rows_a_read = max(1, _rows_a_read(rows) // batch) * batch

    def read(first: Any) -> Arrays:
        return tuple(each[int(first) : int(first) + rows_a_read] for each in columns(rows))

    pieces = _read(tf.data.Dataset.range(0, len(rows.x), rows_a_read), read, rows)
    if len(rows.x) * _bytes_a_row(rows) <= _SMALL:
        pieces = pieces.cache()
    batches = _cut(pieces.prefetch(_READS_AHEAD), batch).prefetch(_BATCHES_AHEAD)
    count = math.ceil(len(rows.x) / batch)  # Keras warns of data that ends before it knew where
    return batches.apply(tf.data.experimental.assert_cardinality(count))


def _rows_a_read(rows: Rows) -> int:
    return max(1, _NUMBERS_A_READ // max(1, math.prod(rows.x.shape[1:])))


def _bytes_a_row(rows: Rows) -> int:
    return sum(int(math.prod(each.shape[1:])) * each.dtype.itemsize for each in columns(rows))


def _read(pieces: tf.data.Dataset, read: Callable[..., Arrays], rows: Rows) -> tf.data.Dataset:
    """The columns that `read` gives for each piece, several pieces at a time, in order."""
    held = columns(rows)
    types = [tf.as_dtype(each.dtype) for each in held]

    def tensors(*piece: Any) -> tuple[Any, ...]:
        found = tf.numpy_function(read, piece, types, stateful=False)
        for tensor, each in zip(found, held, strict=True):
            tensor.set_shape((None, *each.shape[1:]))
        return tuple(found)

    return pieces.map(tensors, num_parallel_calls=_READERS, deterministic=True)


def _cut(pieces: tf.data.Dataset, batch: int) -> tf.data.Dataset:
    """The rows of each piece in batches."""

    def batches(*tensors: Any) -> tf.data.Dataset:
        firsts = tf.data.Dataset.range(0, tf.shape(tensors[0], tf.int64)[0], batch)
        return firsts.map(lambda first: tuple(tensor[first : first + batch] for tensor in tensors))

    return pieces.flat_map(batches)


def _picker(course: Course) -> Callable[[int, int, int], Arrays]:
    """A function that gives the rows at some places of an epoch's order: the epoch, the first place, the one behind."""
    window, rows = course.shuffle_window, len(course.train.x)
    if window is None or window >= rows:
        orders: _Held[int, np.ndarray] = _Held(lambda epoch: permutation(course.seed, epoch, rows), _EPOCHS_HELD)
        return lambda epoch, first, behind: _take(course.train, orders[epoch][first:behind])
    windows = Windows(course.seed, rows, window)
    held: _Held[tuple[int, int], Arrays] = _Held(lambda key: _take(course.train, windows.window(*key)), _WINDOWS_HELD)

    def pick(epoch: int, first: int, behind: int) -> Arrays:
        parts = []
        for number in range(first // window, (behind - 1) // window + 1):
            begin = number * window
            parts.append([each[max(0, first - begin) : behind - begin] for each in held[epoch, number]])
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    return pick


def _take(rows: Rows, numbers: np.ndarray) -> Arrays:
    return tuple(each[numbers] for each in columns(rows))


class _Held(Generic[Key, Value]):
    """Things that are costly to make, the latest few: made once, however many threads ask for them."""

    def __init__(self, make: Callable[[Key], Value], most: int) -> None:
        self._make, self._most = make, most
        self._futures: OrderedDict[Key, Future[Value]] = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, key: Key) -> Value:
        with self._lock:
            mine = key not in self._futures
            future = self._futures.setdefault(key, Future())
            while len(self._futures) > self._most:
                self._futures.popitem(last=False)
        if mine:
            try:
                future.set_result(self._make(key))
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()
