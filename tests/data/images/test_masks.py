"""Images with masks: which goes with which, what the values stand for, and a network that learns them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from PIL import Image

import dlrun
from dlrun.cli.main import main
from dlrun.data.dataset import Dataset
from dlrun.data.images.geometry import enlarged, resized
from dlrun.data.resizing import Resizing
from dlrun.data.stored import Stored
from dlrun.errors import DataError
from dlrun.tracking.packaging import ModelIds, pack
from tests.data.images.conftest import HUGE, Photos, picture

QUICK = ["trainer.device=cpu", "tracking=none", "data=masks", "data.path=photos"]
LEVELS = (0, 100, 200)


def blocks(seed: int, size: tuple[int, int] = (16, 16)) -> tuple[np.ndarray, np.ndarray]:
    """An image and its mask: a bright block and a dark one on grey."""
    draw = np.random.default_rng(seed)
    mask = np.zeros(size, np.uint8)
    for level in LEVELS[1:]:
        top, left = draw.integers(0, size[0] // 2), draw.integers(0, size[1] // 2)
        mask[top : top + size[0] // 2, left : left + size[1] // 2] = level
    image = np.choose(mask // 100, (120, 250, 5)) + draw.integers(-5, 6, size)
    return image.clip(0, 255).astype(np.uint8), mask


@pytest.fixture
def shapes(photos: Photos) -> Photos:
    """Twelve pairs of 16 x 16 pixels."""
    for number in range(12):
        pair(photos, f"{number:02d}", *blocks(number))
    return photos


def pair(photos: Photos, stem: str, image: np.ndarray, mask: np.ndarray) -> None:
    photos.put(f"images/{stem}.bmp", image)
    photos.put(f"masks/{stem}.png", mask)


def loaded(photos: Photos, **values: Any) -> Dataset:
    from dlrun.data.load import load

    return load(photos.node("masks", **values), photos.catalog)


def problems(photos: Photos, **values: Any) -> str:
    from dlrun.data.declare import declare

    return "\n".join(map(str, declare(photos.node("masks", **values), photos.catalog).problems))


def test_values_become_classes(shapes: Photos) -> None:
    from dlrun.data.declare import declare

    told, dataset = declare(shapes.node("masks"), shapes.catalog), loaded(shapes)
    assert (told.task, told.classes, told.samples, told.shape) == ("segmentation", 3, 12, (16, 16, 1))
    assert (dataset.classes, dataset.levels, dataset.outputs) == (("0", "100", "200"), LEVELS, 3)
    assert (dataset.y.shape, dataset.y.dtype) == ((12, 16, 16), np.int64)
    for number in range(12):
        image, mask = blocks(number)
        np.testing.assert_array_equal(dataset.x[number, :, :, 0], image)
        np.testing.assert_array_equal(np.take(LEVELS, dataset.y[number]), mask)
    again = declare(shapes.node("masks"), shapes.catalog)  # from what was converted
    assert (again.task, again.classes, again.samples, again.shape) == ("segmentation", 3, 12, (16, 16, 1))


def test_names_of_classes(shapes: Photos) -> None:
    assert loaded(shapes, classes=["ground", "roof", "tree"]).classes == ("ground", "roof", "tree")
    by_value = {"200": "tree", "0": "ground", "100": "roof", "7": "car"}
    assert loaded(shapes, classes=by_value).classes == ("ground", "roof", "tree")
    assert "data.classes must name the 3 values in the masks; got 2 names. The masks hold 0, 100, 200." in problems(
        shapes, classes=["a", "b"]
    )
    assert "data.classes must name each value in the masks; got none for 100." in problems(
        shapes, classes={"0": "a", "200": "b"}
    )
    assert "data.classes must name values, which are whole numbers" in problems(shapes, classes={"ground": 0})
    assert "data.classes must name each class once; got 'a' 2 times" in problems(shapes, classes=["a", "b", "a"])


def test_palettes_folders_within_and_other_names(photos: Photos) -> None:
    (photos.folder / "photo/a/b").mkdir(parents=True)
    (photos.folder / "label/a/b").mkdir(parents=True)
    for number in range(3):
        image, mask = blocks(number)
        Image.fromarray(image).convert("RGB").save(photos.folder / f"photo/a/b/{number}.jpeg")
        palette = Image.fromarray(mask // 100)
        palette.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 200])
        palette.save(photos.folder / f"label/a/b/{number}.png")
    dataset = loaded(photos, images="photo", masks="label", color="rgb")
    assert (dataset.levels, dataset.input_shape) == ((0, 1, 2), (16, 16, 3))
    np.testing.assert_array_equal(dataset.y[2], blocks(2)[1] // 100)
    assert "data.images must name a folder in photos; got 'images'. " in problems(photos)
    assert "data.masks must be another folder than data.images" in problems(photos, images="label", masks="label")


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_masks_go_where_their_images_go(fit: str) -> None:
    """As Keras's own layer takes the nearest pixels; and back again."""
    import keras

    draw = np.random.default_rng(0)
    ways = {"crop_to_aspect_ratio": fit == "crop", "pad_to_aspect_ratio": fit == "pad"}
    for height, width, high, wide in draw.integers(1, 40, (40, 4)).tolist():
        masks = draw.integers(0, 5, (2, height, width)).astype(np.uint8)
        layer = keras.layers.Resizing(high, wide, interpolation="nearest", **ways)
        expected = keras.ops.convert_to_numpy(layer(masks[..., np.newaxis].astype(np.float32)))[..., 0]
        found = resized(masks, Resizing(high, wide, 1, fit))
        np.testing.assert_array_equal(found, expected)
        assert enlarged(found[0], height, width, Resizing(high, wide, 1, fit)).shape == (height, width)
    mask = blocks(1, (16, 32))[1]
    larger = resized(mask[np.newaxis], Resizing(32, 64, 1, fit))[0]
    np.testing.assert_array_equal(enlarged(larger, 16, 32, Resizing(32, 64, 1, fit)), mask)
    wide = resized(mask[np.newaxis], Resizing(32, 32, 1, fit))[0]
    back = enlarged(wide, 16, 32, Resizing(32, 32, 1, fit))
    middle = slice(8, 24)  # what crop leaves
    np.testing.assert_array_equal(back[:, middle], mask[:, middle])
    assert (back[:, 24:] == 0).all() if fit == "crop" else (back == mask).all()


