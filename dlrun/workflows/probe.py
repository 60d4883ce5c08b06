"""The child that opens a stranger's run: in bounds of memory and time, so that what goes wrong ends here.

Its input is one JSON line, `{"path", "directory", "arrays"}`: the run's directory, where options are looked up from,
and a file to hand the weights over in, or null. Its answer is the last line of its output: `{"found": ...}`, or
`{"problems": [...]}` or `{"error": TEXT}`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data.encoding.front import FRONT
from dlrun.errors import ConfigError, DataError, DlrunError
from dlrun.workflows.foreign_spec import read_json, read_spec
from dlrun.workflows.kept import Preprocessing, read_arrays, read_front, read_keras, read_weights

__all__ = ["MODEL_FILES", "main"]

MODEL_FILES = ("model.keras", "best.weights.h5", "weights.npz")
"""What a run may keep, the best first."""

_MEMORY_BYTES = 6 * 2**30
_SAMPLES = 8
_SIDE = 32  # pixels: of images that may have any size


def main() -> int:
    """Answer one request."""
    _bound()
    order = json.loads(sys.stdin.readline())
    try:
        answer: dict[str, Any] = {"found": _found(Path(order["path"]), Path(order["directory"]), order["arrays"])}
    except (ConfigError, DataError) as error:
        told = [asdict(problem) for problem in error.problems]
        answer = {"error": _too_large()} if "OOM when allocating" in str(error) else {"problems": told}
    except DlrunError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": _too_large()}
    except Exception as error:  # noqa: BLE001  # whatever a hostile file makes a library raise, it is told as one line
        is_memory = "ResourceExhausted" in type(error).__name__ or "bad_alloc" in str(error)
        line = (str(error).strip().splitlines() or [""])[0][:200]
        answer = {"error": _too_large() if is_memory else f"The run cannot be opened: {type(error).__name__}: {line}"}
    print(f"\n{json.dumps(answer)}", flush=True)  # noqa: T201  # the answer
    return 0


def _bound() -> None:
    """Hold this process, and whatever a file may make of it, to its limits; systems differ in which they know."""
    for limit, value in (("RLIMIT_DATA", _MEMORY_BYTES), ("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 4 * 2**30)):
        with suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, limit), (value, value))


def _too_large() -> str:
    return f"The run must fit into {_MEMORY_BYTES / 2**30:.0f} GiB to be opened; it asks for more."


def _found(path: Path, directory: Path, handed_over: str | None) -> dict[str, Any]:
    catalog = Catalog(Roots.of(directory))
    if catalog.roots.project is not None:
        sys.path.append(str(catalog.roots.project))  # its option files may name classes of its own
    spec = read_spec((path / "spec.json").read_bytes(), catalog)
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a look needs no GPU, and its memory would count
    from dlrun.training.quiet import import_tensorflow

    import_tensorflow()
    from dlrun.workflows.rebuild import measured, rebuild

    name = next((name for name in MODEL_FILES if (path / name).exists()), None)
    if name == MODEL_FILES[0]:
        around, arrays = Preprocessing.from_json(read_front(path / FRONT)), read_keras(path / name)
    else:
        read = read_arrays if name == MODEL_FILES[2] else read_weights
        arrays = {} if name is None else read(path / name)
        around = measured(spec, catalog, _digest(path))
    model = rebuild(spec, catalog, around, arrays, is_whole=name == MODEL_FILES[0])
    if handed_over is not None:
        import numpy as np

        np.savez(handed_over, allow_pickle=False, **arrays)
    return {
        "around": around.to_json(),
        "input_shape": _raw_shape(around),
        "weights": name,
        "parameters": model.count_params(),
        "layers": _layers(model),
        "outputs": list(model.output_shape[1:]),
        "finite": _is_finite(model, around) if name else None,
        "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def _layers(model: Any) -> list[tuple[str, str, str, int]]:
    """Each layer of the preprocessing and of the core, in order."""
    flat = [inner for layer in model.layers for inner in (layer.layers if layer.name == "core" else [layer])]
    shown = [layer for layer in flat if type(layer).__name__ != "InputLayer"]
    return [(layer.name, type(layer).__name__, _shape(layer), layer.count_params()) for layer in shown]


def _shape(layer: Any) -> str:
    try:
        shape = layer.output.shape[1:]
    except (AttributeError, ValueError):  # a layer called several times, or of several outputs
        return "?"
    return " x ".join(str(size) for size in shape)


def _is_finite(model: Any, around: Preprocessing) -> bool:
    """Whether predictions for zeros, ones and random samples are all finite."""
    import numpy as np
    import tensorflow as tf

    from dlrun.data.encoding.front import ROWS, WORDS

    front, random = around.front, np.random.default_rng(0)
    shape = (_SAMPLES, front.numbers) if front.columns else (_SAMPLES, *_raw_shape(around))
    for numbers in (np.zeros(shape), np.ones(shape), random.normal(size=shape)):
        raw = {ROWS: tf.constant(numbers, tf.float32), WORDS: tf.fill((_SAMPLES, front.words), "one")}
        given = [raw[name] for name in front.inputs()]
        outputs = model(given[0] if len(given) == 1 else raw, training=False)
        if not np.isfinite(outputs).all():
            return False
    return True


def _raw_shape(around: Preprocessing) -> tuple[int, ...]:
    """Of a sample; images of any size are shown one size."""
    front = around.front
    if front.columns:
        return (front.numbers + front.words,)
    return tuple(_SIDE if size is None else size for size in front.raw_shape)


def _digest(path: Path) -> str | None:
    """The digest of the data that the run says it was trained on."""
    try:
        with (path / "journal.jsonl").open("rb") as file:
            lines = file.read(10_000_000).splitlines()
    except OSError:
        return None
    for line in lines:
        if b'"data"' in line[:200]:
            event = read_json(line, "journal.jsonl")
            digest = event.get("digest") if isinstance(event, dict) and event.get("event") == "data" else None
            if isinstance(digest, str):
                return digest
    return None


if __name__ == "__main__":
    sys.exit(main())
