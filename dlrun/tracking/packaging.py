"""A kept model as MLflow packs models: a folder that `mlflow models serve` and `mlflow.pyfunc.load_model` take.

    MLmodel                         what it is, what goes in and comes out
    code/served_model.py            opens it; needs Keras, not dlrun
    code/served_cells.py            what a cell of a raw table is
    code/...                        modules of the author's own layers
    data/model/                     model.keras and signature.json
    input_example.json              raw rows; serving_input_example.json is the same as a request
    requirements.txt conda.yaml python_env.yaml

Written without MLflow, whose import takes longer than many a training. A test holds each file against what
`mlflow.pyfunc.save_model` writes.

References:
    MLflow, the MLmodel format: https://mlflow.org/docs/latest/ml/model/
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from dlrun.tracking.provenance import environment_of

__all__ = ["MODEL", "SIGNATURE", "ModelIds", "pack"]

MODEL, SIGNATURE = "model.keras", "signature.json"
_LOADER, _CELLS, _DATA = "served_model", "served_cells", "data/model"
_REQUIRED = ("keras", "tensorflow", "numpy", "pandas")
_EXAMPLE, _REQUEST = "input_example.json", "serving_input_example.json"


@dataclass(frozen=True)
class ModelIds:
    """What a store calls a model.

    Attributes:
        model_id: `m-` and 32 hexadecimal digits.
        run_id: of the run that made it.
        location: the address of its files.
    """

    model_id: str
    run_id: str
    location: str


def pack(run_dir: Path, project: Path, folder: Path, ids: ModelIds) -> None:
    """Write the model of a run to `folder`, which is made.

    Args:
        run_dir: holds `model.keras` and `signature.json`.
        project: where the modules that the signature names are found.

    Raises:
        OSError: a file of it cannot be read or written.
        ValueError: `signature.json` is none.
    """
    signature = json.loads((run_dir / SIGNATURE).read_bytes())
    data, code = folder / _DATA, folder / "code"
    for each in (data, code):
        each.mkdir(parents=True)
    for name in (MODEL, SIGNATURE):
        shutil.copyfile(run_dir / name, data / name)
    for name in (_LOADER, _CELLS):
        (code / f"{name}.py").write_bytes(files("dlrun.serving").joinpath(f"{name}.py").read_bytes())
    for module in signature["modules"]:
        _copy_module(module, project, code)
    environment = environment_of(run_dir)
    python = str(environment.get("python", ""))
    _write_requirements(folder, python, environment.get("packages") or {})
    about = _about_example(folder, signature)
    described = _described(signature, python, ids, about)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    (folder / "MLmodel").write_text(yaml.safe_dump({**described, "model_size_bytes": size}), encoding="utf-8")


def _described(
    signature: Mapping[str, Any], python: str, ids: ModelIds, example: Mapping[str, str] | None
) -> dict[str, Any]:
    pyfunc = {
        "code": "code",
        "data": _DATA,
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "loader_module": _LOADER,
        "python_version": python,
        "streamable": False,
    }
    inputs, outputs = _inputs(signature), _outputs(signature)
    return {
        "artifact_path": ids.location,
        "flavors": {"python_function": pyfunc},
        "is_signature_from_type_hint": False,
        "mlflow_version": metadata.version("mlflow"),
        "model_id": ids.model_id,
        "model_uuid": ids.model_id,
        "prompts": None,
        "run_id": ids.run_id,
        "saved_input_example_info": None if example is None else dict(example),
        "signature": {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None},
        "type_hint_from_example": False,
        "utc_time_created": str(datetime.now(UTC).replace(tzinfo=None)),
    }


def _inputs(signature: Mapping[str, Any]) -> list[dict[str, Any]]:
    if columns := signature["columns"]:
        # Not double: MLflow refuses whole numbers for that, which is what pandas makes of a column without a point.
        return [{"type": "any", "name": name, "required": True} for name in columns]
    shape = [-1, *(-1 if size is None else size for size in signature["shape"])]  # of images of any size
    return [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": shape}}]


def _outputs(signature: Mapping[str, Any]) -> list[dict[str, Any]]:
    if signature.get("levels"):  # masks
        size = signature["resizing"]
        shape = [-1, size["height"], size["width"]]
        return [{"type": "tensor", "tensor-spec": {"dtype": "uint8", "shape": shape}}]
    kind = "string" if signature["classes"] else "double"
    columns = [(name, kind) for name in signature["predictions"]]
    columns += [(f"{signature['outputs']}_{name}", "double") for name in signature["classes"]]
    return [{"type": kind, "name": name, "required": True} for name, kind in columns]


def _about_example(folder: Path, signature: Mapping[str, Any]) -> dict[str, str] | None:
    """Write the example and a request of it; what MLmodel says of them. None where there is none."""
    rows: Sequence[Any] = signature["example"]
    if not rows:  # one sample is too large to be shown
        return None
    example: Any
    request: Mapping[str, Any]
    if columns := signature["columns"]:
        table = {"columns": columns, "data": rows}
        example, request, about = table, {"dataframe_split": table}, {"type": "dataframe", "pandas_orient": "split"}
    else:
        example, request, about = rows, {"inputs": rows}, {"type": "ndarray"}
    (folder / _EXAMPLE).write_text(json.dumps(example), encoding="utf-8")
    (folder / _REQUEST).write_text(json.dumps(request, indent=2), encoding="utf-8")
    return {"artifact_path": _EXAMPLE, "serving_input_path": _REQUEST, **about}


def _write_requirements(folder: Path, python: str, packages: Mapping[str, str]) -> None:
    versions = {"mlflow": metadata.version("mlflow"), **{name: packages.get(name) for name in _REQUIRED}}
    lines = [f"{name}=={version}" if version else name for name, version in versions.items()]
    conda = {
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": lines}],
        "name": "mlflow-env",
    }
    built_with = ["pip", "setuptools", "wheel"]
    virtualenv = {"python": python, "build_dependencies": built_with, "dependencies": ["-r requirements.txt"]}
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "conda.yaml").write_text(yaml.safe_dump(conda, sort_keys=False), encoding="utf-8")
    (folder / "python_env.yaml").write_text(yaml.safe_dump(virtualenv, sort_keys=False), encoding="utf-8")


def _copy_module(dotted: str, project: Path, code: Path) -> None:
    """A module or package of the project, as far as it is one file."""
    parts = dotted.split(".")
    for source in (project.joinpath(*parts).with_suffix(".py"), project.joinpath(*parts, "__init__.py")):
        if source.is_file() and source.resolve().is_relative_to(project.resolve()):
            target = code / source.relative_to(project)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
