"""The index of many runs: it says what the directories say, and nothing that happens to it does harm."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from analysis.synthetic import Project
from dlrun.analysis import index
from dlrun.analysis.index import INDEX, read_all, read_some
from dlrun.analysis.record import RunRecord, read_run
from dlrun.analysis.runs import read_runs, read_sweep
from dlrun.tracking.journal import Journal

_MANY = 14


@pytest.fixture
def many(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """As many runs as are worth an index here: one failed, one torn, one stopped, one with labels."""
    monkeypatch.setattr(index, "_WORTHWHILE", _MANY - 4)
    monkeypatch.setattr(index, "_NEWS", 1)
    monkeypatch.setattr(index, "_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(index, "_SETTLED_NS", 0)  # the runs are written a moment ago
    for number in range(_MANY - 4):
        settings = {"optimizer.learning_rate": 0.001 * (number % 7 + 1), "seed": number // 7}
        project.run(settings, {"test_accuracy": 0.9 + number / 3000, "loss": 1 / 3})
    project.run({"seed": 100}, {"loss": 0.5}, "failed", cause={"kind": "E", "message": "a shape"})
    project.run({"seed": 101}, {}, status=None)
    labelled, torn = project.run({"seed": 102}, {"loss": 1.0}), project.run({"seed": 103}, {"loss": 1.0})
    with Journal(project.work / "runs" / labelled / "journal.jsonl") as journal:
        journal.append("labels", tags={"idea": "x"}, note="read me", archived=True)
    (project.work / "runs" / torn / "spec.json").write_text("{")
    return project


def straight(project: Project) -> dict[str, RunRecord]:
    """The runs as their directories say, one by one."""
    found = (read_run(path) for path in (project.work / "runs").iterdir() if path.is_dir())
    return {run.id: run for run in found if run is not None}


def by_id(project: Project) -> dict[str, RunRecord]:
    return {run.id: run for run in read_all(project.work / "runs")}


def never(monkeypatch: pytest.MonkeyPatch, allowed: int = 0) -> list[str]:
    """The runs whose files are read from now on; more of them than `allowed` fail."""
    read: list[str] = []
    real = index.read_said

    def watched(path: Path, *others: object) -> object:
        read.append(path.name)
        assert len(read) <= allowed, f"read again: {read}"
        return real(path, *others)

    monkeypatch.setattr(index, "read_said", watched)
    return read


def test_it_says_what_the_directories_say(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = straight(many)
    assert by_id(many) == expected
    never(monkeypatch, allowed=1)  # the one without a result
    warm = by_id(many)
    assert warm == expected and len(warm) == _MANY
    assert {run.id: dict(run.result) for run in warm.values()} == {k: dict(run.result) for k, run in expected.items()}
    assert [key for run in warm.values() for key in run.spec] == [key for k in warm for key in expected[k].spec]


def test_a_changed_run_is_read_again_and_no_other(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    by_id(many)
    first, second, third, gone, *_ = sorted(run.id for run in by_id(many).values() if run.status == "finished")
    runs = many.work / "runs"
    result = json.loads((runs / first / "result.json").read_text()) | {"metrics": {"loss": 7.0}}
    (runs / first / "aside").write_text(json.dumps(result))
    (runs / first / "aside").replace(runs / first / "result.json")
    with Journal(runs / second / "journal.jsonl") as journal:
        journal.append("labels", tags={}, note="new", archived=False)
    (runs / third / "spec.json").write_text((runs / third / "spec.json").read_text().replace("digits", "wine"))
    for path in (runs / gone).iterdir():
        path.unlink()
    (runs / gone).rmdir()
    read = never(monkeypatch, allowed=4)
    found = by_id(many)
    assert {first, second, third} < set(read)
    assert found[first].metrics == {"loss": 7.0}
    assert found[second].labels.note == "new"
    assert found[third].spec["data.option"] == "wine"
    assert gone not in found


def test_whether_a_run_is_alive_is_never_taken_from_it(many: Project) -> None:
    (failed,) = (run for run in by_id(many).values() if run.status == "failed")
    with FileLock(failed.path / ".lock"):
        assert by_id(many)[failed.id].status == "running"
    assert by_id(many)[failed.id].status == "failed"


def as_garbage(path: Path) -> None:
    path.write_bytes(b"no database at all" * 500)


def as_a_torn_one(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9000])


def with_a_page_of_noise(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:16384] = os.urandom(12288)
    path.write_bytes(bytes(content))


def as_somebody_elses(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as store:
        store.execute("create table run (mine text)")


def as_another_version(path: Path) -> None:
    with sqlite3.connect(path) as store:
        store.execute("pragma user_version = 999")


def with_rows_that_lead_nowhere(path: Path) -> None:
    with sqlite3.connect(path) as store:
        store.execute("update run set spec = x'ffffff7f', head = 99999")


def with_parts_that_are_no_json(path: Path) -> None:
    with sqlite3.connect(path) as store:
        store.execute("update part set content = 'not json' where id = 1")


def as_a_killed_writer_leaves_it(path: Path) -> None:
    code = (
        "import os, sqlite3, sys; store = sqlite3.connect(sys.argv[1]); store.execute('pragma cache_size = 1');"
        "store.execute('begin immediate'); store.execute('update run set name = hex(randomblob(3000))'); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert Path(f"{path}-journal").stat().st_size > 0


DAMAGES = [
    as_garbage,
    as_a_torn_one,
    with_a_page_of_noise,
    as_somebody_elses,
    as_another_version,
    with_rows_that_lead_nowhere,
    with_parts_that_are_no_json,
    as_a_killed_writer_leaves_it,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_no_good_is_made_anew(
    many: Project, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = by_id(many)
    damage(many.work / "runs" / INDEX)
    assert by_id(many) == expected
    never(monkeypatch, allowed=1)
    assert by_id(many) == expected


def test_where_it_cannot_be_written_all_goes_on(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (many.work / "runs" / INDEX).mkdir()  # also of root, whom no permission keeps from writing
    assert by_id(many) == straight(many)

    def refuse(*_: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(index, "_connected", refuse)
    assert by_id(many) == straight(many)


def test_a_writer_is_not_waited_for_and_its_file_not_thrown_away(many: Project) -> None:
    expected = by_id(many)
    path = many.work / "runs" / INDEX
    before = path.stat().st_ino
    with sqlite3.connect(path, isolation_level=None) as store:
        store.execute("begin exclusive")
        assert by_id(many) == expected
    assert path.stat().st_ino == before


def test_commands_at_one_time_do_each_other_no_harm(many: Project) -> None:
    code = (
        "import sys; from pathlib import Path; from dlrun.analysis import index\n"
        "from dlrun.analysis.index import INDEX, read_all\n"
        "index._WORTHWHILE = index._NEWS = 1; index._SETTLED_NS = 0\n"
        "folder = Path(sys.argv[1])\n"
        "for _ in range(5):\n"
        "    assert len(read_all(folder)) == int(sys.argv[2])\n"
        "    (folder / INDEX).write_bytes(b'broken')\n"
    )
    words = [sys.executable, "-c", code, str(many.work / "runs"), str(_MANY)]
    processes = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[1] for process in processes] == ["", ""]
    assert by_id(many) == straight(many)


def test_a_few_runs_have_no_index(project: Project) -> None:
    project.accuracies({0.001: [0.9, 0.8]})
    assert len(read_runs(project.work)) == 2
    assert not (project.work / "runs" / INDEX).exists()


def test_a_sweep_of_many_takes_its_runs_from_it(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = sorted(run.id for run in by_id(many).values() if run.status != "interrupted")
    sweep = read_sweep(many.work / "sweeps" / many.sweep({"a": [*ids, "f" * 16]}))
    assert sweep is not None
    statuses = {run.id: run.status for run in by_id(many).values()}
    never(monkeypatch, allowed=2)  # the one that is not there, and then the one without a result
    assert [run.status for run in sweep.records()] == [statuses[run] for run in ids] + ["queued"]
    assert set(read_some(many.work / "runs", ids)) == set(ids)
    assert len(by_id(many)) == _MANY, "rows of runs that were not asked for stay"


def test_a_row_of_a_run_that_is_gone_goes_too(many: Project) -> None:
    found = by_id(many)
    gone = next(run for run in found.values() if run.status == "finished")
    shutil.rmtree(gone.path)
    by_id(many)
    with sqlite3.connect(many.work / "runs" / INDEX) as store:
        kept = {name for (name,) in store.execute("select id from run")}
    assert gone.id not in kept
    assert len(kept) == _MANY - 2  # nor has the one without a result any


def test_another_file_of_the_same_time_and_size_is_read_again(many: Project) -> None:
    run = next(run for run in by_id(many).values() if run.status == "finished" and run.metrics.get("loss") == 1 / 3)
    path = run.path / "result.json"
    before, content = path.stat(), path.read_text()
    aside = path.with_name("aside")
    aside.write_text(content.replace("0.3333333333333333", "0.4444444444444444"))
    os.utime(aside, ns=(before.st_atime_ns, before.st_mtime_ns))
    aside.replace(path)
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (before.st_mtime_ns, before.st_size)
    assert by_id(many)[run.id].metrics["loss"] == 0.4444444444444444


def test_while_somebody_writes_it_nothing_is_written(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = by_id(many)
    written: list[object] = []
    monkeypatch.setattr(index, "_write", lambda *words: written.append(words))
    with sqlite3.connect(many.work / "runs" / INDEX, isolation_level=None) as store:
        store.execute("begin exclusive")
        assert by_id(many) == expected
    assert written == []


def test_what_was_changed_a_moment_ago_is_not_kept(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system whose times are of whole seconds the next change would not be seen."""
    monkeypatch.setattr(index, "_SETTLED_NS", 2_000_000_000)
    ids = sorted(run.id for run in by_id(many).values() if run.status == "finished")
    long_ago = time.time() - 60
    for name in ids[1:]:
        for path in (many.work / "runs" / name).iterdir():
            os.utime(path, (long_ago, long_ago))
    by_id(many)
    never(monkeypatch, allowed=4)  # the first, the failed, the torn and the one without a result
    path = many.work / "runs" / ids[0] / "result.json"
    before, content = path.stat(), path.read_text()
    path.write_text(content.replace('"loss": 0.3333333333333333', '"loss": 0.5555555555555555'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert by_id(many)[ids[0]].metrics != json.loads(content)["metrics"]


def test_half_a_surrogate_pair_in_a_name_is_no_error(many: Project) -> None:
    path = many.work / "runs" / sorted(by_id(many))[0] / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": "a \ud800 b"}))
    odd = many.work / "runs" / os.fsdecode(b"\xff")
    shutil.copytree(path.parent, odd)
    for _ in range(2):
        found = by_id(many)
        assert found[path.parent.name].name == found[odd.name].name == "a \ud800 b"
        assert found == straight(many)


def test_a_large_sweep_that_has_not_begun_has_no_folder_of_runs(project: Project) -> None:
    names = [f"{number:016x}" for number in range(150)]
    sweep = read_sweep(project.work / "sweeps" / project.sweep({"a": names}))
    assert sweep is not None
    assert {run.status for run in sweep.records()} == {"queued"}


def test_the_digest_of_the_data_is_kept(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(run.id for run in by_id(many).values() if run.status == "finished")
    with Journal(many.work / "runs" / name / "journal.jsonl") as journal:
        journal.append("data", name="digits", digest="d" * 64)
    by_id(many)
    never(monkeypatch, allowed=1)
    assert by_id(many)[name].digest == "d" * 64
