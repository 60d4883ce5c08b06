"""Errors out of somebody's own class, as frameworks wrap them: which line is told, and where it arose."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.config.raised import place_in, telling_line
from dlrun.errors import UserError
from dlrun.training.outcome import Outcome

GRAPH = """Graph execution error:

Detected at node compile_loss/mine/mul defined at (most recent call last):
  File "{project}/train.py", line 3, in <module>

  File "{dlrun}/pipeline.py", line 90, in run

  File "{project}/.venv/lib/site-packages/keras/trainer.py", line 10, in fit

  File "{project}/own.py", line 7, in call

  File "/elsewhere/site-packages/keras/ops.py", line 1, in multiply

Incompatible shapes: [32] vs. [32,3]
\t [[{{{{node compile_loss/mine/mul}}}}]] [Op:__inference_1]"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no\nmore", "no"),
        ("", "ValueError"),
        ("Exception encountered when calling A.call().\n\n\x1b[1mbad shape\x1b[0m\n\nArguments: x", "bad shape"),
        ("Are 2 and 3 for '{{node a}} = B[T=c](d)' with shapes: [2], [3].", "Are 2 and 3 with shapes: [2], [3]."),
        ("  indented only", "indented only"),
    ],
)
def test_the_telling_line_is_told(text: str, says: str) -> None:
    assert telling_line(ValueError(text)) == says


def raised_in(path: Path, source: str) -> ValueError:
    namespace: dict[str, object] = {}
    try:
        exec(compile(source, str(path), "exec"), namespace)
    except ValueError as error:
        return error
    raise AssertionError("it raised nothing")


def test_the_place_is_the_last_line_of_the_projects_own(tmp_path: Path) -> None:
    error = raised_in(tmp_path / "own.py", "def f():\n    int('x')\n\nf()")
    assert place_in(tmp_path, error) == f"{tmp_path}/own.py:2"
    assert place_in(tmp_path / "other", error) is None
    assert place_in(None, error) is None
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = error
    assert place_in(tmp_path, wrapped) == f"{tmp_path}/own.py:2"
    packages = tmp_path / ".venv" / "site-packages"
    assert place_in(tmp_path, raised_in(packages / "theirs.py", "int('x')")) is None


def test_a_graphs_error_is_told_in_a_line_with_its_place(tmp_path: Path) -> None:
    dlrun = Path(__file__).parents[2] / "dlrun"
    error = ValueError(GRAPH.format(project=tmp_path, dlrun=dlrun))
    cause = Outcome.failed(error, tmp_path).cause
    message = "Incompatible shapes: [32] vs. [32,3] (own.py:7)"
    assert cause == {"kind": "error", "message": message, "type": "ValueError"}
    script = GRAPH.format(project=tmp_path, dlrun=dlrun).replace("own.py", "site-packages/theirs.py")
    assert place_in(tmp_path, ValueError(script)) is None, "the script that called dlrun is not where it arose"


def test_what_dlrun_raises_itself_is_told_whole() -> None:
    cause = Outcome.failed(UserError("one\ntwo")).cause
    assert cause is not None and cause["message"] == "one\ntwo"
