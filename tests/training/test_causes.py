"""Which kind of cause an error is, and how a cause is shown in a line."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dlrun.errors import ConfigError, DataError, Problem, StorageError
from dlrun.training.causes import KINDS, cause, cause_of, in_one_line

PROBLEM = Problem("data.path", "must be a file")


class ResourceExhaustedError(Exception):
    """As TensorFlow's is called."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigError([PROBLEM]), "bad_config"),
        (DataError([PROBLEM]), "bad_config"),
        (StorageError("the disk is full"), "error"),
        (MemoryError(), "out_of_memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out_of_memory"),
        (OSError(errno.EIO, "Input/output error"), "error"),
        (ResourceExhaustedError("OOM when allocating"), "out_of_memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: out of memory"), "out_of_memory"),
        (ValueError("a shape is wrong"), "error"),
    ],
)
def test_the_kind_of_an_error(error: Exception, kind: str) -> None:
    found = cause_of(error)
    assert (found["kind"], found["type"]) == (kind, type(error).__name__)
    assert found["kind"] in KINDS and found["message"]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (cause_of(ValueError("shapes differ\nat layer 3")), "ValueError: shapes differ"),
        (cause("out_of_memory", "5 GB were asked for"), "out of memory: 5 GB were asked for"),
        (cause("crash", "its process ended by SIGSEGV"), "crash: its process ended by SIGSEGV"),
        (cause("timeout", "ended after 60 s"), "ended after 60 s"),
        (cause("signal", "SIGINT stopped it"), "SIGINT stopped it"),
        ({"kind": "KeyError", "message": "'x'"}, "KeyError: 'x'"),  # as results of earlier versions have it
        ({}, ""),
    ],
)
def test_a_cause_in_one_line(found: dict[str, str], line: str) -> None:
    assert in_one_line(found) == line


def test_the_page_on_sweeps_has_every_kind() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"\n| `{kind}` | " not in page] == []
