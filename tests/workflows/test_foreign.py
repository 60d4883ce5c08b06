"""Runs made elsewhere: what is opened, what is refused, and that nothing of them is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import dlrun
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.config.spec import SPEC_VERSION, Spec
from dlrun.errors import ConfigError, UserError
from dlrun.workflows import foreign, kept, probe
from dlrun.workflows.foreign import inspect_run, load_model
from dlrun.workflows.foreign_spec import read_spec
from dlrun.workflows.kept import Preprocessing, read_front, read_keras, read_weights
from dlrun.workflows.rebuild import measured, rebuild

QUICK = ["tracking=none", "trainer.epochs=2", "trainer.device=cpu"]  # as all tests that train in this process


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of their author's, in a directory of his."""
    folder = tmp_path_factory.mktemp("author")
    rows = np.random.default_rng(0).normal(size=(60, 3))
    lines = [f"{a:.3f},{b:.3f},{c:.3f},{a + 2 * b:.3f}" for a, b, c in rows]
    (folder / "t.csv").write_text("a,b,c,price\n" + "\n".join(lines) + "\n")
    digits = dlrun.run([*QUICK, "model.dropout=0.3", "model.batch_norm=true"], directory=folder)
    table = dlrun.run([*QUICK, "data=csv", "data.path=t.csv"], directory=folder)
    words = [*QUICK, "seed=1,2", "callback=[checkpoint]", "trainer.save_model=always"]
    sweep = dlrun.run(words, sweep=True, directory=folder)
    return {"digits": digits.path, "table": table.path, "swept": sweep.results[0].path}


@pytest.fixture
def here(work: Path) -> Catalog:
    return Catalog(Roots.of(work))


@pytest.fixture
def run(made: dict[str, Path], work: Path) -> Path:
    """A copy of the author's run on digits, to be tampered with."""
    return Path(shutil.copytree(made["digits"], work / "theirs"))


def predictions(model: Any) -> bytes:
    batch = np.random.default_rng(1).normal(size=(20, *model.input_shape[1:])).astype(np.float32)
    return np.asarray(model.predict(batch, verbose=0)).tobytes()


def test_predictions_are_those_of_the_model_that_was_saved(made: dict[str, Path], work: Path) -> None:
    theirs = Path(shutil.copytree(made["table"], work / "theirs"))
    original = keras.models.load_model(theirs / "model.keras")
    assert predictions(dlrun.load(theirs).load_model()) == predictions(original)


def test_weights_alone_are_enough_where_the_data_is_here(made: dict[str, Path], work: Path) -> None:
    theirs = Path(shutil.copytree(made["swept"], work / "theirs"))
    original = keras.models.load_model(theirs / "model.keras")
    (theirs / "model.keras").unlink()
    assert predictions(dlrun.load(str(theirs)).load_model()) == predictions(original)


def test_it_is_looked_at_in_a_child(run: Path, here: Catalog) -> None:
    found = inspect_run(run, here)
    assert (found.weights, found.finite, found.input_shape, found.outputs) == ("model.keras", True, (8, 8, 1), (10,))
    assert found.spec["model"]["dropout"] == 0.3
    assert found.parameters == keras.models.load_model(run / "model.keras").count_params()
    assert sum(count for *_, count in found.layers) == found.parameters
    assert [kind for _, kind, _, _ in found.layers][:3] == ["Rescaling", "Flatten", "Dense"]
    assert found.memory_bytes > 10**8


