"""One run's journal, projected into the store.

Every step can be done again: a run is found by the tag `dlrun.run_id` before it is made, a metric is written once a
step, ends and files replace themselves. The tag `dlrun.synced` says up to which event metrics and parameters are in
the store; it is written behind them, so a writer that is killed in between finds some of them again and skips them.

Attempts of one run share one MLflow run: it is one run, its notes, links and charts go on, and what an attempt
computes again is bit for bit what the store has. Where it is not (another machine, `trainer.deterministic=false`) the
curves must not be mixed: the earlier MLflow run is set aside, tagged `dlrun.superseded_by` and ended as killed.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path

from dlrun.config.digest import content_digest
from dlrun.tracking.backend import Held, Model, dataset_facts
from dlrun.tracking.journal import JOURNAL, Event, identity, last_attempt, read, read_from
from dlrun.tracking.owner import HOST, is_alive
from dlrun.tracking.packaging import MODEL, SIGNATURE, pack
from dlrun.tracking.provenance import environment_of, source_tags
from dlrun.tracking.state import Note, Synced
from dlrun.tracking.storerun import JOURNAL_TAG, MODEL_TAG, STATUS_TAG, SUPERSEDED_TAG, SYNCED_TAG, StoreRun
from dlrun.tracking.translate import SYSTEM, TIMINGS, Batch, Kept, Point, Translator
from dlrun.tracking.tree import Place, Tree

__all__ = ["Projection"]

_log = logging.getLogger(__name__)
_DIGEST_LENGTH = 32
_NOT_IN_NAMES = re.compile(r"[/:.%\"'\s]")


class Projection:
    """The store's picture of one run.

    Args:
        run_dir: the run's directory.
        tree: the store, and what stands above the run.
        store: the store's token.
    """

    def __init__(self, run_dir: Path, tree: Tree, store: str) -> None:
        self.run_dir = run_dir
        self.has_ended = False
        self._journal = run_dir / JOURNAL
        self._tree = tree
        self._backend = tree.backend
        self._store = store
        self._note: Note | None = None
        self._forget()

    def _forget(self) -> None:
        self._offset = 0
        self._seq = -1
        self._start: Event | None = None
        self._place: Place | None = None
        self._run: StoreRun | None = None
        self._last_time = 0
        self._translator = Translator()
        self._model: Kept | None = None
        self._outbox: list[Batch] = []
        self._is_anothers = False

    def step(self) -> bool:
        """Send what the journal has and the store has not.

        Returns:
            Whether the run is this process's to send; False while another one sends it.

        Raises:
            Exception: the store did not take it; the next step begins again from what the store has.
            OSError: the run directory cannot be read or written.
        """
        try:
            if self._note is None and not self._open():
                return False
            reading = read_from(self._journal, self._offset)
            if reading.events:
                self._project(last_attempt(list(reading.events)))
                self._offset = reading.offset
                self._save()
        except BaseException:
            self.release()
            raise
        return True

    def interrupt_if_orphaned(self, dead: int) -> None:
        """End the run in the store when its owner is gone without having ended it.

        Args:
            dead: a process that is known to be gone, whatever the system says of its number.
        """
        if self._start is None or self._run is None or self.has_ended:
            return
        pid = int(self._start.get("pid") or 0)
        if pid != dead and is_alive(pid, str(self._start.get("host") or "")):
            return
        self._place = self._place or self._tree.place(self._start)
        self._run.send(Batch(), {STATUS_TAG: "interrupted"})
        self._run.terminate("interrupted", self._last_time)
        self.has_ended = True
        self._tree.ended(self._start)
        self._save()

    def release(self) -> None:
        """Let go of the run."""
        if self._note is not None:
            self._note.release()
            self._note = None
        self._forget()

    def _open(self) -> bool:
        """Take the run, and go on where its note says."""
        self._note = Note.hold(self.run_dir)
        if self._note is None:
            return False
        synced = self._note.read(self._store)
        if synced is None or self._is_gone(synced.mlflow_run_id):
            return True
        past = [event for event in read(self._journal) if event.seq <= synced.seq]
        if not past or self._journal.stat().st_size < synced.offset:
            return True
        attempt = last_attempt(past)
        if self._held_of(synced.mlflow_run_id).get("dlrun.run_id") != attempt[0].get("run"):
            return True  # the note was copied from another run
        self._translator.translate(attempt)
        self._start, self._last_time = attempt[0], int(past[-1].time * 1000)
        self._run = StoreRun(self._backend, synced.mlflow_run_id, fresh=False)
        self._offset, self._seq = synced.offset, synced.seq
        self.has_ended = any(event.event == "end" for event in attempt)
        if self.has_ended and synced.pid:  # the writer was killed before it had ended what stands above the run
            self._place = self._tree.place(self._start)
            self._tree.ended(self._start)
        return True

    def _project(self, events: list[Event]) -> None:
        if events[0].event == "start":
            self._start, self.has_ended = events[0], False
            self._place = self._tree.place(events[0])
        if self._start is None or (self._run is None and events[0].event != "start"):
            _log.warning("%s has events before its first start: passed over", self._journal)
            return
        self._place = self._place or self._tree.place(self._start)
        with self._backend.together():
            if events[0].event == "start":
                self._begin(self._start, self._place)
            ended = self._write(events)
        if ended:  # not together with its end: what stands above it has a lock of its own
            self._tree.ended(self._start)
            self.has_ended = True
        self._send_all_files(self._run)  # nor this: copying may take long

    def _send_all_files(self, run: StoreRun | None) -> None:
        assert run is not None
        for part in self._outbox:
            self._send_files(run.run_id, part)
        if self._model is not None:
            self._log_model(self._model)
        self._outbox, self._model = [], None

    def _log_model(self, kept: Kept) -> None:
        """Keep the run's model in the store, and register it where that is asked."""
        assert self._run is not None and self._start is not None
        if not all(self._own_files(name) for name in (MODEL, SIGNATURE)):
            return  # taken away since
        model = Model(
            name=_name_of(self._start),
            digest=_fingerprint(self.run_dir),
            metrics=kept.metrics,
            dataset=None if kept.dataset is None else dataset_facts(kept.dataset),
            pack=lambda folder, ids: pack(self.run_dir, self._tree.work, folder, ids),
        )
        model_id = self._backend.log_model(self._run.run_id, model)
        self._backend.write(self._run.run_id, [], {}, {MODEL_TAG: model_id})
        if (name := self._start.get("register")) and not self._start.get("sweep"):  # of a sweep, its best one's
            self._backend.register(str(name), model_id, self._run.run_id)

    def _write(self, events: list[Event]) -> bool:
        """Write what the events become; whether the run has ended with them."""
        assert self._run is not None and self._start is not None
        # Events that the marker covers are translated for what they leave open: files, the end.
        covered = self._translator.translate(event for event in events if event.seq <= self._seq)
        batch = self._translator.translate(event for event in events if event.seq > self._seq)
        may_differ = self._is_anothers or self._start["attempt"] > 1
        if may_differ and self._run.contradicted(_lasting(batch.points)):
            return self._supersede(self._start)
        status = batch.status or covered.status
        last = max(events, key=lambda event: event.seq)  # epochs of an earlier attempt stand behind the start
        for name in batch.gone & self._run.held().tags.keys() if batch.gone else ():
            self._backend.delete_tag(self._run.run_id, name)
        word = {} if status is None and self.has_ended else {STATUS_TAG: status or "running"}  # said after its end
        self._run.send(batch, {SYNCED_TAG: str(last.seq), JOURNAL_TAG: identity(self._journal), **word})
        self._is_anothers = False
        self._seq, self._last_time = last.seq, int(last.time * 1000)
        self._outbox += [covered, batch]
        for part in (covered, batch):
            self._model = part.model if part.model is not None else self._model
        if status is not None:
            self._run.terminate(status, batch.end_time or covered.end_time or self._last_time)
        return status is not None

    def _begin(self, start: Event, place: Place) -> None:
        """Find or make the run."""
        if self._run is None:
            found = self._find(start, place)
            if found is None:
                self._run = StoreRun(self._backend, self._create(start, place), fresh=True)
                return
            self._run = StoreRun(self._backend, found.run_id, fresh=False)
            # The mark counts events: of another journal of the same run it says nothing about this one.
            self._is_anothers = found.tags.get(JOURNAL_TAG) != identity(self._journal)
            self._seq = -1 if self._is_anothers else int(found.tags.get(SYNCED_TAG, -1))
        if start.seq > self._seq:
            self._reopen(self._run, start)

    def _find(self, start: Event, place: Place) -> Held | None:
        """The MLflow run of this run: of the last attempt, should a writer have been killed while it set one aside."""
        tags = {"dlrun.run_id": str(start["run"]), "dlrun.kind": "run"}
        found = self._backend.find_runs(place.experiment_id, tags)
        valid = [run for run in found if SUPERSEDED_TAG not in run.tags]
        if not valid:
            return None
        *others, last = sorted(valid, key=lambda run: int(run.tags.get("dlrun.attempt", 1)))
        for other in others:
            self._set_aside(other.run_id, last.run_id)
        return last

    def _create(self, start: Event, place: Place) -> str:
        sweep, trial = start.get("sweep") or {}, start.get("trial") or {}
        tags = {
            "dlrun.kind": "run",
            "dlrun.run_id": str(start["run"]),
            "dlrun.attempt": str(start["attempt"]),
            "dlrun.sweep_id": str(sweep.get("id", "")),
            "dlrun.trial_id": str(trial.get("id", "")),
            **source_tags(environment_of(self.run_dir)),
        }
        tags = {key: value for key, value in tags.items() if value}
        return self._tree.create(place, str(start.get("name") or start["run"]), start, tags)

    def _reopen(self, run: StoreRun, start: Event) -> None:
        held = run.held()
        if held.status != "RUNNING":
            run.resume()
        for tag in {"dlrun.cause", "dlrun.cause_kind"} & held.tags.keys():
            self._backend.delete_tag(run.run_id, tag)
        self._backend.write(run.run_id, [], {}, {"dlrun.attempt": str(start["attempt"])})

    def _supersede(self, start: Event) -> bool:
        """Write what counts now into an MLflow run of its own, from its first event, and set the earlier one aside."""
        assert self._run is not None and self._place is not None
        earlier = self._run.run_id
        self._run = StoreRun(self._backend, self._create(start, self._place), fresh=True)
        self._set_aside(earlier, self._run.run_id)
        self._seq, self._translator, self._is_anothers = -1, Translator(), False
        return self._write(last_attempt(read(self._journal)))

    def _held_of(self, run_id: str) -> Mapping[str, str]:
        held = self._backend.run(run_id)
        return {} if held is None else held.tags

    def _is_gone(self, run_id: str) -> bool:
        """Whether the run was deleted, or never was in this store."""
        held = self._backend.run(run_id)
        return held is None or not held.is_active

    def _set_aside(self, earlier: str, later: str) -> None:
        self._backend.write(earlier, [], {}, {SUPERSEDED_TAG: later, STATUS_TAG: "interrupted"})
        self._backend.set_status(earlier, "KILLED")

    def _send_files(self, run_id: str, batch: Batch) -> None:
        if batch.dataset is not None:
            self._backend.log_dataset(run_id, dataset_facts(batch.dataset))
        if batch.summary:
            self._backend.log_text(run_id, batch.summary, "model_summary.txt")
        for name in dict.fromkeys(batch.files):
            for path in self._own_files(name):
                folder = path.parent.relative_to(self.run_dir).as_posix()
                self._backend.log_file(run_id, path, None if folder == "." else folder)

    def _own_files(self, name: str) -> list[Path]:
        """The file of that name, or all in the folder of that name; none that is not there, and none that a link makes
        one of the run's, whose directory may come from anywhere."""
        root, path = self.run_dir.resolve(), self.run_dir / name
        if not path.is_relative_to(self.run_dir):
            return []
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        return [file for file in found if file.is_file() and file.resolve() == root / file.relative_to(self.run_dir)]

    def _save(self) -> None:
        if self._note is None or self._run is None or self._start is None:
            return
        if self.has_ended:
            pid, host = (os.getpid(), HOST) if self._start.get("sweep") else (0, "")
        else:
            pid, host = int(self._start.get("pid") or 0), str(self._start.get("host") or "")
        self._note.write(Synced(self._store, self._run.run_id, self._seq, self._offset, pid, host))


def _lasting(points: list[Point]) -> list[Point]:
    """Without what differs from attempt to attempt by nature."""
    return [point for point in points if point.key not in TIMINGS and not point.key.startswith(SYSTEM)]


def _name_of(start: Event) -> str:
    """What a run's model is called: `mlp-digits`."""
    params = start.get("params") or {}
    words = [str(params[key]) for key in ("model", "data") if key in params]
    return _NOT_IN_NAMES.sub("_", "-".join(words) or "model")


def _fingerprint(run_dir: Path) -> str:
    """What tells the weights of the run's model from others."""
    try:
        found = json.loads((run_dir / "result.json").read_bytes()).get("fingerprint")
    except (OSError, ValueError):
        found = None
    return str(found or content_digest(run_dir / MODEL))[:_DIGEST_LENGTH]
