"""TFRecord files that TensorFlow has written: what they hold, damaged ones, and that streaming changes no bit."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dlrun.config.catalog import Catalog
from dlrun.config.identity import Identities
from dlrun.config.roots import Roots
from dlrun.config.sniff import masked_crc
from dlrun.data.dataset import Dataset
from dlrun.data.declare import declare
from dlrun.data.load import data_digest, load
from dlrun.data.records.example import features_in
from dlrun.data.stored import Stored
from dlrun.errors import DataError

RANDOM = np.random.default_rng(0)


def example(**features: Any) -> bytes:
    """A record as TensorFlow writes it."""

    def feature(value: Any) -> tf.train.Feature:
        values = value if isinstance(value, list) else [value]
        if isinstance(values[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        if isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    found = {name: feature(value) for name, value in features.items()}
    return bytes(tf.train.Example(features=tf.train.Features(feature=found)).SerializeToString())


def picture(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


class Folder:
    """A working directory with record files in it."""

    def __init__(self, work: Path, node: Any) -> None:
        self.work, self._node, self.catalog = work, node, Catalog(Roots.of(work))

    def write(self, contents: Sequence[bytes], name: str = "a.tfrecord") -> Path:
        path = self.work / name
        path.parent.mkdir(exist_ok=True)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for content in contents:
                writer.write(content)
        return path

    def node(self, **values: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._node("data", "tfrecord", **{"path": "a.tfrecord", **values})
        return found

    def told(self, **values: Any) -> list[str]:
        return [str(problem) for problem in declare(self.node(**values), self.catalog).problems]

    def loaded(self, **values: Any) -> Dataset:
        node = self.node(**values)
        found = declare(node, self.catalog)
        assert found.problems == []
        dataset = load(node, self.catalog)
        assert (found.task, found.samples, found.shape) == (dataset.task, dataset.samples, dataset.input_shape)
        return dataset


@pytest.fixture
def folder(work: Path, node: Any) -> Folder:
    return Folder(work, node)


def rows(count: int = 20) -> list[bytes]:
    return [example(size=float(i), at=[i, -i], label=b"even" if i % 2 == 0 else b"odd") for i in range(count)]


@pytest.mark.parametrize("stream", [True, False])
def test_numbers_become_a_row(stream: bool, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.data.records.read._BATCH", 7)
    folder.write(rows())
    dataset = folder.loaded(stream=stream)
    assert isinstance(dataset.x, Stored) is stream
    assert dataset.features == ("at_1", "at_2", "size")
    assert dataset.x[:].tolist() == [[i, -i, i] for i in range(20)]
    assert dataset.classes == ("even", "odd")
    assert dataset.y.tolist() == [i % 2 for i in range(20)]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_encoded_images(kind: str, stream: bool, folder: Folder) -> None:
    pixels = RANDOM.integers(0, 256, (9, 5, 4, 3)).astype(np.uint8)
    folder.write([example(image=picture(each, kind), label=i % 3) for i, each in enumerate(pixels)])
    dataset = folder.loaded(stream=stream, classes=3)
    np.testing.assert_array_equal(dataset.x[:], pixels)
    assert dataset.y.tolist() == [0, 1, 2] * 3


def test_grey_images_and_raw_bytes(folder: Folder) -> None:
    pixels = RANDOM.integers(0, 256, (9, 5, 4)).astype(np.uint8)
    folder.write([example(image=picture(each), raw=each.tobytes(), y=float(i)) for i, each in enumerate(pixels)])
    image = folder.loaded(target="y", features={"image": None}, task="regression")
    raw = folder.loaded(target="y", features={"raw": {"dtype": "uint8", "shape": [5, 4, 1]}}, task="regression")
    np.testing.assert_array_equal(image.x[..., 0], pixels)
    np.testing.assert_array_equal(raw.x, image.x)
    assert image.y.reshape(-1).tolist() == list(range(9))


def test_a_list_is_given_a_shape(folder: Folder) -> None:
    folder.write([example(steps=[float(i), 1.0, 2.0, 3.0], label=i % 2) for i in range(6)])
    dataset = folder.loaded(features={"steps": {"shape": [2, 2]}})
    assert dataset.x[3].tolist() == [[3, 1], [2, 3]]


def test_files_of_a_pattern_and_of_a_folder_count_by_their_content(folder: Folder) -> None:
    content = rows()
    first = folder.write(content[:8], "many/b.tfrecord-00001-of-00002")
    folder.write(content[8:], "many/c.tfrecord-00002-of-00002")
    folder.write(content)
    whole = folder.loaded()
    for path in ("many", "many/*.tfrecord*"):
        np.testing.assert_array_equal(folder.loaded(path=path).x, whole.x)
    ids = {folder.work: Identities(folder.catalog)._part("data", folder.node(path="many"))}
    assert data_digest(folder.node(path="many"), folder.catalog) == data_digest(
        folder.node(path="many/*"), folder.catalog
    )
    first.write_bytes(first.read_bytes() + (folder.work / "a.tfrecord").read_bytes())
    assert ids[folder.work] != Identities(folder.catalog)._part("data", folder.node(path="many"))


def test_records_are_read_without_tensorflow_as_with_it() -> None:
    values = {"f": [0.5, -1e30], "i": [1, -1, 2**63 - 1, -(2**63)], "b": [b"", b"\xff\0"]}
    found = features_in(example(**values))
    assert {name: list(feature.values) for name, feature in found.items()} == {
        **values,
        "f": np.array(values["f"], np.float32).tolist(),
    }
    unpacked = b"\x0a\x0f\x0a\x0d\x0a\x01n\x12\x08\x1a\x06\x08\x01\x08\x02\x08\x03"  # numbers one by one
    assert tf.train.Example.FromString(unpacked).features.feature["n"].int64_list.value == [1, 2, 3]
    assert features_in(unpacked)["n"].values == (1, 2, 3)


def test_damaged_files_are_told_with_their_place(folder: Folder) -> None:
    path = folder.write(rows())
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    second = 16 + length
    for content, says in [
        (whole[:-1], "the file ends in record 20"),
        (whole[: second + 5], f"the file ends in record 2, at byte {second}"),
        (whole[:second] + b"\1" + whole[second + 1 :], f"a wrong checksum in record 2, at byte {second}. Fetch"),
        (b"a,b\n1,2\n3,4\n5,6\n", "a wrong checksum in record 1, at byte 0. Is it a TFRecord file?"),
        (b"\x1f\x8b" + whole, "must not be compressed; got a gzip file. Unpack it: gunzip -k a.tfrecord"),
        (b"", "must hold 3 records or more"),
    ]:
        path.write_bytes(content)
        (told,) = folder.told()
        assert says in told
        assert told.endswith("(a.tfrecord)")


def test_a_flipped_bit_inside_a_record_is_told_when_it_is_read(folder: Folder) -> None:
    path = folder.write(rows())
    content = bytearray(path.read_bytes())
    content[content.rindex(b"odd")] ^= 8
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a wrong checksum in a record at byte \d+"):
        load(folder.node(classes=["even", "odd"]), folder.catalog)


def framed(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + struct.pack("<I", masked_crc(length)) + content + struct.pack("<I", masked_crc(content))


def test_the_checksum_is_tensorflows(folder: Folder) -> None:
    assert folder.write([b"abc"]).read_bytes() == framed(b"abc")


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"target": "lable"}, "data.target must name a feature of a.tfrecord; got 'lable'. Did you mean label?"),
    ({"features": {"siz": None}}, "data.features must name a feature of a.tfrecord; got 'siz'. Did you mean size?"),
    ({"features": {"label": None}}, "data.features must not hold the target"),
    ({"features": {"size": {"dtype": "float64"}}}, "must be float32, int64, image, uint8 in 'size'; got float64"),
    ({"features": {"size": 3}}, "must say dtype and shape of 'size'"),
    ({"features": {"size": {"dtype": "int64"}}}, "must fit 'size' of a.tfrecord; got int64 for a list of floats"),
    ({"features": {"at": {"shape": [3]}}}, "must have the size of 'at' in a.tfrecord; got shape [3] for 2 numbers"),
    ({"target": "size", "features": {"label": None}}, "must say the shape of 'label'; got bytes that are no image"),
    (
        {"path": "b.tfrecord"},
        "must be an existing file; got 'b.tfrecord'. Did you mean data.path=a.tfrecord?",
    ),
    ({"task": "regression"}, "must be numbers for a regression; got 'even'"),
]


@pytest.mark.parametrize(("values", "says"), FAULTS, ids=range(len(FAULTS)))
def test_what_is_wrong_is_told(values: dict[str, Any], says: str, folder: Folder) -> None:
    folder.write(rows())
    told = folder.told(**values)
    assert any(says in each for each in told), told


def test_records_that_differ_are_told(folder: Folder) -> None:
    folder.write([*rows(5), example(size=1.0, at=[1, 2])])
    assert "must have a label 'label' of the same length in each record; got 0 values in record 6" in folder.told()[0]
    folder.write([*rows(5), example(size=1.0, at=[1], label=b"odd")])
    with pytest.raises(DataError, match="must hold records like the first one; got no or another 'at' in record 6"):
        load(folder.node(), folder.catalog)
    folder.write([*rows(5), b"\xff\xff\xff"])
    assert "must hold a tf.train.Example in each record; got something else in record 6" in folder.told()[0]
    folder.write([*rows(5), example(size=1.0, at=[1, 2], label=b"many")])
    with pytest.raises(DataError, match=r"data.target must be one of the classes; got many\. There are: even, odd"):
        load(folder.node(classes=["even", "odd"]), folder.catalog)
    pixels = [np.zeros((4, 4), np.uint8)] * 4 + [np.zeros((4, 5), np.uint8)]
    folder.write([example(image=picture(each), label=i % 2) for i, each in enumerate(pixels)])
    with pytest.raises(DataError, match="got an image of 4 x 5 where the first has 4 x 4"):
        load(folder.node(), folder.catalog)
