"""Every option of conf/data that needs no file: what it declares is what it delivers, and delivers again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots, packaged
from dlrun.data.dataset import TASKS
from dlrun.data.declare import declare
from dlrun.data.load import data_digest, load
from dlrun.errors import ConfigError, DataError

SHIPPED = Catalog(Roots.of(Path("/")))
FETCHED = "dlrun.data.keras_sets."  # tests/data/test_keras_sets.py has those
WITHOUT_FILE = [
    name
    for name in SHIPPED.names("data")
    if "???" not in SHIPPED.get("data", name).defaults.values()
    and not str(SHIPPED.get("data", name).target()).startswith(FETCHED)
]

# The content of version 1. Where one of these changes, the option's `_version_` must go up: runs on the old content
# are not runs on the new one. Generated points come out of sines and logarithms, whose last bits depend on the machine.
CONTENT = {
    "blobs": (-0.807236, 1.142107),
    "breast_cancer": "f86286b06e0eb4fb",
    "circles": (0.541496, 0.310421),
    "classification": (0.971621, -1.126798),
    "diabetes": "70a45af6bc04fb77",
    "digits": "faf2d98f61250c1c",
    "friedman1": (0.548814, 0.813575),
    "friedman2": (54.881351, 4.083385),
    "friedman3": (54.881351, 4.083385),
    "gaussian_quantiles": (-0.163255, -1.341497),
    "hastie_10_2": (1.764052, 0.173200),
    "iris": "879b817245289647",
    "linnerud": "312a073d979ee418",
    "moons": (2.086144, -0.532844),
    "regression": (-0.981668, 0.143760),
    "s_curve": (0.443999, -1.098559),
    "sine": (0.636962, 0.380008),
    "sparse_uncorrelated": (1.764052, 1.298111),
    "swiss_roll": (-8.857083, -11.040277),
    "truth_table": "23f0d5e52594f837",
    "wine": "300d849b9eb766c3",
}
VARIANTS: list[tuple[str, dict[str, Any], str, int | None]] = [
    ("blobs", {"centers": 2}, "binary", 2),
    ("blobs", {"centers": 5, "features": 7, "samples": 50}, "multiclass", 5),
    ("moons", {"samples": 7, "seed": 3}, "binary", 2),
    ("circles", {"samples": 2, "noise": 0.0, "factor": 0.0}, "binary", 2),
    ("truth_table", {"inputs": 5}, "binary", 2),
]

Node = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("name", WITHOUT_FILE)
def test_option_delivers_what_it_declares(name: str, catalog: Catalog, node: Node) -> None:
    declaration = declare(node("data", name), catalog)
    dataset = load(node("data", name), catalog)
    assert declaration.problems == []
    assert declaration.task == dataset.task
    assert dataset.task in TASKS
    assert declaration.samples == dataset.samples == len(dataset.y)
    assert declaration.shape == dataset.input_shape
    assert declaration.classes == (len(dataset.classes) or None)
    assert len(dataset.features) in (0, dataset.input_shape[-1])
    assert dataset.x.dtype == np.float32
    assert not dataset.x.flags.writeable
    assert not dataset.y.flags.writeable
    if dataset.task == "regression":
        assert dataset.y.dtype == np.float32
        assert dataset.y.shape == (dataset.samples, dataset.outputs)
    else:
        assert dataset.y.dtype == np.int64
        assert sorted(set(dataset.y.tolist())) == list(range(len(dataset.classes)))
    assert load(node("data", name), catalog) is dataset
    assert dataset.digest == data_digest(node("data", name), catalog)


@pytest.mark.parametrize("name", WITHOUT_FILE)
def test_content_is_that_of_its_version(name: str, catalog: Catalog, node: Node) -> None:
    assert catalog.get("data", name).facts["version"] == 1
    dataset = load(node("data", name), catalog)
    expected = CONTENT[name]
    if isinstance(expected, str):
        assert hashlib.sha256(dataset.x.tobytes() + dataset.y.tobytes()).hexdigest()[:16] == expected
    else:
        assert (float(dataset.x[0, 0]), float(dataset.x[-1, -1])) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("name", "values", "task", "classes"), VARIANTS)
def test_declaration_follows_the_parameters(
    name: str, values: dict[str, Any], task: str, classes: int | None, catalog: Catalog, node: Node
) -> None:
    declaration = declare(node("data", name, **values), catalog)
    dataset = load(node("data", name, **values), catalog)
    assert (declaration.task, declaration.classes) == (task, classes) == (dataset.task, len(dataset.classes))
    assert (declaration.samples, declaration.shape) == (dataset.samples, dataset.input_shape)


@pytest.mark.parametrize(
    ("gate", "answers"), [("and", [0, 0, 0, 1]), ("or", [0, 1, 1, 1]), ("nand", [1, 1, 1, 0]), ("xor", [0, 1, 1, 0])]
)
def test_gates(gate: str, answers: list[int], catalog: Catalog, node: Node) -> None:
    dataset = load(node("data", "truth_table", gate=gate), catalog)
    assert dataset.x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert dataset.y.tolist() == answers


def test_xor_of_three_inputs_is_parity(catalog: Catalog, node: Node) -> None:
    dataset = load(node("data", "truth_table", gate="xor", inputs=3), catalog)
    assert dataset.y.tolist() == [int(row.sum()) % 2 for row in dataset.x]


def test_data_in_original_units(catalog: Catalog, node: Node) -> None:
    assert load(node("data", "digits"), catalog).x.max() == 16
    diabetes = load(node("data", "diabetes"), catalog)
    assert diabetes.x[0, diabetes.features.index("age")] == 59


@pytest.mark.parametrize("name", ["moons", "circles", "blobs"])
def test_seed_changes_generated_data_and_its_digest(name: str, catalog: Catalog, node: Node) -> None:
    first, second = (load(node("data", name, seed=seed), catalog) for seed in (0, 1))
    assert first.digest != second.digest
    assert not np.array_equal(first.x, second.x)


def test_digest_counts_every_parameter_and_the_version(node: Node, tmp_path: Path) -> None:
    digests = set()
    for version in (1, 2):
        folder = tmp_path / str(version) / "conf" / "data"
        folder.mkdir(parents=True)
        (folder.parent / "project.yaml").write_text("{}\n")
        text = (
            packaged("conf").joinpath("data", "moons.yaml").read_text().replace("_version_: 1", f"_version_: {version}")
        )
        (folder / "moons.yaml").write_text(text)
        own = Catalog(Roots.of(tmp_path / str(version)))
        digests |= {data_digest(node("data", "moons", noise=noise), own) for noise in (0.1, 0.2)}
    assert len(digests) == 4


def project(folder: Path, option: str, module: str) -> Catalog:
    """A project with a data option of its own, and the module it is built from."""
    (folder / "conf" / "data").mkdir(parents=True)
    (folder / "conf" / "project.yaml").write_text("{}\n")
    (folder / "conf" / "data" / "own.yaml").write_text(option)
    (folder / "own_source.py").write_text(module)
    return Catalog(Roots.of(folder))


OWN = "# My own data\n_target_: own_source.make\n_task_: {task}\n_classes_: {classes}\n_samples_: 3\n_shape_: [2]\n"
MAKE = """
import numpy as np
from dlrun.data.dataset import Content
nan, inf = np.nan, np.inf
def make():
    return Content(np.array({x}), np.array({y}), {classes}, ("a", "b"))
