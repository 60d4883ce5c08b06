"""The fault table: what befalls the store while a run trains x training unharmed, events kept, sync completes.

    python -m pytest tests/tracking/test_faults.py -m slow -rP

prints, for each fault, the seconds that training took and those that the command waited for the store at its end.
"""

from __future__ import annotations

import re
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from stores import MlflowServer, Postgres, Proxy, wait_until

from dlrun.api import Answer, answer_to
from dlrun.tracking.journal import read
from dlrun.tracking.state import all_synced, pending
from dlrun.tracking.store import store_uri
from dlrun.workflows.sync import Sent, batches, send

pytestmark = pytest.mark.slow

EPOCHS = 30
WORDS = ["data=wine", f"trainer.epochs={EPOCHS}", "callback=[]"]
STRIKES_AT = 5  # the epoch


@dataclass
class Trained:
    """One command, and what it took."""

    answer: Answer
    directory: Path
    seconds: float
    waited: float
    marks: dict[str, float] = field(default_factory=dict)


def train(work: Path, words: list[str], strike: Callable[[], None] | None = None) -> Trained:
    """Train in `work`; at an epoch, `strike` is called: what it takes is not counted."""
    began, lost, marks = time.monotonic(), 0.0, {}

    def listen(event: str, fields: Any) -> None:
        nonlocal lost
        if event == "epoch" and fields["epoch"] == STRIKES_AT and strike is not None:
            before = time.monotonic()
            strike()
            lost = time.monotonic() - before
        marks[event] = time.monotonic()

    work.mkdir(exist_ok=True)
    answer = answer_to([*WORDS, *words], False, listen, directory=work)
    (directory,) = [path.parent for path in work.glob("runs/*/journal.jsonl")]
    return Trained(answer, directory, marks["end"] - began - lost, time.monotonic() - marks["end"])


def sync(work: Path, uri: str) -> Sent:
    (batch,) = batches(sorted(path.parent for path in work.glob("runs/*/journal.jsonl")), work, {})
    assert batch.uri == uri
    return send(batch, work)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The run without tracking."""
    train(tmp_path_factory.mktemp("first"), ["tracking=none"])  # the first one in a process takes seconds
    return train(tmp_path_factory.mktemp("alone"), ["tracking=none"])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, alone: Trained) -> Path:
    """A sqlite store without runs, made once."""
    work = tmp_path_factory.mktemp("store")
    train(work, [])
    with closing(sqlite3.connect(work / "mlflow.db", isolation_level=None)) as file:
        for table in ("metrics", "latest_metrics", "params", "tags", "inputs", "input_tags", "datasets", "runs"):
            file.execute(f"delete from {table}")
    return work / "mlflow.db"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def proxy(server: MlflowServer) -> Iterator[Proxy]:
    proxy = Proxy(server.port)
    yield proxy
    proxy.mode = "pass"
    proxy.stop()


def loss_steps(file: Path, run_id: str) -> list[int]:
    """The steps of one metric in a store: each once, or it is there twice."""
    with closing(sqlite3.connect(file)) as content:
        query = "select step from metrics where run_uuid = ? and key = 'loss' order by step"
        return [step for (step,) in content.execute(query, (run_id,))]


def unharmed(trained: Trained, alone: Trained, name: str) -> None:
    """The same bits as without tracking, and every event in the journal."""
    result, expected = trained.answer.result, alone.answer.result
    assert (result.status, result.fingerprint) == ("finished", expected.fingerprint)
    assert result.metrics == expected.metrics
    events = read(trained.directory / "journal.jsonl")
    assert [event.seq for event in events] == list(range(len(events)))
    assert [event["epoch"] for event in events if event.event == "epoch"] == list(range(1, EPOCHS + 1))
    assert events[-1].event == "end"
    more = trained.seconds - alone.seconds
    print(f"{name:<28} training {trained.seconds:5.2f} s ({more:+.2f} s), then waited {trained.waited:5.2f} s for it")  # noqa: T201


def kept_and_told(trained: Trained, uri: str, says: str) -> None:
    report = trained.answer.store
    assert report is not None
    assert (report.complete, report.pending) == (False, 1)
    assert re.search(says, report.error or ""), report.error
    assert pending([trained.directory], uri) == [trained.directory]


def completed(trained: Trained, work: Path, uri: str) -> str:
    """Sync sends the rest, and then there is nothing to send; MLflow's id of the run."""
    first = sync(work, uri)
    assert (first.sent, first.missing, first.why) == (1, 0, None)
    assert sync(work, uri).sent == 0
    return all_synced(trained.directory)[-1].mlflow_run_id


