"""MLflow's tables that hold runs, as far as they are written without MLflow."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

__all__ = [
    "BELOW",
    "DATASET",
    "DELETE",
    "EXPERIMENT",
    "EXPERIMENT_TAG",
    "INPUT",
    "LATEST",
    "MARK",
    "METRIC",
    "MODEL",
    "MODEL_METRIC",
    "MODEL_PARAM",
    "MODEL_TAG",
    "OUTPUT",
    "PARAM",
    "PARENT",
    "RESTORE",
    "RESTORE_RUNS",
    "RUN",
    "SUPERSEDED",
    "TAG",
    "Row",
    "connect",
    "is_known",
    "latest",
    "stored",
]

_BUSY_SECONDS = 2.0  # another command's transaction takes milliseconds, and what fails is tried again
_REVISIONS = frozenset({"dc11669786a5"})
"""The revisions of MLflow's schema whose tables these are: that of 3.17, which a test compares row by row with what
MLflow writes. A store at any other is left to MLflow."""

LATEST = """
insert into latest_metrics (key, value, timestamp, step, is_nan, run_uuid) values (?, ?, ?, ?, ?, ?)
on conflict (key, run_uuid) do update
set value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan
where (excluded.step, excluded.timestamp, excluded.value) > (step, timestamp, value)
"""
RUN = """
insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,
                  source_version, lifecycle_stage, artifact_uri, experiment_id)
values (?, ?, 'UNKNOWN', '', '', ?, 'RUNNING', ?, '', 'active', ?, ?)
"""
TAG = """
insert into tags (key, value, run_uuid) values (?, ?, ?)
on conflict (key, run_uuid) do update set value = excluded.value
"""
MARK = "insert or replace into tags (key, value, run_uuid) select ?, ?, run_uuid from runs where run_uuid = ?"
PARAM = "insert or ignore into params (key, value, run_uuid) values (?, ?, ?)"
METRIC = "insert or ignore into metrics (key, value, is_nan, timestamp, step, run_uuid) values (?, ?, ?, ?, ?, ?)"
EXPERIMENT = """
insert or ignore into experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace)
values (?, ?, 'active', ?, ?, 'default')
"""
EXPERIMENT_TAG = """
insert or ignore into experiment_tags (key, value, experiment_id)
select ?, ?, experiment_id from experiments where name = ? and workspace = 'default'
"""
DATASET = """
insert into datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source, dataset_schema,
                      dataset_profile)
values (?, ?, ?, ?, ?, ?, ?, ?)
"""
DELETE = """
update runs set lifecycle_stage = 'deleted', deleted_time = ? where run_uuid = ? and lifecycle_stage = 'active'
"""
SUPERSEDED = "select run_uuid from tags where key = 'dlrun.superseded_by' and value = ?"
RESTORE = "update experiments set lifecycle_stage = 'active', last_update_time = ? where experiment_id = ?"
RESTORE_RUNS = """
update runs set lifecycle_stage = 'active', deleted_time = null
where experiment_id = ? and run_uuid not in (select run_uuid from tags where key = ? and value = ?)
"""
PARENT = "select value from tags where run_uuid = ? and key = 'mlflow.parentRunId'"
BELOW = """
select 1 from tags join runs using (run_uuid)
where key = 'mlflow.parentRunId' and tags.value = ? and lifecycle_stage = 'active' limit 1
"""
INPUT = """
insert or ignore into inputs (input_uuid, source_type, source_id, destination_type, destination_id)
values (?, 'DATASET', ?, 'RUN', ?)
"""

MODEL = """
insert or ignore into logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms,
                                     last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id)
values (?, ?, ?, ?, ?, ?, 2, 'active', null, ?)
"""  # 2 is READY
MODEL_TAG = "insert or ignore into logged_model_tags (model_id, experiment_id, tag_key, tag_value) values (?, ?, ?, ?)"
MODEL_PARAM = """
insert or ignore into logged_model_params (model_id, experiment_id, param_key, param_value) values (?, ?, ?, ?)
"""
MODEL_METRIC = """
insert or ignore into logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, metric_value,
                                            experiment_id, run_id, dataset_name, dataset_digest)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
OUTPUT = """
insert or ignore into inputs (input_uuid, source_type, source_id, destination_type, destination_id, step)
values (?, 'RUN_OUTPUT', ?, 'MODEL_OUTPUT', ?, 0)
"""

Row: TypeAlias = "tuple[str, float, bool, int, int, str]"
"""Of a metric: its key, value, whether that is NaN, its time and step, and the run's id."""


def is_known(path: Path) -> bool:
    """Whether the store at `path` keeps its runs as it is known here.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    with closing(connect(path)) as store:
        return {revision for (revision,) in store.execute("select version_num from alembic_version")} <= _REVISIONS


def connect(path: Path) -> sqlite3.Connection:
    """A connection that makes no file, and begins no transaction by itself."""
    uri = f"{path.resolve().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)


def stored(value: float) -> tuple[float, bool]:
    """The value as MLflow's table holds it, and whether it is NaN; infinities are numbers already."""
    return (0.0, True) if math.isnan(value) else (value, False)


def latest(rows: Sequence[Row]) -> Iterable[Row]:
    """Of each metric the row that counts as its latest."""
    last: dict[str, Row] = {}
    for row in rows:
        held = last.get(row[0])
        if held is None or (row[4], row[3], row[1]) > (held[4], held[3], held[1]):
            last[row[0]] = row
    return last.values()