"""
WRONG = [
    ("inf", "multiclass", "[[1, 2], [3, inf], [4, inf]]", "[0, 1, 2]", "inf in sample 2 in column 'b', 2 such values"),
    ("too large", "multiclass", "[[1, 2], [3, 1e40], [4, 1]]", "[0, 1, 2]", "inf in sample 2 in column 'b'"),
    ("labels", "multiclass", "[[1, 2], [3, 4], [5, 6]]", "[1, 2, 3]", "labels from 1 to 3"),
    ("class without sample", "multiclass", "[[1, 2], [3, 4], [5, 6]]", "[0, 2, 0]", "none of v"),
    ("shape", "multiclass", "[[1], [3], [5]]", "[0, 1, 2]", "must have (2,) shape; got (1,)"),
    ("fewer labels", "multiclass", "[[1, 2], [3, 4], [5, 6]]", "[0, 1]", "2 labels for 3 samples"),
    ("target", "regression", "[[1, 2], [3, 4], [5, 6]]", "[0.5, nan, 1]", "must have a finite target"),
]


@pytest.mark.parametrize(("fault", "task", "x", "y", "says"), WRONG, ids=[row[0] for row in WRONG])
def test_source_of_ones_own_is_checked(
    fault: str, task: str, x: str, y: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: tuple[str, ...] = () if task == "regression" else ("u", "v", "w")
    option = OWN.format(task=task, classes=len(names) or "null")
    catalog = project(tmp_path, option, MAKE.format(x=x, y=y, classes=names))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "own_source", raising=False)
    with pytest.raises(DataError) as raised:
        load({"option": "own"}, catalog)
    assert says in str(raised.value)
    assert str(tmp_path / "conf" / "data" / "own.yaml") in str(raised.value)


@pytest.mark.parametrize(
    ("facts", "says"), [("_task_: guess", "must be one of binary"), ("_task_: $unknown", "$unknown is not bound")]
)
def test_option_that_declares_nonsense_is_refused(facts: str, says: str, tmp_path: Path) -> None:
    catalog = project(tmp_path, f"# Mine\n{facts}\n", "")
    with pytest.raises(ConfigError, match="own: _task_") as raised:
        declare({"option": "own"}, catalog)
    assert says in str(raised.value)
