"""A kept model in the store: MLflow opens it, and it takes raw rows."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.models import ModelSignature
from sklearn.datasets import load_iris

import dlrun
from dlrun.serving.served_model import ServedModel
from dlrun.tracking.packaging import ModelIds, pack
from dlrun.training.state import fingerprint

QUICK = ["trainer.epochs=2", "trainer.device=cpu"]
OF_THE_PLACE = ("artifact_path", "model_id", "model_uuid", "run_id", "utc_time_created", "model_size_bytes")
OWN_LAYER = """
import keras


@keras.saving.register_keras_serializable("own")
class Half(keras.layers.Layer):
    def call(self, x):
        return x / 2
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Runs of every shape of samples, in a project with a layer of its own, recorded in its store."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "conf" / "activation").mkdir(parents=True)
    (folder / "conf" / "project.yaml").touch()
    (folder / "own.py").write_text(OWN_LAYER)
    (folder / "conf" / "activation" / "half.yaml").write_text("# Half of it\n_target_: own.Half\n")
    table = load_iris(as_frame=True).frame
    table.to_csv(folder / "flowers.csv", index=False)
    csv = ["data=csv", "activation=half", "data.path=flowers.csv", "data.target=target"]
    return {
        "table": dlrun.run([*QUICK, *csv], directory=folder),
        "image": dlrun.run([*QUICK, "tracking.register=digits"], directory=folder),
        "sweep": dlrun.run([*QUICK, "data=wine", "seed=0,1"], sweep=True, directory=folder),
    }


def uri(run: Any) -> str:
    return f"sqlite:///{run.path.parent.parent / 'mlflow.db'}"


def model_of(run: Any) -> str | None:
    """The id of a run's model in the store."""
    with closing(sqlite3.connect(uri(run).removeprefix("sqlite:///"))) as store:
        found = store.execute(
            "select model_id from logged_models join tags on source_run_id = run_uuid where key = 'dlrun.run_id' "
            "and tags.value = ? and status = 2",
            (run.id,),
        ).fetchall()
    assert len(found) <= 1
    return found[0][0] if found else None


@contextmanager
def opened(run: Any) -> Iterator[Any]:
    """The run's model, as MLflow opens it."""
    mlflow.set_tracking_uri(uri(run))
    path = list(sys.path)
    try:
        yield mlflow.pyfunc.load_model(f"models:/{model_of(run)}")
    finally:
        sys.path[:] = path
        mlflow.set_tracking_uri("")
        os.environ.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it; other tests share this process


@pytest.mark.parametrize("name", ["table", "image"])
def test_it_predicts_what_the_run_predicts(name: str, runs: dict[str, Any]) -> None:
    run = runs[name]
    signature = json.loads((run.path / "signature.json").read_text())
    rows = np.asarray(signature["example"], dtype=np.float32)
    with opened(run) as model:
        found = model.predict(model.input_example)
        expected = keras.saving.load_model(run.path / "model.keras").predict(rows, verbose=0)
    columns = [f"probability_{each}" for each in signature["classes"]]
    np.testing.assert_array_equal(found[columns], expected)
    assert list(found["prediction"]) == [signature["classes"][i] for i in expected.argmax(axis=1)]


def test_a_gap_is_filled_as_in_training_and_what_is_no_number_is_refused(runs: dict[str, Any]) -> None:
    table = load_iris(as_frame=True).frame.drop(columns="target").head(3)
    first = table.columns[0]
    with opened(runs["table"]) as model:
        found = model.predict(table.assign(**{first: [5.8, float("nan"), 5.8]}))
        median = float(np.median(np.sort(load_iris().data[:, 0])))
        assert median == 5.8
        assert found["prediction"].notna().all()
        assert len(model.predict(table.head(0))) == 0
        with pytest.raises(ValueError, match=f"column {re.escape(first)} must hold numbers"):
            model._model_impl.predict(table.assign(**{first: "x"}))
        with pytest.raises(Exception, match=re.escape(first)):
            model.predict(table.drop(columns=first))


@pytest.mark.parametrize(
    ("classes", "kind", "outputs", "table"),
    [
        (
            ["no", "yes"],
            "probability",
            [[0.75]],
            {"prediction": "yes", "probability_no": 0.25, "probability_yes": 0.75},
        ),
        (["no", "yes"], "score", [[-2.0]], {"prediction": "no", "score_no": 2.0, "score_yes": -2.0}),
        (["a", "b", "c"], "score", [[1, 3, 2]], {"prediction": "b", "score_a": 1, "score_b": 3, "score_c": 2}),
        ([], "value", [[7.5]], {"prediction": 7.5}),
        ([], "value", [[7.5, 8]], {"prediction_1": 7.5, "prediction_2": 8}),
    ],
)
def test_every_task_has_its_table(classes: list[str], kind: str, outputs: Any, table: dict[str, Any]) -> None:
    served = object.__new__(ServedModel)
    served.signature = {"classes": classes, "outputs": kind, "predictions": [k for k in table if "prediction" in k]}
    (row,) = served._table(np.asarray(outputs, dtype=float)).to_dict(orient="records")
    assert row == table


