"""Every augmentation: it acts while training alone, differently each time, and is told the truth about the values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.layers.feature_dropout import FeatureDropout
from dlrun.layers.random_jitter import RandomJitter
from dlrun.layers.random_resized_crop import RandomResizedCrop
from dlrun.layers.random_scaling import RandomScaling
from dlrun.layers.time_mask import TimeMask
from dlrun.layers.time_shift import TimeShift
from dlrun.layers.time_warp import TimeWarp
from dlrun.models.augment import augmented, check_augment

CATALOG = Catalog(Roots.of(Path("/")))
SHAPES = {1: (6,), 2: (12, 3), 3: (12, 10, 3)}
ABSENT = {
    "AugMix": "chooses its changes with Python's random numbers when a graph is traced: once, and by no seed",
    "AutoContrast": "does the same to every sample, at prediction too: a preprocessing",
    "Equalization": "does the same to a sample each time, in training alone: validation would see other images",
    "CenterCrop": "not random, and changes the size",
    "RandomCrop": "changes the size of images in training; random_resized_crop keeps it",
    "AlphaDropout": "a layer of self-normalizing networks",
    "GaussianDropout": "noise that multiplies: a layer of models",
    "MaxNumBoundingBoxes": "for boxes, a task that there is not",
}


def shape_for(name: str) -> tuple[int, ...]:
    return SHAPES[CATALOG.get("augment", name).facts.get("rank", 2)]


def spec_of(name: str, preprocess: str = "minmax", **keys: Any) -> dict[str, Any]:
    node = {"option": name, **CATALOG.get("augment", name).defaults, **keys}
    return {"seed": 0, "task": "multiclass", "augment": {name: node}, "preprocess": {"option": preprocess}}


def model_of(name: str, **keys: Any) -> keras.Model:
    inputs = keras.Input(shape_for(name))
    (output,) = augmented(spec_of(name, **keys), CATALOG, {"input": inputs}).values()
    return keras.Model(inputs, output)


def samples(name: str, count: int = 64) -> np.ndarray:
    return np.random.default_rng(0).random((count, *shape_for(name))).astype(np.float32)


@pytest.mark.parametrize("name", CATALOG.names("augment"))
def test_it_acts_while_training_alone_and_differently_each_time(name: str) -> None:
    model, x = model_of(name), samples(name)
    np.testing.assert_array_equal(model(x, training=False), x)
    first, second = (np.asarray(model(x, training=True)) for _ in range(2))
    assert first.shape == x.shape and np.isfinite(first).all()
    assert not np.array_equal(first, x) and not np.array_equal(first, second)
    again = model_of(name)
    again(x, training=False)  # some of Keras's layers draw then, too
    np.testing.assert_array_equal(again(x, training=True), first)  # the seed rules it


@pytest.mark.parametrize("name", CATALOG.names("augment"))
def test_what_is_told_of_the_range_is_kept(name: str) -> None:
    option = CATALOG.get("augment", name)
    if "value_range" not in option.facts.get("derived", {}):
        return
    changed = np.asarray(model_of(name)(samples(name), training=True))
    assert changed.min() >= -1e-6 and changed.max() <= 1 + 1e-6
    assert changed.max() - changed.min() > 0.3, "taken for values up to 255, all of them would be black"
    for preprocess, number in {"auto": 0, "minmax": 0, "standard": 1, "none": 1}.items():
        problems = list(check_augment(spec_of(name, preprocess), shape_for(name), CATALOG))
        assert len(problems) == number
        assert all("preprocess=minmax" in str(problem) for problem in problems)


def test_colours_want_colours() -> None:
    (problem,) = check_augment(spec_of("random_hue"), (8, 8, 1), CATALOG)
    assert problem.rule == "must get images of 3 channels, red, green and blue"
    assert problem.got == "(8, 8, 1) from the data"


def test_every_random_layer_of_keras_is_there_or_told_why_not() -> None:
    prefixes = ("Random", "Mix", "Cut", "Aug", "Rand", "AutoC", "Equal", "Solar", "CenterC", "Gauss", "Alpha", "MaxNum")
    public = {name for name in dir(keras.layers) if name.startswith(prefixes)}
    used = {(CATALOG.get("augment", name).target() or "").rpartition(".")[2] for name in CATALOG.names("augment")}
    assert public - used == set(ABSENT)


@pytest.mark.parametrize("name", CATALOG.names("augment"))
def test_every_parameter_of_the_layer_can_be_set(name: str) -> None:
    import inspect
    import pkgutil

    option = CATALOG.get("augment", name)
    target = pkgutil.resolve_name(option.target() or "")
    wanted = set(inspect.signature(target.__init__).parameters) - {"self", "kwargs", "data_format", "value_range"}
    assert wanted == set(option.parameters)


LAYERS = [
    (RandomScaling(0.2, seed=3), (5, 12, 3)),
    (FeatureDropout(0.5, seed=3), (5, 12, 3)),
    (RandomJitter(0.5, seed=3), (5, 12, 3)),
    (TimeWarp(0.5, 4, seed=3), (5, 12, 3)),
    (TimeShift(0.5, seed=3), (5, 12, 3)),
    (TimeMask(0.5, 0.0, seed=3), (5, 12, 3)),
    (RandomResizedCrop(0.3, 1.5, "bilinear", seed=3), (5, 9, 12, 3)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda each: getattr(each, "name", ""))
def test_layers_of_ours_come_back_and_take_halves(layer: Any, shape: tuple[int, ...]) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()
    half = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    changed = half(np.ones(shape, np.float32), training=True)
    assert keras.backend.standardize_dtype(changed.dtype) == "bfloat16" and tuple(changed.shape) == shape


def ramp(steps: int = 12) -> np.ndarray:
    """Sequences that count their steps."""
    return np.broadcast_to(np.arange(steps, dtype=np.float32)[:, np.newaxis], (200, steps, 2)).copy()


def test_scaling_has_a_factor_for_each_feature_of_each_sample() -> None:
    x = 1 + ramp()
    factors = np.asarray(RandomScaling(0.1, seed=0)(x, training=True)) / x
    assert np.ptp(factors, axis=1).max() < 1e-6, "alike at all steps"
    assert factors[:, 0].mean() == pytest.approx(1, abs=0.01)
    assert factors[:, 0].std() == pytest.approx(0.088, abs=0.01), "0.1, cut at two deviations"


def test_dropout_of_features_takes_a_share_of_them_whole() -> None:
    left = np.asarray(FeatureDropout(0.3, seed=0)(1 + ramp(), training=True))
    gone = left == 0
    assert (gone.all(axis=1) == gone.any(axis=1)).all()
    assert gone.mean() == pytest.approx(0.3, abs=0.05)
    assert (left[~gone] == (1 + ramp())[~gone]).all()


def test_jitter_is_of_another_strength_for_each_sample() -> None:
    noise = np.asarray(RandomJitter(0.5, seed=0)(np.zeros((300, 50, 4), np.float32), training=True))
    strength = noise.std(axis=(1, 2))
    assert strength.min() < 0.05 and strength.max() == pytest.approx(0.5, abs=0.05)
    assert np.mean(strength) == pytest.approx(0.25, abs=0.03)


def test_a_warped_ramp_rises_from_end_to_end_at_a_changing_pace() -> None:
    places = np.asarray(TimeWarp(0.5, 4, seed=0)(ramp(), training=True))
    np.testing.assert_allclose(places[:, 0], 0)
    np.testing.assert_allclose(places[:, -1], 11, rtol=1e-6)
    pace = np.diff(places, axis=1)
    assert pace.min() > 0.5 / 1.5 - 1e-5 and pace.max() < 1.5 / 0.5 + 1e-5 and np.ptp(pace) > 0.5
    np.testing.assert_allclose(np.diff(places[:, :3, 0], axis=1)[:, 0], np.diff(places[:, :3, 0], axis=1)[:, 1], 1e-4)


def test_a_shifted_ramp_is_moved_by_whole_steps() -> None:
    moved = np.asarray(TimeShift(0.25, seed=0)(ramp(), training=True))[:, :, 0]
    shifts = moved[:, 6] - 6
    assert set(shifts.tolist()) == {-3, -2, -1, 0, 1, 2, 3}
    np.testing.assert_array_equal(moved, np.clip(np.arange(12) + shifts[:, np.newaxis], 0, 11))


def test_a_mask_hides_a_stretch() -> None:
    x = 1 + ramp()
    seen = np.asarray(TimeMask(0.5, -1.0, seed=0)(x, training=True))
    hidden = (seen == -1).all(axis=2)
    assert (hidden == (seen == -1).any(axis=2)).all()
    lengths = hidden.sum(axis=1)
    assert set(lengths.tolist()) == set(range(7))
    assert (np.abs(np.diff(np.pad(hidden, ((0, 0), (1, 1))).astype(int), axis=1)).sum(axis=1)[lengths > 0] == 2).all()
    assert hidden[:, 0].any() and hidden[:, -1].any(), "the ends are hidden too"
    assert (seen[~hidden] == x[~hidden]).all()


def test_a_crop_is_a_part_of_the_image_in_its_size() -> None:
    """Of an image that says where each pixel is, the corners tell what was cut out."""
    height, width = 30, 40
    rows, columns = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    image = np.stack([rows / height, columns / width, 0 * rows], axis=-1).astype(np.float32)
    crop = RandomResizedCrop(0.3, 1.5, "bilinear", seed=0)
    part = np.asarray(crop(np.repeat(image[np.newaxis], 300, axis=0), training=True))
    inner = part[:, 5:-5, 5:-5]
    tall = (inner[:, -1, 0, 0] - inner[:, 0, 0, 0]) / (height - 11) * height
    wide = (inner[:, 0, -1, 1] - inner[:, 0, 0, 1]) / (width - 11) * width
    area, ratio = tall * wide, wide / tall
    assert area.min() > 0.25 and area.max() <= 1 + 1e-3
    assert area.min() < 0.35 and area.max() > 0.9
    assert ratio.min() >= 1 / 1.5 - 1e-3 and ratio.max() <= 1.5 + 1e-3
    assert part.min() >= 0 and part.max() <= 1, "nothing comes in from outside"
