"""A sqlite store written with SQL, without MLflow.

Through MLflow a short run costs 45 ms of processor time, and importing MLflow costs 2 s: as much as several runs train.
A store whose schema is not at the revision known here is left to MLflow. What is rare is left to MLflow too: making a
store, the registry, and files that go to another place than a folder of this machine.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dlrun.tracking import sqltables as sql
from dlrun.tracking.backend import DELETED_TAG, EXPERIMENT_TAGS, Backend, DatasetFacts, Held, Model, StoreFault
from dlrun.tracking.packaging import ModelIds
from dlrun.tracking.translate import Point

__all__ = ["SqlBackend"]

_RAREST_FIRST = ("dlrun.run_id", "mlflow.parentRunId", "dlrun.trial_id", "dlrun.sweep_id")


class SqlBackend:
    """See `backend.Backend`.

    Args:
        path: the store's file, which `sqltables.is_known`.
        others: opens the store through MLflow, for what is rare.
    """

    def __init__(self, path: Path, others: Callable[[], Backend]) -> None:
        self._store = sql.connect(path)
        self._store.execute("pragma foreign_keys = on")
        self._open_others = others
        self._depth = 0
        self._version = -1
        self._known_carriers: dict[str, dict[str, set[str]]] = {}

    @cached_property
    def _others(self) -> Backend:
        return self._open_others()

    @contextmanager
    def together(self) -> Iterator[None]:
        self._depth += 1
        try:
            if self._depth == 1:
                self._store.execute("begin immediate")
            yield
            if self._depth == 1:
                self._store.execute("commit")
        except BaseException:
            if self._depth == 1 and self._store.in_transaction:
                self._store.execute("rollback")
            raise
        finally:
            self._depth -= 1

    def find_experiment(self, name: str) -> str | None:
        query = "select experiment_id, lifecycle_stage from experiments where name = ? and workspace = 'default'"
        found = self._store.execute(query, (name,)).fetchone()
        if found is not None and found[1] != "active":
            with self.together():
                self._store.execute(sql.RESTORE, (int(time.time() * 1000), found[0]))
                self._store.execute(sql.RESTORE_RUNS, (found[0], *DELETED_TAG))
        return None if found is None else str(found[0])

    def create_experiment(self, name: str, location: str | None) -> str:
        if location is None:
            return self._others.create_experiment(name, location)
        now = int(time.time() * 1000)
        with self.together():
            if self._store.execute(sql.EXPERIMENT, (name, location, now, now)).rowcount:
                self._store.executemany(sql.EXPERIMENT_TAG, [(*tag, name) for tag in EXPERIMENT_TAGS.items()])
        return self.find_experiment(name) or self._others.create_experiment(name, location)

    def create_run(self, experiment_id: str, name: str, start_time: int, tags: Mapping[str, str]) -> str:
        run_id = uuid.uuid4().hex
        query = "select artifact_location from experiments where experiment_id = ? and lifecycle_stage = 'active'"
        found = self._store.execute(query, (int(experiment_id),)).fetchone()
        if found is None:
            raise StoreFault(f"experiment {experiment_id} was deleted")
        place, mark, rest = found[0].partition("?")
        files = f"{place.rstrip('/')}/{run_id}/artifacts{mark}{rest}"
        with self.together():
            user = tags.get("mlflow.user", "unknown")
            self._store.execute(sql.RUN, (run_id, name, user, start_time, files, int(experiment_id)))
            self._set_tags(run_id, {**tags, "mlflow.runName": name})
        return run_id

    def find_runs(self, experiment_id: str, tags: Mapping[str, str]) -> list[Held]:
        query = "select start_time from runs where run_uuid = ? and experiment_id = ? and lifecycle_stage = 'active'"
        rarest = min(tags, key=_rarity)
        found = []
        for run_id in self._carriers(rarest).get(tags[rarest], ()):
            begun = self._store.execute(query, (run_id, int(experiment_id))).fetchone()
            held = None if begun is None else self.run(run_id)
            if held is not None and tags.items() <= held.tags.items():
                found.append((begun[0] or 0, run_id, held))
        return [held for *_, held in sorted(found, key=lambda each: each[:2])]

    def _carriers(self, key: str) -> dict[str, set[str]]:
        """The ids of the runs that carry, or carried, a tag, by its value.

        MLflow's tables have no index for that, and to look through 30,000 runs for each of as many takes half an hour.
        So it is kept until somebody else has written the store.
        """
        (version,) = self._store.execute("pragma data_version").fetchone()  # counts what other connections write
        if version != self._version:
            self._version, self._known_carriers = version, {}
        if key not in self._known_carriers:
            known = self._known_carriers[key] = {}
            for value, run_id in self._store.execute("select value, run_uuid from tags where key = ?", (key,)):
                known.setdefault(value, set()).add(run_id)
        return self._known_carriers[key]

    def run(self, run_id: str) -> Held | None:
        query = "select status, lifecycle_stage, end_time from runs where run_uuid = ?"
        found = self._store.execute(query, (run_id,)).fetchone()
        if found is None:
            return None
        tags = dict(self._store.execute("select key, value from tags where run_uuid = ?", (run_id,)))
        params = dict(self._store.execute("select key, value from params where run_uuid = ?", (run_id,)))
        latest = self._store.execute("select key, value, is_nan from latest_metrics where run_uuid = ?", (run_id,))
        metrics = {key: math.nan if is_nan else value for key, value, is_nan in latest}
        return Held(run_id, found[0], found[1] == "active", found[2], tags, params, metrics)

    def history(self, run_id: str, keys: Iterable[str]) -> dict[tuple[str, int], float]:
        wanted = set(keys)
        rows = self._store.execute("select key, step, value, is_nan from metrics where run_uuid = ?", (run_id,))
        return {(key, step): math.nan if is_nan else value for key, step, value, is_nan in rows if key in wanted}

    def write(self, run_id: str, points: Sequence[Point], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        with self.together():
            self._check_active(run_id)
            rows = [(p.key, *sql.stored(p.value), p.time, p.step, run_id) for p in points]
            newest = [
                (key, value, when, step, is_nan, run_id) for key, value, is_nan, when, step, _ in sql.latest(rows)
            ]
            self._store.executemany(sql.METRIC, rows)
            self._store.executemany(sql.LATEST, newest)
            self._store.executemany(sql.PARAM, [(key, value, run_id) for key, value in params.items()])
            self._set_tags(run_id, tags)

    def delete_tag(self, run_id: str, key: str) -> None:
        self._store.execute("delete from tags where run_uuid = ? and key = ?", (run_id, key))

    def set_status(self, run_id: str, status: str, end_time: int | None = None) -> None:
        with self.together():
            self._check_active(run_id)
            self._store.execute("update runs set status = ? where run_uuid = ?", (status, run_id))
            if status != "RUNNING":
                ended = int(time.time() * 1000) if end_time is None else end_time
                self._store.execute("update runs set end_time = ? where run_uuid = ?", (ended, run_id))

    def delete_run(self, run_id: str) -> None:
        seen: set[str] = set()  # a tag may say anything, such as that a run stands above itself
        with self.together():
            left = [run_id]
            while left:
                gone = left.pop()
                if gone in seen:
                    continue
                seen.add(gone)
                self._store.execute(sql.DELETE, (int(time.time() * 1000), gone))
                self._store.execute(sql.MARK, (*DELETED_TAG, gone))
                left += [earlier for (earlier,) in self._store.execute(sql.SUPERSEDED, (gone,))]
                parent = self._store.execute(sql.PARENT, (gone,)).fetchone()
                if parent is not None and not self._store.execute(sql.BELOW, parent).fetchone():
                    left.append(parent[0])

    def log_dataset(self, run_id: str, facts: DatasetFacts) -> None:
        with self.together():
            self._check_active(run_id)
            dataset, tie = self._dataset(run_id, facts), uuid.uuid4().hex
            added = self._store.execute(sql.INPUT, (tie, dataset, run_id))
            if added.rowcount:
                self._store.execute("insert into input_tags values (?, ?, ?)", (tie, *facts.TAG))

    def log_model(self, run_id: str, model: Model) -> str:
        query = "select experiment_id, artifact_location from experiments join runs using (experiment_id)"
        experiment, place = self._store.execute(f"{query} where run_uuid = ?", (run_id,)).fetchone()
        model_id = f"m-{hashlib.sha256(f'{run_id} {model.digest}'.encode()).hexdigest()[:32]}"
        location = f"{place.rstrip('/')}/models/{model_id}/artifacts"
        if (folder := _folder(location)) is None:
            return self._others.log_model(run_id, model)
        aside = folder.with_name(f"{folder.name}.partial")
        for leftover in (aside, folder):  # of a writer that was killed; the table has no model that is not whole
            if not self._has_model(model_id):
                shutil.rmtree(leftover, ignore_errors=True)
        if not self._has_model(model_id):
            model.pack(aside, ModelIds(model_id, run_id, location))
            aside.replace(folder)
        self._note_model(run_id, model, (model_id, int(experiment)), location)
        return model_id

    def _has_model(self, model_id: str) -> bool:
        query = "select 1 from logged_models where model_id = ? and lifecycle_stage = 'active'"
        return self._store.execute(query, (model_id,)).fetchone() is not None

    def _note_model(self, run_id: str, model: Model, key: tuple[str, int], location: str) -> None:
        """Write the rows of a model; `key` is its id and its experiment's."""
        now = int(time.time() * 1000)
        held = self.run(run_id)
        if held is None:
            raise StoreFault(f"run {run_id} is not in the store any more")
        tags = model.tags(held.tags)
        with self.together():
            self._store.execute(sql.MODEL, (*key, model.name, location, now, now, run_id))
            self._store.executemany(sql.MODEL_TAG, [(*key, *tag) for tag in tags.items()])
            self._store.executemany(sql.MODEL_PARAM, [(*key, *param) for param in held.params.items()])
            dataset = (None, None) if model.dataset is None else (model.dataset.name, model.dataset.digest)
            measured = [(key[0], p.key, p.time, p.step, p.value, key[1], run_id, *dataset) for p in model.metrics]
            self._store.executemany(sql.MODEL_METRIC, [row for row in measured if not math.isnan(row[4])])
            self._store.execute(sql.OUTPUT, (uuid.uuid4().hex, run_id, key[0]))

    def register(self, name: str, model_id: str, run_id: str) -> None:
        self._others.register(name, model_id, run_id)

    def log_text(self, run_id: str, text: str, name: str) -> None:
        if (files := self._files(run_id)) is None:
            self._others.log_text(run_id, text, name)
        else:
            files.mkdir(parents=True, exist_ok=True)
            (files / name).write_text(text, encoding="utf-8")

    def log_file(self, run_id: str, path: Path, folder: str | None) -> None:
        if (files := self._files(run_id)) is None:
            self._others.log_file(run_id, path, folder)
            return
        target = files / (folder or "")
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path.name)

    def _set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self._store.executemany(sql.TAG, [(key, value, run_id) for key, value in tags.items()])
        for key in self._known_carriers.keys() & tags.keys():
            self._known_carriers[key].setdefault(tags[key], set()).add(run_id)

    def _check_active(self, run_id: str) -> None:
        found = self._store.execute("select lifecycle_stage from runs where run_uuid = ?", (run_id,)).fetchone()
        if found != ("active",):
            raise StoreFault(f"run {run_id} was deleted from the store")

    def _dataset(self, run_id: str, facts: DatasetFacts) -> str:
        """The id of the dataset in the run's experiment, made where there is none."""
        query = "select experiment_id from runs where run_uuid = ?"
        experiment = self._store.execute(query, (run_id,)).fetchone()[0]
        query = "select dataset_uuid from datasets where experiment_id = ? and name = ? and digest = ?"
        found = self._store.execute(query, (experiment, facts.name, facts.digest)).fetchone()
        if found is not None:
            return str(found[0])
        made = uuid.uuid4().hex
        about = made, experiment, facts.name, facts.digest, facts.SOURCE_TYPE, facts.source, facts.schema, facts.profile
        self._store.execute(sql.DATASET, about)
        return made

    def _files(self, run_id: str) -> Path | None:
        """The folder of the run's files; None where they are kept elsewhere."""
        found = self._store.execute("select artifact_uri from runs where run_uuid = ?", (run_id,)).fetchone()
        return _folder(found[0] if found else "")


def _rarity(key: str) -> int:
    """The place of a tag's key among those that runs are found by: the first one is carried by the fewest."""
    return _RAREST_FIRST.index(key) if key in _RAREST_FIRST else len(_RAREST_FIRST)


def _folder(location: str) -> Path | None:
    """The folder of this machine that an address of files names; None for any other."""
    parts = urlsplit(location)
    is_folder = parts.scheme == "file" and parts.netloc in ("", "localhost") and not (parts.query or parts.fragment)
    return Path(unquote(parts.path)) if is_folder else None