def test_sizes_are_multiples_of_sixteen(photos: Photos) -> None:
    for number, size in enumerate([(30, 50), (34, 60), (33, 55)]):
        pair(photos, str(number), *blocks(number, size))
    dataset = loaded(photos)
    assert dataset.input_shape == (32, 48, 1)
    assert "multiples of 16, which a U-Net can halve. data.size=[32,48] says the same" in " ".join(dataset.notes)
    assert set(np.unique(dataset.y)) == {0, 1, 2}
    assert loaded(photos, size=[33, 55]).y.shape == (3, 33, 55)


def test_a_stream_is_the_same_data(shapes: Photos) -> None:
    held, streamed = loaded(shapes, stream=False), loaded(shapes, stream=True)
    assert isinstance(streamed.x, Stored)
    np.testing.assert_array_equal(streamed.x[:], held.x)
    np.testing.assert_array_equal(streamed.y, held.y)


def _nothing(photos: Photos) -> None:
    shutil.rmtree(photos.folder / "images")
    shutil.rmtree(photos.folder / "masks")
    (photos.folder / "images").mkdir()
    (photos.folder / "masks").mkdir()


def _one_class(photos: Photos) -> None:
    for path in (photos.folder / "masks").iterdir():
        photos.put(f"masks/{path.name}", np.zeros((16, 16), np.uint8))


def _other_depth(photos: Photos) -> None:
    deep = np.arange(256, dtype=np.uint16).reshape(16, 16) * 2
    Image.fromarray(deep).save(photos.folder / "masks/03.png")


