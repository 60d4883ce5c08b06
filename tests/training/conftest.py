"""Specs, data and models for tests of the training: small, made here, TensorFlow set up once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.roots import Roots

TRAINER = {"option": "default", "engine": "fit", "device": "cpu"}
CLASSES = {"binary": 2, "multiclass": 3, "regression": None}

MakeSpec = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The packaged options."""
    return Catalog(Roots.of(tmp_path_factory.mktemp("work")))


@pytest.fixture(scope="session")
def make_spec(catalog: Catalog) -> MakeSpec:
    """A spec of the groups that training reads; a group is given as `option` or as `{option: ..., key: ...}`."""

    def node(group: str, chosen: str | Mapping[str, Any]) -> dict[str, Any]:
        given = {"option": chosen} if isinstance(chosen, str) else dict(chosen)
        return {"option": given["option"], **catalog.get(group, given["option"]).defaults, **given}

    def make(task: str = "multiclass", **groups: Any) -> dict[str, Any]:
        loss = catalog.get("loss", "auto").facts["by_task"][task]
        chosen = {"optimizer": "adam", "schedule": "constant", "loss": loss, "metric": [], "callback": [], "probe": []}
        chosen["checkpoint"] = "default"
        spec: dict[str, Any] = {"task": task, "classes": CLASSES[task], "seed": groups.pop("seed", 0)}
        trainer = {**TRAINER, **groups.pop("trainer", {})}
        for group, value in {**chosen, **groups, "trainer": trainer}.items():
            if group not in LIST_GROUPS:
                spec[group] = node(group, value)
            elif isinstance(value, Mapping):
                spec[group] = {entry: node(group, each) for entry, each in value.items()}
            else:
                nodes = [node(group, each) for each in value]
                spec[group] = {each["option"]: each for each in nodes}
        return spec

    return make


@pytest.fixture(scope="session")
def tensorflow(make_spec: MakeSpec) -> Any:
    """TensorFlow as a run sets it up."""
    from dlrun.training import process

    process.configure(make_spec()["trainer"])
    import tensorflow

    return tensorflow


@pytest.fixture(scope="session")
def make_prepared(tensorflow: Any) -> Callable[..., Any]:
    """Data of a task: 70 rows to train on, 20 to validate and 20 to test; learnable, with four features."""
    from dlrun.data.columns import numeric
    from dlrun.data.encoding.front import Branch, Front
    from dlrun.data.prepare import Part, Prepared, TargetScale

    def make(task: str = "multiclass", target: TargetScale | None = None, steps: tuple[Any, ...] = ()) -> Prepared:
        random = np.random.default_rng(7)
        x = random.normal(size=(110, 4)).astype(np.float32)
        score = x @ np.array([1.0, -2.0, 0.5, 0.0], dtype=np.float32)
        y = {
            "binary": (score > 0).astype(np.float32)[:, None],
            "multiclass": np.digitize(score, [-1.0, 1.0]).astype(np.int64),
            "regression": (score / score.std()).astype(np.float32)[:, None],
        }[task]
        parts = [Part(x[rows], y[rows]) for rows in (slice(0, 70), slice(70, 90), slice(90, 110))]
        outputs = 3 if task == "multiclass" else 1
        front = Front((Branch("samples", "rows", None, steps),), numeric("abcd"))
        return Prepared(*parts, front, target, (4,), outputs, task, (), ("a", "b", "c", "d"))

    return make


@pytest.fixture(scope="session")
def make_model(tensorflow: Any) -> Callable[..., Any]:
    """A small network for a task, with the same weights each time."""
    import keras

    def make(task: str = "multiclass", units: int = 8, dropout: float = 0.0) -> Any:
        keras.utils.set_random_seed(11)
        head = {"binary": "sigmoid", "multiclass": "softmax", "regression": "linear"}[task]
        layers = [keras.Input((4,)), keras.layers.Dense(units, activation="relu")]
        if dropout:
            layers.append(keras.layers.Dropout(dropout, seed=3))
        layers.append(keras.layers.Dense(3 if task == "multiclass" else 1, activation=head))
        return keras.Sequential(layers)

    return make


@pytest.fixture
def run_directory(tmp_path: Path) -> Any:
    """A run directory that is there."""
    from dlrun.training.rundir import RunDirectory

    directory = RunDirectory(tmp_path / "runs" / "0123456789abcdef")
    directory.path.mkdir(parents=True)
    return directory


@pytest.fixture
def train_now(
    make_spec: MakeSpec, make_prepared: Any, make_model: Any, run_directory: Any, catalog: Catalog
) -> Callable[..., Any]:
    """Train a small model; gives the outcome, the model and the events told."""
    from dlrun.training.train import train

    def now(task: str = "multiclass", model: Any = None, **groups: Any) -> Any:
        events: list[tuple[str, Mapping[str, Any]]] = groups.pop("events", [])
        model = make_model(task) if model is None else model
        groups.setdefault("trainer", {"epochs": 4, "batch_size": 16})
        outcome = train(
            model,
            groups.pop("prepared", None) or make_prepared(task),
            make_spec(task, **groups),
            catalog,
            run_directory,
            lambda event, fields: events.append((event, fields)),
        )
        return outcome, model, events

    return now


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of 300 kB, or of as many as the test asks for."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={getattr(request, 'param', 300)}k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
