"""A run directory has one owner and a true status, whatever happened to its owner."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dlrun.errors import StorageError, UserError
from dlrun.training import environment
from dlrun.training.atomic import write_json
from dlrun.training.outcome import Moment, Outcome
from dlrun.training.rundir import RunDirectory

OWNER = """
import sys, time
from pathlib import Path
from dlrun.training.rundir import RunDirectory
with RunDirectory(Path(sys.argv[1])).owned():
    print("owned", flush=True)
    time.sleep(60)
"""


@dataclass
class Spec:
    seed: int = 0

    def to_json(self) -> str:
        return json.dumps({"seed": self.seed})


@pytest.fixture
def directory(tmp_path):
    return RunDirectory(tmp_path / "runs" / "0123456789abcdef")


def result_of(outcome, **changes):
    began = Moment(date=time.time() + 1e6, ticks=time.perf_counter() - 2)  # and then the calendar was put right
    return replace(outcome.result("0123456789abcdef", "seed=0", "binary", 1, began), **changes)


def test_looking_creates_nothing(directory, tmp_path):
    assert directory.status() == "queued"
    assert directory.result() is None
    assert not directory.is_owned()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_owner_owns_nothing(directory):
    process = subprocess.Popen([sys.executable, "-c", OWNER, directory.path], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "owned\n"
        directory.journal.write_text('{"event": "start"}\n')
        assert directory.is_owned()
        assert directory.status() == "running"
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not directory.is_owned()
        assert directory.status() == "interrupted"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_second_owner_waits_for_the_first(directory):
    order = []

    def second():
        with directory.owned():
            order.append("second")

    thread = threading.Thread(target=second)
    with directory.owned():
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_an_attempt_begins_with_a_clean_directory(directory):
    with directory.owned():
        assert directory.begin(Spec(), {"python": "3"}) == 1
        directory.journal.write_text('{"event": "start"}\n{"event": "epoch"}\n{"event": "sta')
        directory.finish(result_of(Outcome.failed(ValueError("no"))))
        directory.stop.touch()
    assert directory.status() == "failed"
    with directory.owned():
        assert directory.begin(Spec(), {"python": "3"}) == 2
        assert directory.status() == "running"
        assert not directory.stop.exists()
    assert directory.status() == "interrupted"
    assert json.loads((directory.path / "spec.json").read_text()) == {"seed": 0}
    assert json.loads((directory.path / "environment.json").read_text()) == {"python": "3"}


def test_a_result_comes_back_as_it_was_written(directory):
    directory.path.mkdir(parents=True)
    outcome = Outcome("finished", {"loss": 0.5, "val_loss": 0.25}, 2, 2, 3, "val_loss", 10, {"train": 5})
    written = directory.finish(result_of(outcome))
    assert directory.result() == written
    assert written.is_final
    assert written.durations["total_seconds"] == pytest.approx(2, abs=1)
    assert directory.result().path == directory.path
    assert directory.status() == "finished"


def test_numbers_that_json_has_not_are_null(directory):
    directory.path.mkdir(parents=True)
    directory.finish(result_of(Outcome("diverged", {"loss": float("nan"), "val_loss": float("inf")})))
    assert "NaN" not in (directory.path / "result.json").read_text()
    assert directory.result().metrics == {"loss": None, "val_loss": None}
    assert directory.result().is_final


@pytest.mark.parametrize("content", ["", "{", "[]", '{"id": "a"}'])
def test_a_result_that_cannot_be_read_is_none(directory, content):
    directory.path.mkdir(parents=True)
    (directory.path / "result.json").write_text(content)
    assert directory.result() is None


def test_a_run_without_a_model_says_how_to_get_one(directory):
    directory.path.mkdir(parents=True)
    with pytest.raises(UserError, match="save_model=always"):
        directory.finish(result_of(Outcome("finished"))).load_model()


def test_the_log_grows(directory):
    directory.path.mkdir(parents=True)
    directory.log("one")
    directory.log("two\n")
    assert (directory.path / "log.txt").read_text() == "one\ntwo\n"


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(StorageError, match="a file is in the way"), RunDirectory(tmp_path / "runs" / "a").owned():
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="may not write there"), RunDirectory(tmp_path / "runs" / "a").owned():
            pass
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told(directory):
    directory.path.mkdir(parents=True)
    (directory.path / "log.txt").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="the disk is full"):
        directory.log("text")


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    file = tmp_path / "result.json"
    write_json(file, {"a": 1})
    with pytest.raises(TypeError):
        write_json(file, {"a": object()})
    assert json.loads(file.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_the_environment_is_described_without_importing_it(tmp_path):
    found = environment.describe(tmp_path, "dlrun seed=1")
    assert found["command"] == "dlrun seed=1"
    assert set(found["packages"]) >= {"tensorflow", "keras", "numpy"}
    assert found["cpus"] >= 1
    assert found["git"] is None
    environment.write(tmp_path / "new", found)
    assert json.loads((tmp_path / "new" / "environment.json").read_text()) == found


def test_the_commit_of_the_project_is_noted(tmp_path):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", "-C", tmp_path, *identity, *words], check=True, capture_output=True)

    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "one")
    clean = environment.describe(tmp_path, "")["git"]
    assert len(clean["commit"]) == 40
    assert (clean["dirty"], clean["diff"]) == (False, None)
    (tmp_path / "a").write_text("2")
    changed = environment.describe(tmp_path, "")
    assert changed["git"]["dirty"] is True
    run = tmp_path / "runs" / "x"
    environment.write(run, changed)
    git("checkout", "a")
    git("apply", run / environment.UNCOMMITTED)  # the run's own files again
    assert (tmp_path / "a").read_text() == "2"
    described = json.loads((run / environment.ENVIRONMENT).read_text())["git"]
    assert len(described["diff"]) == 64 and described["commit"] == clean["commit"]
    environment.write(run, {**changed, "git": clean})
    assert not (run / environment.UNCOMMITTED).exists()
