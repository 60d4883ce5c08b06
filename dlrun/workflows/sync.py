"""Send to the tracking stores what they have not got yet."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf.errors import OmegaConfBaseException

from dlrun.config.secrets import resolved, values_in
from dlrun.errors import Problem, StorageError, UserError
from dlrun.tracking import children, sqlitefile
from dlrun.tracking.client import Writer
from dlrun.tracking.faults import of_runs, told
from dlrun.tracking.secret import Secrets
from dlrun.tracking.state import Note, forget, pending
from dlrun.tracking.store import database, is_database, problems, redacted, store_uri, token
from dlrun.tracking.tombstones import tombstones

__all__ = ["Batch", "Sent", "Upgraded", "batches", "faults_of", "send", "upgrade"]

_LONGEST_SECONDS = 1e6  # a store that takes what it is given is given all
_AWAY_SECONDS = 5.0  # how long one that is away is waited for
_NO_STORE = "tracking=none records nothing; --to URI sends it all the same"


@dataclass
class Batch:
    """Runs that go to one store.

    Attributes:
        node: the `tracking` keys that name it, environment variables put in; empty when there is none to send to.
        uri: the store; empty as well.
        why_not: why they cannot be sent, completing "they are not sent: ..."; None when they can.
        is_wanted: whether they are to be in a store at all.
    """

    node: Mapping[str, Any]
    uri: str
    secrets: Mapping[str, str]
    why_not: str | None = None
    is_wanted: bool = True
    runs: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Sent:
    """What became of a batch.

    Attributes:
        store: its URI without passwords; empty when there is none.
        runs: how many runs belong there.
        sent: how many the store has got now, and had not before.
        missing: how many it has still not got everything of; those that record nothing are not missed.
        why: why not, as a sentence without its full stop.
        deleted: how many runs were deleted there, because they were deleted here.
        is_looked_up: whether the store was asked what it holds, so that `sent` counts runs that it may have had.
    """

    store: str
    runs: int
    sent: int
    missing: int
    why: str | None
    deleted: int = 0
    is_looked_up: bool = False


@dataclass(frozen=True)
class Upgraded:
    """What an upgrade did; without a backup nothing was to be done."""

    path: Path
    before: str
    after: str
    backup: Path | None


def batches(run_dirs: Iterable[Path], work: Path, project: Mapping[str, Any], to: str | None = None) -> list[Batch]:
    """Which runs go where: each to the store that its own spec names, or all to the one at `to`.

    Args:
        project: the `tracking` keys of the project, whose store is asked to delete what was deleted here.
    """
    found: dict[str, Batch] = {}
    for run_dir in run_dirs:
        node = {"option": "mlflow", "uri": to} if to is not None else _node_of(run_dir)
        name = json.dumps(node and [node.get("option") == "none", node.get("uri")], default=str)
        if name not in found:
            found[name] = _batch(node, work)
        found[name].runs.append(run_dir)
    own = _batch({"option": "mlflow", "uri": to} if to is not None else project, work)
    if own.uri and own.uri not in {batch.uri for batch in found.values()} and tombstones(work, token(own.uri)):
        found[""] = own
    return list(found.values())


def send(batch: Batch, work: Path, *, again: bool = False) -> Sent:
    """Send one batch, and wait until its store has it all, or is away. A run that cannot be sent keeps back no other.

    Args:
        again: whether the store is asked anew what it holds, instead of believing the notes in the run directories.

    Raises:
        OSError: the writer cannot be started.
    """
    shown, many = _hidden(batch.uri, batch.secrets), len(batch.runs)
    if batch.why_not is not None:
        return Sent(shown, many, 0, many if batch.is_wanted else 0, batch.why_not)
    if fault := next(iter(problems(batch.node, work)), None):
        missing = len(pending(batch.runs, batch.uri))
        return Sent(shown, many, 0, missing, _hidden(str(fault).rstrip("."), batch.secrets))
    refused = _forgotten(batch.runs) if again else {}
    unsent = pending(batch.runs, batch.uri)
    free, held = _sorted_out(unsent, refused)
    gone = len(tombstones(work, token(batch.uri)))
    whys = [_write(batch, work, free)] if free or gone else []
    whys.append("another command is sending them at this moment" if held else None)
    whys.append(of_runs({run_dir.name: why for run_dir, why in refused.items()}) if refused else None)
    left = set(pending(unsent, batch.uri))
    gone -= len(tombstones(work, token(batch.uri)))
    why = "; ".join(filter(None, whys)) or None
    return Sent(
        shown,
        many,
        len(set(unsent) - left - set(refused)),
        len(left | set(refused)),
        why,
        deleted=gone,
        is_looked_up=again,
    )


def faults_of(to: str, work: Path) -> list[Problem]:
    """What is wrong with a store that was typed, as a problem of what was typed."""
    found = problems({"option": "mlflow", "uri": to}, work)
    return [Problem("--to", fault.rule, redacted(fault.got or to), _mend(fault, to)) for fault in found]


def upgrade(node: Mapping[str, Any], work: Path) -> Upgraded:
    """Bring a sqlite store to the installed MLflow's schema, after a backup beside it.

    Raises:
        UserError: there is none, or it is none in a file: whoever keeps it upgrades it.
        StorageError: it could not be done; the store is as it was.
    """
    uri = store_uri(node, work)
    path = database(uri)
    if path is None:
        mend = (
            "make a backup of it, and type mlflow db upgrade with its address" if is_database(uri) else "ask its owner"
        )
        raise UserError(f"Only a store in a file is upgraded here; got {redacted(uri) or 'no store'}: {mend}.")
    state = sqlitefile.inspect(path)
    if state.word == "missing":
        raise UserError(f"There is no store at {path}. The next run makes one: dlrun")
    if state.word == "locked":
        raise StorageError(f"{path} is in use: end what trains or shows it, and type the command again.")
    if state.word == "unusable":
        raise StorageError(f"{path} cannot be upgraded: {state.fault}. {state.mend or ''}".rstrip())
    answer = _upgraded(path)
    backup = answer["backup"]
    return Upgraded(path, answer["before"], answer["after"], Path(backup) if backup else None)


def _upgraded(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        children.command("dlrun.tracking.upgrade"),
        input=json.dumps({"path": str(path)}),
        capture_output=True,
        text=True,
        env=children.environment(),
        check=False,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        answer = {"error": f"the upgrade ended with {done.returncode}"}
    if "error" in answer:
        raise StorageError(f"{path} could not be upgraded, and is as it was: {answer['error']}.")
    return answer


def _write(batch: Batch, work: Path, runs: Iterable[Path]) -> str | None:
    """Have the writer send runs; what went wrong, if anything did."""
    writer = Writer.to(batch.uri, work, batch.secrets)
    try:
        for run_dir in runs:
            writer.watch(run_dir)
        return writer.close(_LONGEST_SECONDS, give_up=_AWAY_SECONDS).error
    except BaseException:  # Ctrl-C: nothing is to go on behind the user's back
        writer.stop()
        raise


def _node_of(run_dir: Path) -> dict[str, Any] | None:
    """The `tracking` keys of a run's spec; None when it cannot be read."""
    try:
        node = json.loads((run_dir / "spec.json").read_bytes())["tracking"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return node if isinstance(node, dict) else None


def _batch(node: Mapping[str, Any] | None, work: Path) -> Batch:
    if node is None:
        return Batch({}, "", {}, "spec.json cannot be read; --to URI sends it all the same")
    if node.get("option") == "none":
        return Batch({}, "", {}, _NO_STORE, is_wanted=False)
    named = {key: node[key] for key in ("option", "uri") if key in node}
    try:
        values, secrets = resolved(named), values_in(named)
    except OmegaConfBaseException as error:
        return Batch({}, "", {}, f"{str(error).splitlines()[0].rstrip('.')}: set it, and type dlrun sync again")
    values["option"] = "mlflow"  # what was offline is sent now
    return Batch(values, store_uri(values, work), secrets)


def _forgotten(runs: Iterable[Path]) -> dict[Path, str]:
    """Have the store asked anew about runs; those whose notes cannot be written, and why."""
    refused = {}
    for run_dir in runs:
        try:
            forget(run_dir)
        except OSError as error:
            refused[run_dir] = told(error)
    return refused


def _sorted_out(runs: Iterable[Path], refused: dict[Path, str]) -> tuple[list[Path], int]:
    """The runs that can be sent, and how many another command is sending; `refused` gets those that cannot, and why."""
    free, held = [], 0
    for run_dir in runs:
        try:
            is_held = _is_held(run_dir)
        except OSError as error:  # another user's, say
            refused[run_dir] = told(error)
            continue
        held += is_held
        if not is_held:
            free.append(run_dir)
    return free, held


def _is_held(run_dir: Path) -> bool:
    """Whether another command is sending the run."""
    note = Note.hold(run_dir)
    if note is not None:
        note.release()
    return note is None


def _hidden(text: str, secrets: Mapping[str, str]) -> str:
    return Secrets({**children.credentials(), **secrets}).hidden(text)


def _mend(fault: Problem, to: str) -> str | None:
    if fault.mend is None or "tracking.uri=" in fault.mend or "null" in fault.mend:
        return "Type --to sqlite:///other.db, or leave it out: then each run goes to the store of its own."
    return fault.mend