def until_synced(work: Path) -> None:
    """Wait until the writer has sent something of the run."""
    wait_until(lambda: any(all_synced(path.parent) for path in work.glob("runs/*/journal.jsonl")))


def local(tmp_path: Path, store: Path) -> tuple[Path, str]:
    """A directory with a store that is ready."""
    shutil.copy(store, tmp_path / "mlflow.db")
    return tmp_path, store_uri({}, tmp_path)


def test_a_store_that_somebody_locks(tmp_path: Path, store: Path, alone: Trained) -> None:
    work, uri = local(tmp_path, store)
    with closing(sqlite3.connect(work / "mlflow.db", isolation_level=None, check_same_thread=False)) as other:

        def strike() -> None:
            until_synced(work)
            other.execute("begin immediate")

        trained = train(work, [], strike)
        unharmed(trained, alone, "locked")
        kept_and_told(trained, uri, "another program keeps it locked")
    assert loss_steps(work / "mlflow.db", completed(trained, work, uri)) == list(range(1, EPOCHS + 1))


def test_a_store_that_cannot_be_written(tmp_path: Path, store: Path, alone: Trained) -> None:
    """Whoever is root may write what is read-only, so sqlite's own words are put into its mouth."""
    work, uri = local(tmp_path, store)
    path = work / "mlflow.db"

    def strike() -> None:
        until_synced(work)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            says = "select raise(abort, 'attempt to write a readonly database')"
            other.execute(f"create trigger refuse before insert on metrics begin {says}; end")

    trained = train(work, [], strike)
    unharmed(trained, alone, "read-only")
    kept_and_told(trained, uri, "cannot be written")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("drop trigger refuse")
    assert loss_steps(path, completed(trained, work, uri)) == list(range(1, EPOCHS + 1))


def test_a_store_whose_file_is_deleted_is_made_anew(tmp_path: Path, store: Path, alone: Trained) -> None:
    work, uri = local(tmp_path, store)

    def strike() -> None:
        until_synced(work)
        (work / "mlflow.db").unlink()

    trained = train(work, ["tracking.wait_seconds=60"], strike)
    unharmed(trained, alone, "file deleted")
    assert trained.answer.store is not None
    assert trained.answer.store.complete, trained.answer.store
    run_id = all_synced(trained.directory)[-1].mlflow_run_id
    assert loss_steps(work / "mlflow.db", run_id) == list(range(1, EPOCHS + 1))
    assert sync(work, uri).sent == 0


def test_a_folder_of_files_that_is_gone(tmp_path: Path, store: Path, alone: Trained) -> None:
    work, uri = local(tmp_path, store)

    def strike() -> None:
        until_synced(work)
        shutil.rmtree(work / "mlartifacts", ignore_errors=True)
        (work / "mlartifacts").write_text("something else")

    with closing(sqlite3.connect(work / "mlflow.db", isolation_level=None)) as file:
        file.execute("delete from experiments where name = 'dlrun'")  # its files lie where the store was made
    trained = train(work, [], strike)
    unharmed(trained, alone, "folder of files gone")
    kept_and_told(trained, uri, "(Not a directory|File exists): .*mlartifacts")
    (work / "mlartifacts").unlink()
    run_id = completed(trained, work, uri)
    assert loss_steps(work / "mlflow.db", run_id) == list(range(1, EPOCHS + 1))
    assert (work / "mlartifacts" / "dlrun" / run_id / "artifacts" / "spec.json").is_file()


