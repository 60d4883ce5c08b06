"""A secret is nowhere but in the environment: searched for in every byte that a command leaves or prints."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun import api
from dlrun.planning import Planner
from dlrun.tracking.secret import Secrets

CANARY = "kanarienvogel7"
AWAY = f"http://me:{CANARY}@127.0.0.1:9/{CANARY}-path"
ADDRESS = "tracking.uri=${oc.env:DLRUN_CANARY}"
FORMS = (CANARY, CANARY.upper(), "".join(f"%{byte:02x}" for byte in CANARY.encode()))
Call = Callable[..., subprocess.CompletedProcess[str]]


def found_in(folder: Path) -> list[str]:
    """Files whose bytes hold the canary, sqlite's and hidden ones included."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(form.encode() in path.read_bytes() for form in FORMS)
    ]


def printed(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


QUICK = ("data=iris", "trainer.epochs=1", ADDRESS, "tracking.wait_seconds=2")


def test_a_store_that_is_away_leaves_its_address_nowhere(dlrun: Call, work: Path) -> None:
    done = dlrun(*QUICK, DLRUN_CANARY=AWAY)
    assert done.returncode == 0, printed(done)
    assert "1 run is not in ${oc.env:DLRUN_CANARY} yet" in done.stderr
    assert [*work.glob("runs/.writer-*.log")], "its log says why"
    for words in (["runs"], ["compare", "--json"], ["config", *QUICK]):
        assert CANARY not in printed(dlrun(*words, DLRUN_CANARY=AWAY)), words
    assert found_in(work) == []


def test_a_store_of_a_secret_name_is_written_and_not_named(dlrun: Call, work: Path, tmp_path_factory) -> None:
    store = tmp_path_factory.mktemp("elsewhere") / f"{CANARY}.db"
    words = ("-m", *QUICK, "seed=1,2", "tags.team=${tracking.experiment}", "tracking.wait_seconds=60")
    done = dlrun(*words, DLRUN_CANARY=f"sqlite:///{store}")
    assert (done.returncode, "yet" in done.stderr) == (0, False), printed(done)
    assert store.stat().st_size > 0
    assert CANARY not in printed(done)
    assert found_in(work) == []
    assert found_in(store.parent) == []


def test_a_run_that_fails_tells_nothing(dlrun: Call, work: Path) -> None:
    (work / "conf" / "callback").mkdir(parents=True)
    (work / "conf" / "project.yaml").write_text("tracking: {uri: '${oc.env:DLRUN_CANARY}', wait_seconds: 1}\n")
    (work / "conf" / "callback" / "bad.yaml").write_text("# Bad\n_target_: bad.Bad\n")
    (work / "bad.py").write_text(
        "import keras\n\n\nclass Bad(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n        raise ValueError('broken')\n"
    )
    done = dlrun("data=iris", "trainer.epochs=1", "callback=[bad]", DLRUN_CANARY=AWAY)
    assert done.returncode == 1, printed(done)
    (log,) = work.glob("runs/*/log.txt")
    assert "ValueError: broken" in log.read_text()
    assert CANARY not in printed(done)
    for words in (["doctor"], ["ui", "--no-browser"], ["config"], ["--cfg", "job", "--resolve"], ["--cfg", "hydra"]):
        assert CANARY not in printed(dlrun(*words, DLRUN_CANARY=AWAY)), words
    assert found_in(work) == []


WRONG = {
    "a folder that is not there": f"sqlite:////nowhere/{CANARY}/x.db",
    "no store": f"ftp://{CANARY}/x",
    "a driver that is not there": f"mysql+{CANARY}://x",
    "a plain folder": f"/{CANARY}",
    "nonsense": CANARY,
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_address_that_is_refused_is_not_quoted(
    kind: str, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dlrun.cli.main import main

    monkeypatch.setenv("DLRUN_CANARY", WRONG[kind])
    words = ([ADDRESS], ["config", ADDRESS], [ADDRESS, "name=${tracking.uri}"], [ADDRESS, "data=${tracking.uri}"])
    for each in words:
        assert main(each) == 2, each
        out, err = capsys.readouterr()
        assert CANARY not in out + err, each
        assert "DLRUN_CANARY" in err or "tracking.uri" in err
    assert list(work.iterdir()) == []


def test_pieces_of_a_secret_are_hidden_in_any_form() -> None:
    secrets = Secrets({"STORE": "postgresql://me:p%40ss-word@db.example.org:5432/runs?x=1", "EMPTY": ""})
    hidden = secrets.hidden
    assert hidden("to postgresql://me:p%40ss-word@db.example.org:5432/runs?x=1!") == "to ${oc.env:STORE}!"
    assert "-word" not in hidden("password p@ss-word and p%40ss-word of db.example.org")
    assert hidden("HTTPConnectionPool(host='db.example.org', port=5432)") == "HTTPConnectionPool(host='***', port=5432)"
    assert hidden("http://me:other@x and nothing else") == "http://me:***@x and nothing else"
    assert Secrets({}).hidden("as it is") == "as it is"


def test_a_stream_hides_what_comes_in_parts() -> None:
    script = (
        "import sys, logging\nfrom dlrun.tracking.secret import HidingStream, Secrets\n"
        f"sys.stderr = HidingStream(sys.stderr, Secrets({{'S': '{CANARY}'}}))\n"
        f"sys.stderr.write('{CANARY[:5]}'); sys.stderr.write('{CANARY[5:]}\\n')\n"
        f"logging.warning('%s', '{CANARY}')\nraise ValueError('{CANARY}')\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    lines = [line for line in done.stderr.splitlines() if "oc.env:S" in line]
    assert len(lines) >= 3
    # the last line of a traceback holds the script's own text only in Python's source excerpt, which there is none of
    assert CANARY not in done.stderr


def test_the_search_would_find_it(work: Path) -> None:
    (work / "a").mkdir()
    (work / "a" / ".b").write_bytes(b"\0x" + CANARY.encode())
    assert found_in(work) == ["a/.b"]


def test_a_secret_in_what_is_not_committed_is_hidden_where_it_is_kept(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True, capture_output=True)

    git("init")
    (work / ".env").write_text("STORE=\n")
    git("add", ".env")
    git("commit", "-m", "one")
    (work / ".env").write_text(f"STORE={AWAY}\n")
    monkeypatch.setenv("DLRUN_CANARY", AWAY)
    planner = Planner(work)
    plan = planner.plan([ADDRESS], sweep=False)
    diff = api._surroundings(plan, planner.roots, "dlrun")["git"]["diff"]
    assert "+STORE=${oc.env:DLRUN_CANARY}" in diff
    assert CANARY not in diff
