"""Open a run made elsewhere: its spec is checked like any config, its weights are read as numbers, nothing of it runs.

The model is rebuilt from the spec out of this machine's options; from the run's files come arrays of numbers alone.
That is done first in a child process with bounds on memory and time, so that a hostile file ends the child only; this
process never opens the files, it takes the numbers from the child.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.spec import Spec
from dlrun.data.encoding.front import FRONT
from dlrun.errors import ConfigError, Problem, UserError
from dlrun.tracking import children
from dlrun.workflows.foreign_spec import read_spec
from dlrun.workflows.kept import Preprocessing
from dlrun.workflows.probe import MODEL_FILES

__all__ = ["Inspection", "inspect_run", "load_model", "refuse_address"]

_SECONDS = 180.0
_SPEC = "spec.json"
_WAY_OUT = (
    "Ask for the run's whole directory, runs/ID: spec.json beside model.keras. It is rebuilt here from its options."
)
_HDF5 = (".h5", ".hdf5", ".hdf", ".he5")
_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin", ".npy", ".npz", ".dill", ".mar")
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/|//|\\\\")  # `Path` makes one of the two slashes of an address
_GRAPHS = (".pb", ".onnx", ".tflite", ".mlmodel", ".safetensors")


@dataclass(frozen=True)
class Inspection:
    """What a look at a run's directory found, all of it told by a child process.

    Attributes:
        path: the run's directory.
        spec: its checked spec.
        parameters: numbers in the rebuilt model, preprocessing included.
        weights: the file that they were read from, as `model.keras`; None when the run kept none.
        layers: `(name, class, output shape as text, parameters)` of each layer, in order.
        input_shape: of one raw sample, without the batch.
        outputs: the shape of the prediction for one sample.
        finite: whether the predictions for a batch of zeros, ones and random samples are all finite; None without
            weights.
        memory_bytes: the child's largest resident memory, TensorFlow included.
        seconds: how long the child took, import of TensorFlow included.
    """

    path: Path
    spec: Spec
    parameters: int
    weights: str | None
    layers: tuple[tuple[str, str, str, int], ...]
    input_shape: tuple[int, ...]
    outputs: tuple[int, ...]
    finite: bool | None
    memory_bytes: int
    seconds: float


def inspect_run(path: Path, catalog: Catalog) -> Inspection:
    """Look at the run in `path`, whoever made it: is its spec one of ours, and do its weights fit?

    Imports no TensorFlow itself: a child process does, in bounds of memory and time.

    Args:
        path: a run's directory (`runs/ID`), or its `model.keras` with `spec.json` beside it.
        catalog: where the options of its spec are looked up; a spec that needs options that are not there is refused.

    Raises:
        ConfigError: the spec is wrong: all problems of it.
        UserError: there is no such run, it is of a kind that is not opened (`.h5`, pickles, SavedModels, addresses),
            its weights do not fit the spec, or it goes beyond the bounds. The sentence says the way out.
    """
    directory = _run_directory(path)
    spec = read_spec(_small(directory / _SPEC), catalog)  # at once, before a child is worth its start
    began = time.monotonic()
    found = _asked(directory, catalog, None)
    return Inspection(
        path=directory,
        spec=spec,
        parameters=int(found["parameters"]),
        weights=found["weights"],
        layers=tuple((str(a), str(b), str(c), int(d)) for a, b, c, d in found["layers"]),
        input_shape=tuple(found["input_shape"]),
        outputs=tuple(found["outputs"]),
        finite=found["finite"],
        memory_bytes=int(found["memory_bytes"]),
        seconds=time.monotonic() - began,
    )


def load_model(path: Path, catalog: Catalog) -> Any:
    """The trained `keras.Model` of the run in `path`, whoever made it: from raw samples to predictions, not compiled.

    Its predictions are those of the model that was saved, bit for bit.

    Raises:
        ConfigError: the spec is wrong: all problems of it.
        UserError: as `inspect_run`; also where the run kept no weights.
    """
    directory = _run_directory(path)
    spec = read_spec(_small(directory / _SPEC), catalog)
    with tempfile.TemporaryDirectory(prefix="dlrun-") as folder:
        arrays = Path(folder) / "arrays.npz"
        found = _asked(directory, catalog, arrays)
        if found["weights"] is None:
            raise UserError("The run kept no model. Run it with trainer.save_model=always.")
        from dlrun.training.quiet import import_tensorflow

        import_tensorflow()
        import numpy as np

        from dlrun.workflows.rebuild import rebuild

        with np.load(arrays, allow_pickle=False) as numbers:
            weights = {name: numbers[name] for name in numbers.files}
    around = Preprocessing.from_json(found["around"])  # held to the same rules: the child was the one to touch the file
    return rebuild(spec, catalog, around, weights, is_whole=found["weights"] == MODEL_FILES[0])


def refuse_address(text: str) -> None:
    """Refuse a word that names a model of a kind that is not opened, or one that lies on another machine.

    Raises:
        UserError: with the way out.
    """
    if _REMOTE.match(text):
        text = re.sub(r"^(\w+:)/(?!/)", r"\1//", text)
        raise UserError(
            f"A run must lie on this machine; got {text}. Download its whole directory first, and look at it."
        )
    suffix = Path(text).suffix.lower()
    if suffix in _HDF5:
        raise UserError(f"An HDF5 model ({suffix}) is not opened: it may hold code. {_WAY_OUT}")
    if suffix in _PICKLES:
        raise UserError(
            f"A {suffix} file is not opened: it may be a pickle, which runs code when it is read. {_WAY_OUT}"
        )
    if suffix in _GRAPHS or (Path(text) / "saved_model.pb").exists():
        raise UserError(f"A saved graph is not opened: it is a program of its author's. {_WAY_OUT}")


def _run_directory(path: Path) -> Path:
    """The directory of the run at `path`, with plain files in it."""
    refuse_address(str(path))
    if path.suffix == ".keras":
        if not (path.parent / _SPEC).is_file() or path.name != MODEL_FILES[0]:
            raise UserError(f"A .keras file alone is not opened: what it says to build may be anything. {_WAY_OUT}")
        path = path.parent
    if not (path / _SPEC).is_file():
        if (path / "sweep.json").is_file():
            raise UserError(f"{path} is a sweep. Name one of its runs: dlrun compare {path.name[:8]} lists them.")
        raise UserError(f"There is no run in {path}: it holds no {_SPEC}. {_WAY_OUT}")
    real = path.resolve()
    for name in (_SPEC, "journal.jsonl", FRONT, *MODEL_FILES):
        file = real / name
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise UserError(f"{name} must be a plain file in the run's directory; it is a link or a device.")
    return real


def _small(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(10_000_001)  # what is larger is refused by its reader


def _asked(directory: Path, catalog: Catalog, arrays: Path | None) -> dict[str, Any]:
    """What the child says of the run."""
    order = {
        "path": str(directory),
        "directory": str(catalog.roots.directory),
        "arrays": str(arrays) if arrays else None,
    }
    settings = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if catalog.roots.project is None:
        settings["DLRUN_NO_PROJECT"] = "1"
    try:
        done = subprocess.run(
            children.command("dlrun.workflows.probe"),
            input=json.dumps(order) + "\n",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            env=children.environment(settings),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"The run must open within {_SECONDS:.0f} s; it took longer, and was given up.") from error
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise UserError(f"The run cannot be opened: it ended the process that read it ({_ending(done)}).") from error
    if "problems" in answer:
        raise ConfigError([Problem(**{**problem, "instead": None}) for problem in answer["problems"]])
    if "error" in answer:
        raise UserError(answer["error"])
    found: dict[str, Any] = answer["found"]
    return found


def _ending(done: subprocess.CompletedProcess[str]) -> str:
    return f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