FAULTS: list[tuple[str, Callable[[Photos], object], list[str]]] = [
    (
        "an image alone",
        lambda photos: (photos.folder / "masks/03.png").unlink(),
        ["must have a mask for each image; got no masks/03. ", "(photos/images/03.bmp)"],
    ),
    (
        "a mask alone",
        lambda photos: photos.put("masks/more/12.png", blocks(1)[1]),
        ["must have an image for each mask; got no images/more/12. ", "(photos/masks/more/12.png)"],
    ),
    (
        "one name twice",
        lambda photos: photos.put("images/03.png", blocks(3)[0]),
        ["must hold each name once, whatever it ends in; got images/03.bmp and images/03.png."],
    ),
    (
        "sizes that differ",
        lambda photos: photos.put("masks/03.png", blocks(3, (16, 18))[1]),
        ["must be as large as its image, 16 x 16; got 16 x 18. ", "(photos/masks/03.png)"],
    ),
    ("one class", _one_class, ["must hold two classes or more in its masks; got 0 in every pixel."]),
    ("colours", lambda photos: photos.put("masks/03.png", picture(3, (16, 16))), ["256 classes at most; got colours."]),
    ("more than 256 levels", _other_depth, ["256 classes at most; got levels from 0 to 510."]),
    (
        "a JPEG",
        lambda photos: (photos.put("masks/03.jpg", blocks(3)[1]), (photos.folder / "masks/03.png").unlink()),
        ["must keep the values of its pixels, as PNG does; got a JPEG."],
    ),
    (
        "a gigantic image and no mask",
        lambda photos: (photos.put("images/03.bmp", HUGE), photos.put("masks/04.png", b"text")),
        ["must have 67,108,864 pixels or fewer", "got 20000 x 20000", "must be an image: PNG"],
    ),
    ("nothing", _nothing, ["must hold images and masks; got none."]),
]


