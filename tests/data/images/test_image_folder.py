"""A folder of images is what its sub-folders say, and all that is wrong with it is told at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlrun.config.identity import run_id
from dlrun.config.spec import Spec
from dlrun.data import folders
from dlrun.data import load as loading
from dlrun.data.images import read as reading
from dlrun.data.images.decode import decode
from dlrun.data.resizing import Resizing
from dlrun.data.stored import Stored
from dlrun.errors import DataError
from dlrun.workflows.leftovers import unused_cache
from tests.data.images.conftest import BOMB, HUGE, Photos, picture


def test_folders_are_classes(photos: Photos):
    photos.fill(classes=("dog", "cat", "ape"))
    told, dataset = photos.declared(), photos.loaded()
    assert (told.task, told.classes, told.samples, told.shape) == ("multiclass", 3, 18, (8, 8, 3))
    assert dataset.classes == ("ape", "cat", "dog")
    assert dataset.y.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    np.testing.assert_array_equal(dataset.x[6], picture(6))
    np.testing.assert_array_equal(dataset.x[12], picture(0))
    assert dataset.resizing == Resizing(8, 8, 3, "stretch")
    assert dataset.notes == ()


def test_suffixes_folders_within_and_files_of_systems(photos: Photos):
    photos.fill()
    photos.put("cat/more/deep/9.PNG", picture(99))
    for name in (".DS_Store", "cat/Thumbs.db", "dog/.hidden.txt", "LICENSE"):
        photos.put(name, b"nothing")
    assert photos.problems() == ""
    assert photos.declared().samples == 13


def test_sizes_that_differ_become_the_middle_one(photos: Photos):
    photos.fill(3)
    photos.put("cat/large.png", picture(1, (400, 300)))
    photos.put("dog/large.png", picture(2, (400, 300)))
    photos.put("dog/small.png", picture(3, (2, 3)))
    dataset = photos.loaded()
    assert dataset.input_shape == photos.declared().shape == (8, 8, 3)
    assert dataset.notes == (
        "the images are of 3 sizes, 8 x 8 pixels in the middle; each becomes 8 high and 8 wide. data.size=[8,8] says"
        " the same, or choose another size",
    )


def test_large_images_are_scaled_down_together(photos: Photos):
    photos.fill(2, size=(600, 300))
    assert photos.declared().shape == (128, 64, 3)
    shutil.rmtree(photos.folder)
    photos.fill(2, size=(200, 256))
    assert photos.declared().shape == (200, 256, 3)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("color", ["grey", "rgb", "rgba"])
def test_samples_are_what_a_kept_model_makes_of_raw_images(photos: Photos, fit: str, color: str):
    import keras

    channels = {"grey": 1, "rgb": 3, "rgba": 4}[color]
    photos.fill(2)
    raw = [photos.put("cat/wide.png", picture(5, (20, 33))), photos.put("dog/tall.png", picture(6, (41, 9)))]
    dataset = photos.loaded(size=[12, 10], fit=fit, color=color)
    assert dataset.input_shape == (12, 10, channels)
    assert dataset.resizing is not None
    inputs = keras.Input((None, None, channels))
    kept = keras.Model(inputs, dataset.resizing(inputs))
    for path, place in zip(raw, (2, 5), strict=True):
        image = decode(path, channels)[np.newaxis].astype(np.float32)
        np.testing.assert_array_equal(kept(image)[0], dataset.x[place])


def test_grey_where_all_are(photos: Photos):
    photos.fill(2)
    for path in photos.folder.glob("*/*.png"):
        photos.put(str(path.relative_to(photos.folder)), picture()[:, :, 0])
    assert photos.declared().shape == (8, 8, 1)
    photos.put("cat/0.png", picture())
    assert photos.declared().shape == (8, 8, 3)


def test_classes_that_are_chosen_in_their_order(photos: Photos):
    photos.fill(classes=("ape", "cat", "dog"))
    dataset = photos.loaded(classes=["dog", "ape"])
    assert (dataset.classes, dataset.task) == (("dog", "ape"), "binary")
    np.testing.assert_array_equal(dataset.x[dataset.y == 0][0], picture(12))
    wrong = photos.problems(classes=["dgo", "ape", "ape"])
    assert "data.classes must name folders that there are; got 'dgo'. Did you mean dog?" in wrong
    assert "data.classes must name each class once; got 'ape' 2 times." in wrong


def test_parts_that_are_folders(photos: Photos):
    for part, each in {"Train": 4, "validation": 2, "test": 3}.items():
        for name in ("cat", "dog"):
            for number in range(each):
                photos.put(f"{part}/{name}/{number}.png", picture(number))
    told, dataset = photos.declared(), photos.loaded()
    assert (told.classes, told.samples, told.given) == (2, 18, frozenset({"parts"}))
    assert dataset.parts is not None
    assert np.bincount(dataset.parts).tolist() == [8, 4, 6]
    shutil.rmtree(photos.folder / "Train" / "dog")
    assert "must hold images of each class in its train folder; got none of dog" in photos.problems()


def test_a_stream_is_the_same_data(photos: Photos):
    photos.fill(10)
    held, streamed = photos.loaded(stream=False), photos.loaded(stream=True)
    assert isinstance(streamed.x, Stored)
    assert streamed.x.shape == held.x.shape
    np.testing.assert_array_equal(streamed.x[:], held.x)
    rows = np.array([17, 3, 3, 0])
    np.testing.assert_array_equal(streamed.x[rows], held.x[rows])
    assert held.x.dtype == streamed.x[:1].dtype == np.float32
    ids = {
        run_id(Spec({"data": photos.node(stream=s), "trainer": {}, "split": {}}), photos.catalog)
        for s in (True, "auto")
    }
    assert len(ids) == 1


def test_nothing_is_decoded_twice(photos: Photos, monkeypatch: pytest.MonkeyPatch):
    photos.fill()
    first = photos.loaded()
    monkeypatch.setattr(loading, "_KEPT", type(loading._KEPT)())

    def decoding(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(reading, "images", decoding)
    np.testing.assert_array_equal(photos.loaded().x, first.x)
    with pytest.raises(AssertionError, match="decoded"):
        photos.loaded(size=[4, 4])


def test_the_same_images_elsewhere_are_the_same_data(photos: Photos):
    photos.fill()
    digest = photos.loaded().digest
    identity = Spec({"data": photos.node(), "trainer": {}, "split": {}})
    before = run_id(identity, photos.catalog)
    shutil.move(photos.folder, photos.work / "elsewhere")
    moved = Spec({"data": photos.node(path="elsewhere"), "trainer": {}, "split": {}})
    assert run_id(moved, photos.catalog) == before
    assert photos.loaded(path="elsewhere").digest == digest
    (photos.work / "elsewhere/cat/0.png").rename(photos.work / "elsewhere/cat/renamed.png")
    assert run_id(moved, photos.catalog) != before


def test_an_edit_is_seen(photos: Photos):
    photos.fill()
    before = photos.loaded()
    photos.put("cat/0.png", picture(77))
    after = photos.loaded()
    assert after.digest != before.digest
    np.testing.assert_array_equal(after.x[0], picture(77))


def test_images_that_change_while_they_are_read_are_not_kept(photos: Photos, monkeypatch: pytest.MonkeyPatch):
    photos.fill()
    honest = reading.images

    def edited(*arguments: object):
        yield from honest(*arguments)  # type: ignore[arg-type]
        photos.put("dog/0.png", picture(77))

    monkeypatch.setattr(reading, "images", edited)
    with pytest.raises(DataError, match="must not change while it is read"):
        photos.loaded()


FAULTS = {
    "cat/huge.png": (
        HUGE,
        "must have 67,108,864 pixels or fewer, as its header says it: it is not decoded; got 20000 x",
    ),
    "cat/bomb.png": (BOMB, "must be an image that can be read; got a text in it that unpacks to more than a megabyte"),
    "cat/empty.jpg": (b"", "must be an image that can be read; got an empty file"),
    "dog/notes.txt": (b"a good dog", "must be an image: PNG, JPEG, WebP, BMP or GIF; got no image"),
    "dog/paper.png": (b"%PDF-1.7", "must be an image: PNG, JPEG, WebP, BMP or GIF; got a PDF"),
    "dog/cut.png": (HUGE[:20], "must be an image that can be read; got"),
}


def test_all_that_is_no_image_is_told_at_once(photos: Photos):
    photos.fill()
    for name, (content, _) in FAULTS.items():
        photos.put(name, content)
    lines = photos.problems().splitlines()
    assert len(lines) == len(FAULTS)
    for name, (_, says) in FAULTS.items():
        (line,) = [line for line in lines if line.endswith(f"(photos/{name})")]
        assert f"data.path {says}" in line
        assert "data.unreadable=skip" in line
    dataset = photos.loaded(unreadable="skip")
    assert dataset.samples == 12
    assert dataset.notes == ("6 files are no images that can be read, and were passed over",)


def test_many_of_a_kind_are_counted(photos: Photos):
    photos.fill()
    for number in range(20):
        photos.put(f"cat/x{number:02}.txt", b"text")
    lines = photos.problems().splitlines()
    assert len(lines) == 9
    assert "got 12 more such files." in lines[-1]


def test_what_is_truncated_is_found_when_it_is_decoded(photos: Photos):
    photos.fill(size=(64, 64))
    for name in ("cat/0.png", "dog/1.png"):
        path = photos.folder / name
        path.write_bytes(path.read_bytes()[:-40])
    assert photos.problems() == ""
    with pytest.raises(DataError) as caught:
        photos.loaded()
    assert [problem.place for problem in caught.value.problems] == ["photos/cat/0.png", "photos/dog/1.png"]
    assert not list(photos.work.glob(".dlrun/cache/*/*"))
    dataset = photos.loaded(unreadable="skip")
    assert (dataset.samples, np.bincount(dataset.y).tolist()) == (10, [5, 5])
    left = [f"{name}/{number}.png" for name in ("cat", "dog") for number in range(6)]
    assert list(dataset.files) == [name for name in left if name not in ("cat/0.png", "dog/1.png")]
    assert photos.declared(unreadable="skip").samples == 10


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([], "data.path must hold images; got an empty folder."),
        (["1.png", "2.jpg"], "must hold a folder for each class; got 2 images in the folder itself."),
        (["cat/1.png"], "must hold two classes or more: folders of images; got 'cat' alone."),
        (["all/cat/1.png", "all/dog/1.png"], "Its own folders may be the classes: data.path=photos/all"),
        (["cat/1.png", "dog/1.png", "top.png"], "must have its images in the classes' folders; got 'top.png'."),
        (
            ["cat/1.png", "dog/1.png", "ape/"],
            "got none in ape. Add some, or leave the class out: 'data.classes=[cat,dog]'",
        ),
    ],
)
def test_folders_of_another_layout(photos: Photos, files: list[str], says: str):
    photos.folder.mkdir()
    for name in files:
        if name.endswith("/"):
            (photos.folder / name).mkdir()
        else:
            photos.put(name.replace(".jpg", ".png") if "/" in name else name, picture())
    assert says in photos.problems()


def test_links_and_names(photos: Photos):
    photos.fill()
    (photos.folder / "cat" / "loop").symlink_to("..")
    (photos.folder / "cat" / "self.png").symlink_to("self.png")
    Path(os.fsdecode(os.fsencode(photos.folder / "dog") + b"/caf\xe9.png")).write_bytes(b"x")
    os.mkfifo(photos.folder / "dog" / "pipe.png")
    told = photos.problems()
    assert "must not link to a folder that the link lies in; got 'cat/loop'." in told
    assert "must not hold links to nothing; got 'cat/self.png'." in told
    assert r"must have names in UTF-8; got 'dog/caf\xe9.png'." in told
    assert "must hold regular files; got 'dog/pipe.png'." in told


def test_a_link_to_images_elsewhere_is_followed(photos: Photos):
    photos.fill(classes=("cat",))
    other = photos.work / "other"
    other.mkdir()
    shutil.copy(photos.folder / "cat" / "0.png", other)
    (photos.folder / "dog").symlink_to(other)
    assert (photos.problems(), photos.declared().samples) == ("", 7)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"path": "photo"}, "data.path must be an existing folder; got 'photo'. Did you mean data.path=photos?"),
        (
            {"path": "photos/cat/0.png"},
            "must be a folder; got the file 'photos/cat/0.png'. Name the folder that it",
        ),
        ({"path": "https://x.org/a"}, "data.path must be a file on this machine; got the address"),
        ({"path": "/proc/self"}, "data.path must be a folder of files; got '/proc/self'."),
        ({"size": [3]}, "data.size must be auto, or height and width, at most 8192 pixels each; got [3]."),
        ({"size": [9000, 2]}, "at most 8192 pixels each; got [9000, 2]."),
    ],
)
def test_places_and_sizes(photos: Photos, values: dict[str, object], says: str):
    photos.fill()
    assert says in photos.problems(**values)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(photos: Photos):
    photos.fill()
    (photos.folder / "cat" / "0.png").chmod(0)
    assert "must be readable; got 'cat/0.png'" in photos.problems()


def test_a_check_imports_nothing_heavy(photos: Photos):
    photos.fill()
    code = (
        "import sys; from pathlib import Path; from dlrun.config.catalog import Catalog; "
        "from dlrun.config.roots import Roots; from dlrun.data.declare import declare; "
        "c = Catalog(Roots.of(Path.cwd())); "
        "print(declare({'option': 'images', **c.get('data', 'images').defaults, 'path': 'photos'}, c).samples, "
        "[n for n in ('tensorflow', 'keras', 'pandas', 'sklearn') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "12 []\n"
    assert not (photos.work / ".dlrun").exists()


def test_a_clean_up_keeps_what_runs_learned_from(photos: Photos):
    photos.fill()
    photos.loaded()
    photos.loaded(size=[4, 4])
    run = photos.work / "runs" / "0123456789abcdef"
    run.mkdir(parents=True)
    (run / "spec.json").write_text(json.dumps({"data": photos.node()}))
    unused = unused_cache(photos.catalog.roots)
    assert len(unused) == 1
    assert '"shape": [4, 4, 3]' in (unused[0] / "about.json").read_text()


def test_a_large_folder_is_not_looked_through_at_every_question(photos: Photos, monkeypatch: pytest.MonkeyPatch):
    photos.fill()
    monkeypatch.setattr(folders, "_LONG", 0.0)
    monkeypatch.setattr(folders, "_FRESH", 1e6)
    first = folders.walk(photos.folder)
    photos.put("cat/new.png", picture())
    assert folders.walk(photos.folder) is first
    folders._REMEMBERED.clear()
    assert len(folders.walk(Path(photos.folder)).members) == 13
