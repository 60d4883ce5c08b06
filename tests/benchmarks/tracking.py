"""What tracking costs: a run with it and without; the writer against `log_metric`, call by call."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.benchmarks.timing import Bench, interleaved, report, spent

__all__ = ["measure"]

_RUNS, _EPOCHS, _METRICS = 100, 20, 4
_JOURNALS = f"""
import sys
from pathlib import Path
from dlrun.tracking.journal import Journal
for number in range({_RUNS}):
    run = f"{{number:016x}}"
    run_dir = Path(sys.argv[1]) / "runs" / run
    run_dir.mkdir(parents=True)
    with Journal(run_dir / "journal.jsonl") as journal:
        journal.append("start", run=run, attempt=1, name=run, params={{}}, tags={{}}, sweep=None, trial=None)
        for epoch in range(1, {_EPOCHS} + 1):
            journal.append("epoch", epoch=epoch, metrics={{f"m{{i}}": epoch + i / 8 for i in range({_METRICS})}})
        journal.append("end", status="finished", metrics={{}}, cause=None)
"""
_MAKE = """
import sys
from pathlib import Path
from dlrun.tracking.schema import connect
connect(f"sqlite:///{sys.argv[1]}", Path(sys.argv[1]).parent)
"""
_WRITER = """
import sys
from pathlib import Path
from dlrun.tracking.client import Writer
work = Path(sys.argv[1])
writer = Writer.to(f"sqlite:///{sys.argv[2]}", work)
for run_dir in sorted(work.glob("runs/*")):
    writer.watch(run_dir)
report = writer.close(600)
assert report.complete, report
"""
_CALLS = f"""
import sys, time
from mlflow import MlflowClient
client = MlflowClient(f"sqlite:///{{sys.argv[2]}}")
begun = time.perf_counter()
experiment = client.create_experiment("dlrun", "file:///nowhere")
for number in range({_RUNS}):
    run = client.create_run(experiment, run_name=f"{{number:016x}}").info.run_id
    for epoch in range(1, {_EPOCHS} + 1):
        for i in range({_METRICS}):
            client.log_metric(run, f"m{{i}}", epoch + i / 8, step=epoch)
    client.set_terminated(run)
print(time.perf_counter() - begun)  # without importing MLflow
"""
_RUN = ("-m", "dlrun", "data=digits", "trainer.epochs=20", "callback=[]")


def measure(bench: Bench) -> None:
    """Print both tables."""
    _run(bench)
    _drain(bench)


def _run(bench: Bench) -> None:
    """Start to finish, in directories of their own; the store is there, as from the second run on."""
    scores: dict[str, set[str]] = {"tracked": set(), "not tracked": set()}

    def once(name: str, repetition: int, *words: str) -> float:
        place = bench.place(f"tracking/{name} {repetition}")
        if name == "tracked":
            _store(place / "mlflow.db")
        seconds, _ = spent([*_RUN, *words], place)
        (result,) = place.glob("runs/*/result.json")
        scores[name].add(json.loads(result.read_text())["fingerprint"])
        return seconds

    sides = {
        "not tracked": lambda repetition: once("not tracked", repetition, "tracking=none"),
        "tracked": lambda repetition: once("tracked", repetition),
    }
    seconds = interleaved(sides, bench.repeats)
    assert scores["tracked"] == scores["not tracked"]
    report("One run of a small MLP, start to finish", seconds, ["not tracked"])


def _drain(bench: Bench) -> None:
    """The same runs into a store of each side's own."""
    place = bench.place("drain")
    script = place / "journals.py"
    script.write_text(_JOURNALS, encoding="utf-8")

    def once(name: str, code: str, repetition: int) -> float:
        folder = bench.place(f"drain/{name} {repetition}")
        (folder / "side.py").write_text(code, encoding="utf-8")
        spent([str(script), str(folder)], folder)
        _store(folder / "store.db")
        seconds, told = spent([str(folder / "side.py"), str(folder), str(folder / "store.db")], folder)
        contents[name] = _content(folder / "store.db")
        return float(told) if told else seconds

    contents: dict[str, list[tuple[object, ...]]] = {}
    sides = {
        "log_metric": lambda repetition: once("log_metric", _CALLS, repetition),
        "the writer": lambda repetition: once("the writer", _WRITER, repetition),
    }
    seconds = interleaved(sides, bench.repeats)
    assert contents["log_metric"] == contents["the writer"]
    assert len(contents["the writer"]) == _RUNS * _EPOCHS * _METRICS
    report(f"{_RUNS} runs x {_EPOCHS} epochs x {_METRICS} metrics into sqlite", seconds, ["the writer"])


def _store(path: Path) -> None:
    """A store without runs, in the time of a copy after the first one."""
    made = path.parents[1] / "made.db"
    if not made.exists():
        script = path.parents[1] / "make.py"
        script.write_text(_MAKE, encoding="utf-8")
        spent([str(script), str(made)], path.parents[1])
    with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


def _content(path: Path) -> list[tuple[object, ...]]:
    query = "select r.name, m.key, m.step, m.value from metrics m join runs r using (run_uuid) order by 1, 2, 3"
    with closing(sqlite3.connect(path)) as store:
        return store.execute(query).fetchall()