@pytest.mark.parametrize(("spoil", "says"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_what_is_wrong_with_a_folder(shapes: Photos, spoil: Callable[[Photos], object], says: list[str]) -> None:
    spoil(shapes)
    told = problems(shapes)
    for each in says:
        assert each in told
    assert told.count("\n") == sum(each.startswith(("must", "256")) for each in says) - 1, told
    with pytest.raises(DataError):
        loaded(shapes)


def test_pairs_that_cannot_be_read_are_passed_over(shapes: Photos) -> None:
    shapes.put("images/03.bmp", b"text")
    content = (shapes.folder / "masks/05.png").read_bytes()
    shapes.put("masks/05.png", content[:-30])
    assert "masks/05.png" in problems(shapes)
    dataset = loaded(shapes, unreadable="skip")
    assert dataset.samples == 10
    np.testing.assert_array_equal(dataset.x[3, :, :, 0], blocks(4)[0])
    np.testing.assert_array_equal(np.take(LEVELS, dataset.y[4]), blocks(6)[1])
    assert "2 files are no images that can be read, and were passed over" in dataset.notes


def test_folders_of_images_and_masks_are_no_two_classes(shapes: Photos) -> None:
    assert "Type data=masks." in shapes.problems()
    assert shapes.problems(classes=["images", "masks"]) == ""


REFUSED = [
    ("", "model must keep the image to its end", "Type model=unet, or model=fcn."),
    ("model=unet augment=[random_flip]", "augment.random_flip must be left out where the data has masks", ""),
    ("model=unet augment=[mixup]", "augment.mixup must be left out where the task is segmentation", ""),
    ("model=unet trainer.class_weight=balanced", "trainer.class_weight must be null for masks", "loss=focal"),
    ("model=unet trainer.threshold=0.3", "trainer.threshold must be 0.5 for task segmentation", ""),
    ("model=unet sampling=oversample", "sampling must be none for task segmentation", ""),
    ("model=unet split.stratify=true", "split.stratify must be auto or false for task segmentation", ""),
    ("model=unet loss=mean_squared_error", "loss must be a loss for a segmentation task", "focal"),
    ("model=unet metric=[f1]", "metric.f1 must be a metric for a segmentation task", "accuracy, mean_iou"),
    ("model=unet data.size=[20,20]", "join must join images of one size", "data.size=[64,64]"),
    (
        "model=fcn model.head=[{conv2d: {filters: 3, strides: 2}},{activation: softmax}]",
        "for each of 16 x 16 pixels",
        "",
    ),
]


@pytest.mark.parametrize(("words", "says", "mend"), REFUSED)
def test_what_does_not_go_with_masks(
    shapes: Photos, capsys: pytest.CaptureFixture[str], words: str, says: str, mend: str
) -> None:
    given = words.split(" ", 1) if "head=" in words else words.split()
    assert main([*QUICK, *given]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert says in told
    assert mend in told
    assert not (shapes.work / "runs").exists()


def test_from_a_folder_to_masks_of_new_images(shapes: Photos, capsys: pytest.CaptureFixture[str]) -> None:
    """Train, look at the folder, evaluate on other masks, predict masks of the images' own size."""
    for number in range(12, 40):
        pair(shapes, f"{number:02d}", *blocks(number))
    words = [
        *QUICK,
        "model=unet",
        "model.filters=[8,16]",
        "trainer.epochs=20",
        "optimizer.learning_rate=0.01",
        "trainer.batch_size=4",
    ]
    result = dlrun.run([*words, "data.classes=[ground,bright,dark]"], directory=shapes.work)
    assert result.metrics["test_mean_iou"] > 0.9
    assert result.metrics["test_accuracy"] > 0.95
    signature = json.loads((Path(result.path) / "signature.json").read_bytes())
    assert (signature["task"], signature["levels"]) == ("segmentation", list(LEVELS))
    assert signature["shape"] == [None, None, 1]
    new = shapes.work / "new"
    for number in (50, 51):
        for kind, pixels in zip(("images", "masks"), blocks(number, (32, 48)), strict=True):
            (new / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(new / kind / f"{number}.png")
    assert main(["evaluate", "last", "data.path=new", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["samples"] == 2
    assert found["metrics"]["mean_iou"] > 0.7
    assert main(["predict", "last", "new/images", "--out", "said"]) == 0
    pack(Path(result.path), shapes.work, shapes.work / "packed", ModelIds("m-0", "0", "packed"))
    served = mlflow.pyfunc.load_model(str(shapes.work / "packed"))
    raw = blocks(50, (32, 48))[0][np.newaxis, :, :, np.newaxis].astype(np.float32)
    assert served.predict(raw).shape == (1, 16, 16)
    assert set(np.unique(served.predict(raw))) <= set(LEVELS)
    for number in (50, 51):
        said = np.asarray(Image.open(shapes.work / "said" / f"{number}.png"))
        truth = blocks(number, (32, 48))[1]
        assert said.shape == truth.shape
        assert set(np.unique(said)) <= set(LEVELS)
        assert (said == truth).mean() > 0.85
    capsys.readouterr()
    for wrong, says in {
        "new/images": "--out must name a folder",
        "new/images --out said": "said is there already",
        "new/images --out said.csv": "--out must be a folder",
        "new/images --out more --proba": "--proba is for tables",
        "new/images --out more --keep a": "--keep is for tables",
    }.items():
        assert main(["predict", "last", *wrong.split()]) == 2
        assert says in " ".join(capsys.readouterr().err.split())
    assert main(["evaluate", "last", "data=digits"]) == 2
    assert "data must have masks, as in training; got multiclass." in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in shapes.work.iterdir() if path.name.startswith((".said", "more"))) == []


def test_mean_iou_is_that_of_the_definition() -> None:
    """Against NumPy, over two batches, with softmax outputs; a class that is nowhere is left out."""
    import keras

    draw = np.random.default_rng(0)
    truth, outputs = draw.integers(0, 3, (6, 5, 5)), draw.random((6, 5, 5, 4))
    outputs[..., 3] = 0
    metric = keras.metrics.MeanIoU(4, sparse_y_pred=False, dtype="int64")
    for rows in (slice(0, 4), slice(4, 6)):
        metric.update_state(truth[rows], outputs[rows])
    called = outputs.argmax(axis=-1)
    shares = [((truth == c) & (called == c)).sum() / ((truth == c) | (called == c)).sum() for c in range(3)]
    assert float(metric.result()) == pytest.approx(np.mean(shares), rel=1e-5)
