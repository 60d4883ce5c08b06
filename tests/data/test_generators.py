"""scikit-learn's generators: all of them, with all their parameters, saying what they deliver."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data.declare import declare
from dlrun.data.generators import _THEIRS
from dlrun.data.load import load

LEFT_OUT = {
    "biclusters": "rows and columns are to be sorted, and nothing is predicted",
    "checkerboard": "rows and columns are to be sorted, and nothing is predicted",
    "low_rank_matrix": "nothing is predicted",
    "multilabel_classification": "there is no task of several labels a sample",
    "sparse_coded_signal": "a dictionary and a code are to be found, and nothing is predicted",
    "sparse_spd_matrix": "a matrix, and no samples",
    "spd_matrix": "a matrix, and no samples",
}
OF_THE_ANSWER = {"return_X_y", "return_centers", "coef"}  # what is returned beside or instead of samples and labels
CATALOG = Catalog(Roots.of(Path("/")))
OPTIONS = {
    CATALOG.get("data", name).facts["derived"]["generator"]: CATALOG.get("data", name)
    for name in CATALOG.names("data")
    if "generator" in CATALOG.get("data", name).facts.get("derived", {})
}


def test_every_generator_is_an_option_or_left_out_for_a_reason() -> None:
    theirs = {name.removeprefix("make_") for name in dir(datasets) if name.startswith("make_")}
    assert theirs == {*OPTIONS, *LEFT_OUT}


@pytest.mark.parametrize("generator", OPTIONS)
def test_an_option_has_all_parameters(generator: str) -> None:
    theirs = set(inspect.signature(getattr(datasets, f"make_{generator}")).parameters) - OF_THE_ANSWER
    assert {_THEIRS.get(name, name) for name in OPTIONS[generator].parameters} == theirs


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("blobs", {"spread": [0.1, 1.0, 5.0], "box": [0, 1], "shuffle": False}),
    ("moons", {"shuffle": False, "noise": 0.0}),
    ("circles", {"shuffle": False}),
    ("classification", {"classes": 4, "informative": 5, "repeated": 3, "clouds": 1, "weights": [0.4, 0.2, 0.3]}),
    ("classification", {"shift": None, "scale": None, "hypercube": False, "flipped": 0.5, "separation": 3.0}),
    ("gaussian_quantiles", {"mean": [1.0, -1.0], "cov": 3.0, "classes": 5}),
    ("hastie_10_2", {"samples": 100}),
    ("regression", {"outputs": 3, "informative": 2, "bias": 5.0, "rank": 2, "tail": 0.1, "shuffle": False}),
    ("friedman1", {"features": 5, "noise": 0.0}),
    ("friedman2", {"noise": 0.0}),
    ("friedman3", {"samples": 10}),
    ("s_curve", {"noise": 0.5}),
    ("swiss_roll", {"hole": True, "noise": 0.5}),
    ("sparse_uncorrelated", {"features": 4}),
    ("sine", {"span": [-3, 3], "cycles": 0.5, "noise": 0.0}),
]


@pytest.mark.parametrize(
    ("name", "values"), CHANGES, ids=[f"{name} {place}" for place, (name, _) in enumerate(CHANGES)]
)
def test_parameters_reach_the_generator(name: str, values: dict[str, Any], catalog: Catalog, node: Any) -> None:
    chosen = node("data", name, **values)
    declared, dataset = declare(chosen, catalog), load(chosen, catalog)
    assert declared.problems == []
    assert (declared.task, declared.classes) == (dataset.task, len(dataset.classes) or None)
    assert (declared.samples, declared.shape) == (dataset.samples, dataset.input_shape)
    if name != "sine":
        own = {key: value for key, value in chosen.items() if key != "option"}
        given = {_THEIRS.get(key, key): tuple(v) if isinstance(v, list) else v for key, v in own.items()}
        x, y = getattr(datasets, f"make_{name}")(**given)
        np.testing.assert_array_equal(dataset.x, x.astype(np.float32))
        if dataset.task == "regression":
            np.testing.assert_array_equal(dataset.y, y.reshape(len(x), -1).astype(np.float32))
        else:
            assert [dataset.classes[label] for label in dataset.y] == [str(int(label)) for label in y]


def test_the_sine_is_one(catalog: Catalog, node: Any) -> None:
    dataset = load(node("data", "sine", span=[2, 4], cycles=3, noise=0.0), catalog)
    np.testing.assert_allclose(dataset.y, np.sin(3 * np.pi * (dataset.x - 2)), atol=1e-4)
    assert dataset.x.min() >= 2
    assert dataset.x.max() <= 4


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("classification", {"features": 5}, "data.features must be as many as data.informative, data.redundant and"),
    ("classification", {"informative": 2, "classes": 5}, "got 2. Type data.informative=4 or more."),
    ("classification", {"weights": [0.5, 0.2, 0.3]}, "data.weights must have a share for each of the 2 classes"),
    ("classification", {"weights": [0.9, 0.3]}, "data.weights must add up to 1 or less; got 1.2"),
    ("classification", {"samples": 2, "classes": 3, "clouds": 1}, "data.samples must be 3 or more"),
    ("gaussian_quantiles", {"mean": [1.0]}, "data.mean must have a number for each of the 2 dimensions"),
    ("blobs", {"spread": [1.0, 2.0]}, "data.spread must have a number for each of the 3 clouds"),
    ("blobs", {"box": [1, 1]}, "data.box must be the least and the largest coordinate"),
    ("sine", {"span": [1]}, "data.span must be the least and the largest x; got [1]"),
]


@pytest.mark.parametrize(("name", "values", "says"), FAULTS, ids=range(len(FAULTS)))
def test_parameters_that_contradict_each_other_are_told(
    name: str, values: dict[str, Any], says: str, catalog: Catalog, node: Any
) -> None:
    told = [str(problem) for problem in declare(node("data", name, **values), catalog).problems]
    assert any(says in each for each in told), told


def test_informative_as_mended_is_enough(catalog: Catalog, node: Any) -> None:
    assert declare(node("data", "classification", informative=4, classes=5), catalog).problems == []
    load(node("data", "classification", informative=4, classes=5), catalog)