def test_rows_come_as_pandas_reads_them(runs: dict[str, Any]) -> None:
    """In any order of columns, with one too many, and as whole numbers where a file has no points in it."""
    table = load_iris(as_frame=True).frame.round().astype(int)
    with opened(runs["table"]) as model:
        found = model.predict(table)
        turned = model.predict(table[table.columns[::-1]])
    pd.testing.assert_frame_equal(found, turned)
    assert len(found) == 150


def test_it_is_registered_when_that_is_asked(runs: dict[str, Any]) -> None:
    client = mlflow.MlflowClient(tracking_uri=uri(runs["image"]), registry_uri=uri(runs["image"]))
    (version,) = client.search_model_versions("name = 'digits'")
    assert version.source == f"models:/{model_of(runs['image'])}"
    assert [model.name for model in client.search_registered_models()] == ["digits"]


def test_of_a_sweep_the_best_run_has_a_model_and_the_others_their_weights(runs: dict[str, Any]) -> None:
    swept = runs["sweep"]
    (best,) = json.loads(next(swept.work.glob("sweeps/*/best.json")).read_text())["best"]
    assert best["metric"] == "test_accuracy"
    scores = {run.id: run.metrics["test_accuracy"] for run in swept.results}
    assert scores[best["run"]] == max(scores.values())
    for run in swept.results:
        is_best = run.id == best["run"]
        assert (run.path / "model.keras").exists() == (model_of(run) is not None) == is_best
        assert (run.path / "weights.npz").exists() == (not is_best)
    other = next(run for run in swept.results if run.id != best["run"])
    fingerprint_of_core = fingerprint(other.load_model().get_layer("core"))
    assert fingerprint_of_core == other.fingerprint


def test_the_files_are_those_that_mlflow_writes(runs: dict[str, Any], tmp_path: Path) -> None:
    run = runs["table"]
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    pack(run.path, run.path.parent.parent, ours, ModelIds("m-1", "r", "file:///nowhere"))
    described = yaml.safe_load((ours / "MLmodel").read_text())
    example = json.loads((ours / "input_example.json").read_text())
    mlflow.pyfunc.save_model(
        theirs,
        loader_module="served_model",
        data_path=str(ours / "data" / "model"),
        code_paths=[str(path) for path in sorted((ours / "code").iterdir())],
        signature=ModelSignature.from_dict(described["signature"]),
        input_example=pd.DataFrame(example["data"], columns=example["columns"]),
        pip_requirements=(ours / "requirements.txt").read_text().splitlines()[1:],
    )
    names = [
        sorted(str(path.relative_to(each)) for path in each.rglob("*") if path.is_file() and path.suffix != ".pyc")
        for each in (ours, theirs)
    ]
    assert names[0] == names[1]
    written = yaml.safe_load((theirs / "MLmodel").read_text())
    written["flavors"]["python_function"]["env"]["conda"] = "conda.yaml"
    lasting = {key: value for key, value in described.items() if key not in OF_THE_PLACE}
    assert lasting == {key: value for key, value in written.items() if key not in OF_THE_PLACE}
    for name in ("requirements.txt", "input_example.json"):
        assert (ours / name).read_text().split() == (theirs / name).read_text().split()
    served = [json.loads((each / "serving_input_example.json").read_text()) for each in (ours, theirs)]
    assert served[0] == served[1]


@pytest.mark.slow
def test_mlflows_server_answers_raw_rows(runs: dict[str, Any]) -> None:
    run, port = runs["table"], 5077
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": uri(run),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    words = ["models", "serve", "-m", f"models:/{model_of(run)}", "--env-manager", "local", "-p", str(port)]
    server = subprocess.Popen([sys.executable, "-m", "mlflow", *words], env=environment, process_group=0)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5)
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.5)
        rows = load_iris(as_frame=True).frame.drop(columns="target").head(2)
        body = json.dumps({"dataframe_split": json.loads(rows.to_json(orient="split", index=False))}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.loads(answer.read())["predictions"]
    finally:
        os.killpg(server.pid, 15)
        server.wait()
    with opened(run) as model:
        expected = model.predict(rows)
    assert [each["prediction"] for each in found] == list(expected["prediction"])