def tampered(run: Path, change: Callable[[dict[str, Any]], None], content: str = "config.json") -> None:
    """Change the JSON of `spec.json`, or of a member of `model.keras`."""
    if content == "spec.json":
        values = json.loads((run / content).read_text())
        change(values)
        (run / content).write_text(json.dumps(values))
        return
    with zipfile.ZipFile(run / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    values = json.loads(members[content])
    change(values)
    members[content] = json.dumps(values).encode()
    with zipfile.ZipFile(run / "model.keras", "w") as archive:
        for name, each in members.items():
            archive.writestr(name, each)


MARK = "import pathlib; pathlib.Path('RAN').write_text('x')"


def test_code_in_the_cores_config_is_read_by_nobody(
    run: Path, work: Path, here: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Predictions are the original's all the same, and the file is opened in the child alone."""
    before = predictions(keras.models.load_model(run / "model.keras"))

    def plant(config: dict[str, Any]) -> None:
        (core,) = [layer for layer in config["config"]["layers"] if layer["name"] == "core"]
        evil = {"module": "builtins", "class_name": "exec", "config": MARK, "registered_name": "exec"}
        core["config"]["layers"][1] = evil
        core["module"], core["class_name"] = "os", "system"

    def refuse(*_: object) -> None:
        pytest.fail("it was opened here")

    tampered(run, plant)
    for name in ("read_keras", "read_weights"):
        monkeypatch.setattr(kept, name, refuse)
        monkeypatch.setattr(probe, name, refuse)
    assert predictions(load_model(run, here)) == before
    assert not list(work.rglob("RAN"))


def a_lambda(front: dict[str, Any]) -> None:
    front["branches"][0]["steps"][0] = {"step": "Lambda", "function": MARK}


def strange_shape(front: dict[str, Any]) -> None:
    front["raw_shape"] = [8, "eight", 1]


def config_for_numbers(front: dict[str, Any]) -> None:
    front["branches"][0]["steps"][0]["scale"] = {"class_name": "__lambda__", "config": MARK}


def texts_for_units(front: dict[str, Any]) -> None:
    front["units"] = {"scale": ["1"], "offset": [0.0]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (a_lambda, "a step must be one of dlrun's"),
        (strange_shape, "must be as dlrun writes it"),
        (config_for_numbers, "a step must hold numbers and words"),
        (texts_for_units, "must be numbers"),
        (lambda front: front.clear(), "must be as dlrun writes it"),
        (lambda front: front["branches"][0].update(evil=1), "must be as dlrun writes it"),
    ],
)
def test_a_front_of_another_kind_is_refused(change: Callable[[dict[str, Any]], None], says: str, run: Path) -> None:
    front = read_front(run / "front.json")
    assert json.loads(json.dumps(Preprocessing.from_json(front).to_json())) == front
    change(front)
    with pytest.raises(UserError, match=says):
        Preprocessing.from_json(front)


def spec_with(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda spec: spec.update(changes)


SPECS = {
    "a target": (spec_with(optimizer={"option": "adam", "_target_": "os.system"}), "must not stand in a config"),
    "a target in tags": (spec_with(tags={"a": [{"_target_": "os.system"}]}), "must not stand in a config"),
    "an option that is not here": (lambda s: s["model"].update(option="mine"), "Those of its author's project"),
    "a layer that is not here": (lambda s: s["model"].update(layers=["evil"]), "must be a layer"),
    "a module for an option": (lambda s: s["activation"].update(option="os.system"), "must be an option of activation"),
    "a value out of bounds": (lambda s: s["model"].update(dropout=7), "model.dropout must be a number"),
    "an unknown key": (spec_with(evil=1), "evil must be a key"),
    "a missing group": (lambda s: s.pop("optimizer"), "optimizer must be there"),
    "an interpolation": (spec_with(name="${oc.env:HOME}"), "must be a plain value"),
    "another task": (spec_with(task="evil"), "task must be one of"),
    "a billion classes": (spec_with(classes=10**9), "classes must be"),
    "another version": (spec_with(version=99), f"must be of version {SPEC_VERSION}; got 99"),
    "no version": (lambda s: s.pop("version"), "must be the spec of a run"),
    "an expression that grows": (lambda s: s["model"].update(layers=[{"dense": "$((9**64)**64)**64"}]), "too large"),
    "a billion layers": (lambda s: s["model"].update(layers=[{"repeat": 10**9, "layers": ["flatten"]}]), "layers"),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_that_is_not_ours_is_refused(name: str, run: Path, here: Catalog) -> None:
    change, says = SPECS[name]
    tampered(run, change, "spec.json")
    with pytest.raises(UserError) as caught:
        read_spec((run / "spec.json").read_bytes(), here)
    assert says in str(caught.value)


@pytest.mark.parametrize("content", [b"{" * 100_000, b"[" * 100_000 + b"]" * 100_000, b"\xff", b"", b" " * 10_000_001])
def test_a_spec_that_is_no_json_is_refused(content: bytes, here: Catalog) -> None:
    with pytest.raises(UserError, match=r"spec\.json must"):
        read_spec(content, here)


def external(file: h5py.File) -> None:
    file["evil"] = h5py.ExternalLink("/etc/passwd", "/x")


def soft(file: h5py.File) -> None:
    file["evil"] = h5py.SoftLink("/layers")


def circle(file: h5py.File) -> None:
    file["layers/again"] = file["layers"]


def texts(file: h5py.File) -> None:
    file.create_dataset("evil", data=["a"], dtype=h5py.string_dtype())


def opaque(file: h5py.File) -> None:
    file.create_dataset("evil", data=np.void(b"cos\nsystem\n"))


def compound(file: h5py.File) -> None:
    file.create_dataset("evil", data=np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))


def reference(file: h5py.File) -> None:
    file.create_dataset("evil", data=[file["layers"].ref], dtype=h5py.ref_dtype)


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("evil", layout)


def kept_elsewhere(file: h5py.File) -> None:
    file.create_dataset("evil", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def packed(file: h5py.File) -> None:
    file.create_dataset("evil", data=np.zeros(10**6, "f4"), compression="gzip")


def hollow(file: h5py.File) -> None:
    file.create_dataset("evil", (10**11,), "f4")


@pytest.mark.parametrize(
    "plant", [external, soft, circle, texts, opaque, compound, reference, virtual, kept_elsewhere, packed, hollow]
)
def test_weights_that_are_more_than_numbers_are_refused(
    plant: Callable[[h5py.File], None], made: dict[str, Path], work: Path
) -> None:
    file = work / "best.weights.h5"
    shutil.copyfile(made["swept"] / "best.weights.h5", file)
    assert read_weights(file)
    with h5py.File(file, "a") as content:
        plant(content)
    with pytest.raises(UserError, match="weights must"):
        read_weights(file)


def archives(run: Path) -> Iterator[tuple[str, Path]]:
    source = zipfile.ZipFile(run / "model.keras")
    members = {name: source.read(name) for name in source.namelist()}
    for name, kind, extra in (
        ("packed", zipfile.ZIP_DEFLATED, {}),
        ("with a member more", zipfile.ZIP_STORED, {"assets/evil.txt": b"x"}),
        ("with a way out", zipfile.ZIP_STORED, {"../evil.py": b"x"}),
        ("with a member less", zipfile.ZIP_STORED, {"config.json": None}),
        ("with no HDF5", zipfile.ZIP_STORED, {"model.weights.h5": b"cos\nsystem\n(S'id'\ntR."}),
    ):
        path = run / f"{name}.keras"
        with zipfile.ZipFile(path, "w", kind) as archive:
            for member, content in (members | extra).items():
                if content is not None:
                    archive.writestr(member, content)
        yield name, path
    (run / "no zip.keras").write_bytes(b"\x80\x04cos\nsystem\n.")
    yield "no zip", run / "no zip.keras"


def test_an_archive_of_another_kind_is_refused(run: Path) -> None:
    for name, path in archives(run):
        with pytest.raises(UserError, match="must"):
            read_keras(path)
            pytest.fail(name)


ADDRESSES = {
    "model.h5": "HDF5 model", "x/model.HDF5": "HDF5 model", "model.pkl": "pickle", "m.joblib": "pickle",
    "m.pt": "pickle", "m.pth": "pickle", "m.npy": "pickle", "m.npz": "pickle", "m.ckpt": "pickle",
    "graph.pb": "saved graph",
    "m.onnx": "saved graph", "lone.keras": ".keras file alone", "http://x/runs/1": "on this machine",
    "https://x/model.keras": "on this machine", "s3://b/run": "on this machine", "gs://b/run": "on this machine",
    "file:///tmp/run": "on this machine", "hf://a/b": "on this machine", "//host/share/run": "on this machine",
    "\\\\host\\share\\run": "on this machine", "folder": "saved graph", "nowhere": "There is no run in",
}  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_other_kinds_are_refused_with_the_way_out(address: str, work: Path, here: Catalog) -> None:
    (work / "folder").mkdir()
    (work / "folder" / "saved_model.pb").write_bytes(b"")
    (work / "lone.keras").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        inspect_run(Path(address), here)
    assert ADDRESSES[address] in str(caught.value)
    if "There is no" not in ADDRESSES[address] and "alone" not in ADDRESSES[address]:
        with pytest.raises(UserError, match=ADDRESSES[address]):
            dlrun.load(address)


@pytest.mark.parametrize("name", ["model.keras", "front.json", "spec.json", "journal.jsonl"])
def test_links_and_pipes_are_not_followed(name: str, run: Path, here: Catalog) -> None:
    (run / name).rename(run.parent / name)
    (run / name).symlink_to(run.parent / name)
    with pytest.raises(UserError, match="link or a device"):
        inspect_run(run, here)
    (run / name).unlink()
    os.mkfifo(run / name)
    with pytest.raises(UserError, match=r"link or a device|There is no run"):
        inspect_run(run, here)


@pytest.mark.parametrize("hidden", [[32, 64], [64], [64, 64, 64]])
def test_weights_that_do_not_fit_are_refused(hidden: list[int], made: dict[str, Path], here: Catalog) -> None:
    spec = read_spec((made["digits"] / "spec.json").read_bytes(), here)
    around = Preprocessing.from_json(read_front(made["digits"] / "front.json"))
    arrays = read_keras(made["digits"] / "model.keras")
    other = Spec({**spec, "model": {**spec["model"], "hidden": hidden}})
    with pytest.raises(UserError, match="must fit the spec"):
        rebuild(other, here, around, arrays, is_whole=True)
    assert rebuild(spec, here, around, arrays, is_whole=True).count_params() > 0


def test_a_run_beyond_memory_ends_the_child_alone(run: Path, here: Catalog) -> None:
    tampered(run, lambda spec: spec["model"].update(hidden=[2_000_000_000, 64]), "spec.json")
    with pytest.raises(UserError, match="must fit into"):
        load_model(run, here)


def test_a_child_that_dies_or_hangs_is_told(run: Path, here: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def died(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], -11, "", "")

    monkeypatch.setattr(foreign.subprocess, "run", died)
    with pytest.raises(UserError, match="signal 11"):
        inspect_run(run, here)
    monkeypatch.undo()
    monkeypatch.setattr(foreign, "_SECONDS", 0.01)
    with pytest.raises(UserError, match="took longer"):
        inspect_run(run, here)


def test_scaling_is_had_again_from_the_authors_data_alone(made: dict[str, Path], work: Path, here: Catalog) -> None:
    spec = read_spec((made["swept"] / "spec.json").read_bytes(), here)
    around = Preprocessing.from_json(read_front(made["swept"] / "front.json"))
    assert measured(spec, here, None) == around
    with pytest.raises(UserError, match="not what the run was trained on"):
        measured(spec, here, "0" * 64)
    table = read_spec((made["table"] / "spec.json").read_bytes(), here)
    with pytest.raises(UserError, match="which is not here"):
        measured(table, here, None)
    shutil.copyfile(made["table"].parents[1] / "t.csv", work / "t.csv")
    around = Preprocessing.from_json(read_front(made["table"] / "front.json"))
    assert measured(table, here, None) == around


def test_all_problems_of_a_spec_are_told_at_once(run: Path, here: Catalog) -> None:
    tampered(run, lambda spec: spec.update(evil=1, seed=-1), "spec.json")
    with pytest.raises(ConfigError) as caught:
        inspect_run(run, here)
    assert {problem.key for problem in caught.value.problems} == {"evil", "seed"}
