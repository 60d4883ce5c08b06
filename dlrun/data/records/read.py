"""Load TFRecord files that have been looked at, by tf.data: in memory, or into a file where they do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.config.digest import digest_of_files
from dlrun.data.arrays.labels import numbered
from dlrun.data.converted import Form, convert, entry_name, is_too_large, opened
from dlrun.data.dataset import Content
from dlrun.data.records.inspect import Field, Records, look_at, matching
from dlrun.errors import DataError, Problem

__all__ = ["read"]

_BATCH = 256  # records
_AT = re.compile(r"at (\d+)")


def read(
    path: str,
    target: str,
    features: Mapping[str, Any] | None,
    stream: bool | str,
    cache: str,
    **settings: Any,
) -> Content:
    """The samples and labels in TFRecord files.

    Args:
        path: a file, a folder, or a pattern of names.
        target: the feature to predict.
        features: those to learn from, as conf/data/tfrecord.yaml has them.
        stream: whether samples stay on the disk, converted; `auto` where memory is too small for them.
        cache: the folder for that.
        settings: `classes` and `task` of that file.

    Raises:
        DataError: the files cannot be used: all their problems, or the first record that is damaged or unlike the rest.
        StorageError: the converted form cannot be written.
    """
    files = matching(Path(path))
    found = look_at(files, target, features, settings["classes"], settings["task"])
    if found.problems:
        raise DataError(found.problems)
    pieces = ((_samples(batch, found), _labels(batch, target, found)) for batch in _batches(files, target, found))
    form = Form(found.samples, found.shape, "uint8" if found.fields[0].dtype in ("image", "uint8") else "float32")
    samples: Any
    if is_too_large(form) if stream == "auto" else bool(stream):
        digest = digest_of_files({file.name: file for file in files}, Path(cache) / "digests.json")
        entry = Path(cache) / entry_name("records", digest, {"read": repr((target, found.fields, found.labels.values))})
        kept = opened(entry) or convert(entry, form, pieces, dict)
        samples, y = kept.samples, kept.sides
    else:
        samples, y = map(np.concatenate, zip(*pieces, strict=True))
    return Content(samples, y, found.labels.classes, _names(found.fields))


def _names(fields: Sequence[Field]) -> tuple[str, ...]:
    if any(len(field.shape) > 1 for field in fields):
        return ()
    names: list[str] = []
    for field in fields:
        size = field.shape[0]
        names += [field.name] if size == 1 else [f"{field.name}_{place}" for place in range(1, size + 1)]
    return tuple(names)


def _batches(files: Sequence[Path], target: str, found: Records) -> Iterator[dict[str, np.ndarray]]:
    """The features of some records at a time, as arrays.

    Raises:
        DataError: a record is damaged, or unlike the first one.
    """
    import tensorflow as tf

    wanted = {field.name: _parser(field) for field in found.fields}
    assert found.target is not None  # without a problem there is one
    kinds = {"bytes": tf.string, "float": tf.float32, "int": tf.int64}
    wanted[target] = tf.io.FixedLenFeature([len(found.target.values)], kinds[found.target.kind])
    for file in files:
        row, shown = 1, str(file)
        try:
            for batch in tf.data.TFRecordDataset(shown).batch(_BATCH):
                parsed = tf.io.parse_example(batch, wanted)
                yield {name: _array(values, name, found) for name, values in parsed.items()}
                row += len(batch)
        except tf.errors.DataLossError as error:
            at = _AT.search(error.message)
            got = f"a wrong checksum in a record at byte {at[1]}" if at else error.message
            mend = "Fetch or write it again."
            raise DataError([Problem("data.path", "must hold whole records", got, mend, shown)]) from error
        except tf.errors.InvalidArgumentError as error:
            rule, got = "must hold records like the first one", _unlike(error.message, row)
            raise DataError([Problem("data.path", rule, got, place=shown)]) from error


def _parser(field: Field) -> Any:
    import tensorflow as tf

    kinds = {"float32": tf.float32, "int64": tf.int64}
    shape = () if field.dtype in ("image", "uint8") else field.shape
    return tf.io.FixedLenFeature(shape, kinds.get(field.dtype, tf.string))


def _array(values: Any, name: str, found: Records) -> np.ndarray:
    import tensorflow as tf

    field = next((each for each in found.fields if each.name == name), None)
    if field is None or field.dtype in ("float32", "int64"):
        return np.asarray(values.numpy())
    if field.dtype == "uint8":
        return np.asarray(tf.reshape(tf.io.decode_raw(values, tf.uint8), (-1, *field.shape)).numpy())
    height, width, channels = field.shape
    images = [tf.io.decode_image(each, channels, expand_animations=False) for each in values]
    for image in images:
        if image.shape != (height, width, channels):
            got = f"an image of {image.shape[0]} x {image.shape[1]} where the first has {height} x {width}"
            raise tf.errors.InvalidArgumentError(None, None, got)
    return np.stack([image.numpy() for image in images])


def _samples(batch: Mapping[str, np.ndarray], found: Records) -> np.ndarray:
    if len(found.fields) == 1:
        return batch[found.fields[0].name]
    rows = [batch[field.name].reshape(-1, field.shape[0]) for field in found.fields]
    return np.concatenate(rows, axis=1).astype(np.float32)


def _labels(batch: Mapping[str, np.ndarray], target: str, found: Records) -> np.ndarray:
    y = batch[target]
    if y.dtype == object:  # how TensorFlow hands on text
        y = y.astype(bytes)
    if found.labels.values and (strange := ~np.isin(y, np.asarray(found.labels.values))).any():
        value = y[strange].reshape(-1)[0]
        rule, got = "must be one of the classes", f"{value.decode() if isinstance(value, bytes) else value}"
        raise DataError([Problem("data.target", rule, got, f"There are: {', '.join(found.labels.classes[:20])}.")])
    return np.asarray(numbered(y, found.labels))


def _unlike(message: str, first: int) -> str:
    """What TensorFlow says of a record that is unlike the first one.

    Args:
        first: the number of the first record of the batch.
    """
    text = re.sub(r"\{\{.*?\}\}", "", message).split(" [Op:")[0].strip().rstrip(".")
    index = re.search(r"Index: (\d+)", text)
    where = f"record {first + int(index[1])}" if index else f"a record from {first} to {first + _BATCH - 1}"
    missing = re.search(r"Key: (.+?)[,.]", text)
    what = f"no or another '{missing[1]}'" if missing else text
    return f"{what} in {where}"