def test_a_writer_that_is_killed(tmp_path: Path, store: Path, alone: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    import dlrun.tracking.client as client

    work, uri = local(tmp_path, store)
    writers = []
    start = client.Writer.to
    monkeypatch.setattr(client.Writer, "to", lambda *given: writers.append(start(*given)) or writers[-1])

    def strike() -> None:
        until_synced(work)
        writers[0]._process.kill()

    trained = train(work, [], strike)
    unharmed(trained, alone, "writer killed")
    kept_and_told(trained, uri, "writer died")
    assert loss_steps(work / "mlflow.db", completed(trained, work, uri)) == list(range(1, EPOCHS + 1))


def test_a_server_that_is_not_there(tmp_path: Path, server: MlflowServer, proxy: Proxy, alone: Trained) -> None:
    trained = train(tmp_path, [f"tracking.uri={proxy.uri}"], lambda: time.sleep(4))  # the writer has time to ask
    unharmed(trained, alone, "refused")
    kept_and_told(trained, proxy.uri, "nobody answers at its address")
    proxy.start()
    assert loss_steps(server.file, completed(trained, tmp_path, proxy.uri)) == list(range(1, EPOCHS + 1))


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("500", r"an error of its own \(5xx\)"),
        ("silent", "takes requests and does not answer"),
        ("torn", "broke off in the middle of an answer"),
    ],
)
def test_a_server_that_spoils_its_answers(
    tmp_path: Path, server: MlflowServer, proxy: Proxy, alone: Trained, mode: str, says: str
) -> None:
    proxy.start()

    def strike() -> None:
        until_synced(tmp_path)
        proxy.mode = mode

    trained = train(tmp_path, [f"tracking.uri={proxy.uri}"], strike)
    unharmed(trained, alone, f"server: {mode}")
    kept_and_told(trained, proxy.uri, says)
    proxy.mode = "pass"
    assert loss_steps(server.file, completed(trained, tmp_path, proxy.uri)) == list(range(1, EPOCHS + 1))


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_server_that_is_stopped_or_killed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, alone: Trained, number: signal.Signals
) -> None:
    server = MlflowServer(tmp_path_factory.mktemp("own"))
    server.start()
    uri = f"http://127.0.0.1:{server.port}"
    try:

        def strike() -> None:
            until_synced(tmp_path)
            server.signal(number)

        trained = train(tmp_path, [f"tracking.uri={uri}"], strike)
        unharmed(trained, alone, f"server: {number.name}")
        kept_and_told(trained, uri, "does not answer|nobody answers|broke off")
        if number == signal.SIGSTOP:
            server.signal(signal.SIGCONT)
        else:
            server.stop()
            server.start()
        assert loss_steps(server.file, completed(trained, tmp_path, uri)) == list(range(1, EPOCHS + 1))
    finally:
        server.stop()


def test_a_server_that_wants_a_token(
    tmp_path: Path, server: MlflowServer, proxy: Proxy, alone: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.mode = "token"
    proxy.start()
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "a-wrong-token")
    trained = train(tmp_path, [f"tracking.uri={proxy.uri}"], lambda: time.sleep(4))
    unharmed(trained, alone, "wrong token")
    kept_and_told(trained, proxy.uri, r"asks who you are \(401\). Set MLFLOW_TRACKING_TOKEN")
    proxy.mode = "403"
    assert "does not let this user write (403)" in (sync(tmp_path, proxy.uri).why or "")
    proxy.mode = "token"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", Proxy.TOKEN)
    assert loss_steps(server.file, completed(trained, tmp_path, proxy.uri)) == list(range(1, EPOCHS + 1))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    for token in (b"a-wrong-token", Proxy.TOKEN.encode()):
        assert not [path for path in written if token in path.read_bytes()]


def test_a_postgres_that_dies_while_it_is_written(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, alone: Trained
) -> None:
    if why := Postgres.missing():
        pytest.skip(why)
    database = Postgres(tmp_path_factory.mktemp("postgres"))
    database.start()
    try:

        def strike() -> None:
            until_synced(tmp_path)
            database.stop()

        trained = train(tmp_path, [f"tracking.uri={database.uri}"], strike)
        unharmed(trained, alone, "PostgreSQL dies")
        kept_and_told(trained, database.uri, "nobody answers|broke off")
        database.start()
        run_id = completed(trained, tmp_path, database.uri)
        query = f"select step from metrics where run_uuid = '{run_id}' and key = 'loss' order by step"
        assert [step for (step,) in database.query(query)] == list(range(1, EPOCHS + 1))
    finally:
        database.stop()


def test_the_table_would_notice_a_loss(alone: Trained) -> None:
    """What is asserted of every fault can fail."""
    with pytest.raises(AssertionError):
        kept_and_told(alone, store_uri({}, alone.directory.parents[1]), "")
