"""What bad input gets: a table of it.

The table is in `bad_input`. Every row is held to the same: all problems at once and no other, exit code 2, no
traceback, no framework imported, less than a second, and nothing in the directory made or changed.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_input import CONTRADICTIONS, DATA, EVERY, FILES, VALUES, Row

from dlrun.cli.main import main
from dlrun.errors import ExitCode
from dlrun.tracking.journal import read

FRAMEWORKS = ("tensorflow", "keras", "mlflow", "sklearn", "pandas")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told(text: str) -> list[str]:
    """The problems that a message tells, each on one line."""
    problems = text.strip().partition("\n\nThe command that was probably meant:")[0]
    blocks = [" ".join(block.split()) for block in problems.split("\n\n")]
    return blocks[1:] if re.match(r"\d+ problems? ", blocks[0]) else blocks


def matches(expected: str, found: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in expected.split("...")), found) is not None


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """What tests before these have left in memory, TensorFlow perhaps, is not gone through on a command's time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def untouched(work: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory of a command that must not get as far as a framework."""
    for name in FRAMEWORKS:
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises
    monkeypatch.setattr("dlrun.tracking.client.Writer.start", lambda *_: pytest.fail("it went on"))
    monkeypatch.delenv("DLRUN_NONE", raising=False)
    return work


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.words)
def test_it_is_told(case: Row, untouched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(case, untouched)
    before = contents(untouched)
    began = time.process_time()
    code = main(shlex.split(case.words))
    took = time.process_time() - began
    out, err = capsys.readouterr()
    problems = told(err)
    unmet = [says for says in case.says if not any(matches(says, problem) for problem in problems)]
    assert unmet == [], f"not among: {problems}"
    assert len(problems) == len(case.says), problems
    assert (code, out) == (ExitCode.WRONG_CALL, "")
    assert contents(untouched) == before
    assert not {path.name for path in untouched.iterdir()} - {Path(name).parts[0] for name in case.files}
    assert took < 1.0


def write(case: Row, folder: Path) -> None:
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


FRESH = """
import json, sys
from dlrun.cli.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted({"tensorflow", "keras", "mlflow", "sklearn", "pandas"} & set(sys.modules))]))
"""


@pytest.mark.parametrize("case", [VALUES[0], CONTRADICTIONS[8], FILES[0], DATA[-1]], ids=lambda case: case.words)
def test_a_process_of_its_own_imports_no_framework(case: Row, work: Path) -> None:
    write(case, work)
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *shlex.split(case.words)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [2, []]
    assert "Traceback" not in done.stderr


def test_every_kind_of_the_messages_parts_is_in_the_table() -> None:
    """The comparison can fail: it tells a wrong key, rule, value, mend and place apart."""
    text = "model.dropout must be a number in [0, 1); got 1.5. Type less. (command line)"
    assert matches("model.dropout must ...; got 1.5. ... (command line)", text)
    for wrong in ("model.drop must ...", "... got 2. ...", "... Type more. ...", "...(project.yaml:3)"):
        assert not matches(wrong, text)
    assert told(f"2 problems in the config\n\n  a must.\n    b\n\n  {text}\n") == ["a must. b", text]


Disk = namedtuple("Disk", "total used free")


def test_a_full_disk_is_told_before_anything_is_made(
    untouched: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**9, 10**9, 4096))
    assert main(["data=iris"]) == ExitCode.WRONG_CALL
    assert "the disk is full. Free some space" in capsys.readouterr().err
    assert contents(untouched) == {}


def test_a_directory_of_somebody_else_is_told(
    untouched: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # whoever is root may write everywhere: the answer of the operating system is what is made up here
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert main(["data=iris", "tracking=none"]) == ExitCode.WRONG_CALL
    assert "this user may not write there" in capsys.readouterr().err
    assert contents(untouched) == {}


def test_a_store_that_is_refused_is_left_as_it_was(untouched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (untouched / "mlflow.db").mkdir()
    assert main(["data=iris"]) == ExitCode.WRONG_CALL
    assert "it is a folder" in capsys.readouterr().err


RUNS_FULL = """
import resource, signal, sys
sys.dont_write_bytecode = True  # half a file of bytecode would outlive this process
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from dlrun.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system limits no file's size")
def test_a_disk_that_fills_up_while_a_run_trains_loses_nothing_that_was_journaled(work: Path) -> None:
    words = ["data=iris", "trainer.epochs=100", "callback=[]", "tracking=none"]
    limit = 20_000
    done = subprocess.run(
        [sys.executable, "-c", RUNS_FULL, str(limit), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode in (ExitCode.FAILED, ExitCode.WRONG_CALL)
    assert "journal.jsonl cannot be written: " + os.strerror(errno.EFBIG) in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (journal,) = work.glob("runs/*/journal.jsonl")
    events = read(journal)
    assert [event.seq for event in events] == list(range(len(events)))
    epochs = [event["epoch"] for event in events if event.event == "epoch"]
    assert epochs == list(range(1, len(epochs) + 1))
    assert len(epochs) > 10
    assert (journal.parent / "spec.json").stat().st_size > 0
