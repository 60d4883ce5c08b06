"""A sweep that is larger than `search.confirm_above` is asked about, and else refused; nothing is created before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dlrun
from dlrun import api
from dlrun.cli import training
from dlrun.cli.main import main
from dlrun.errors import Declined, ExitCode, UserError
from dlrun.planning import Plan, Planner
from dlrun.sweeps.consent import require_consent

WORDS = ["data=iris", "seed=0,1,2,3", "search.confirm_above=2"]


@pytest.fixture
def plan(work: Path) -> Plan:
    return Planner(work).plan(WORDS, sweep=True)


def finish(runs: Path, *ids: str) -> None:
    """Have runs finished that took half an hour each."""
    for run in ids:
        facts: dict[str, Any] = {"id": run, "name": "", "status": "finished", "task": "multiclass", "metrics": {}}
        facts |= {"best_epoch": 1, "kept_epoch": 1, "epochs_run": 1, "monitor": None, "parameters": 1, "samples": {}}
        facts |= {
            "durations": {},
            "cost": {},
            "fast_dev_run": False,
            "engine": {},
            "fingerprint": None,
            "resumed": None,
        }
        facts |= {"cause": None, "attempt": 1, "started": 0.0, "ended": 1800.0, "diagnosis": []}
        (runs / run).mkdir(parents=True)
        (runs / run / "result.json").write_text(json.dumps(facts))


def test_from_python_it_is_refused_and_nothing_is_created(work: Path) -> None:
    with pytest.raises(UserError, match=r"trains 4 runs: .* which is 2\. .* type search\.confirm_above=4\.") as caught:
        dlrun.run(WORDS, sweep=True)
    assert caught.value.exit_code == ExitCode.WRONG_CALL
    assert not list(work.iterdir())


@pytest.mark.parametrize("answer", [True, False])
def test_what_is_answered_counts(answer: bool, plan: Plan, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(question: str) -> bool:
        assert not list(work.iterdir())
        asked.append(question)
        return answer

    monkeypatch.setattr(api, "describe_sweep", lambda *_: pytest.fail("it goes on"))
    with pytest.raises(
        pytest.fail.Exception if answer else Declined, match="goes on" if answer else r"^Nothing was begun\.$"
    ):
        api.answer_to(WORDS, True, ask=ask)
    assert asked == ["This trains 4 runs; dlrun check with the same words estimates the time."]


@pytest.mark.parametrize("answer", ["n\n", KeyboardInterrupt()])
def test_no_is_no_error(answer: str | BaseException, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def typed(*_: object) -> str:
        if isinstance(answer, BaseException):
            raise answer
        return answer.strip()

    monkeypatch.setattr("dlrun.cli.training._question", lambda _: training._ask)
    monkeypatch.setattr("click.termui.visible_prompt_func", typed)
    assert main(["-m", *WORDS]) == ExitCode.INTERRUPTED
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "This trains 4 runs; dlrun check with the same words estimates the time."
    assert others[-1] == "Nothing was begun." and "error" not in " ".join(others)
    assert not list(work.iterdir())


def test_finished_runs_do_not_count_and_tell_the_pace(plan: Plan, work: Path) -> None:
    first, second, *_ = (run.id for run in plan.runs)
    finish(work / "runs", first)
    with pytest.raises(UserError, match=r"3 runs \(1 of 4 are finished; at their pace 1\.5 hours of one worker\)"):
        require_consent(plan, work / "runs", None)
    finish(work / "runs", second)
    require_consent(plan, work / "runs", None)


def test_a_single_run_is_never_asked_about(work: Path) -> None:
    require_consent(Planner(work).plan(["search.confirm_above=1"], sweep=False), work / "runs", None)
