"""The entry and its corners: which words go where, what each imports, what the shell completes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from dlrun.cli import train
from dlrun.cli.main import main
from dlrun.cli.verbs import VERBS
from dlrun.errors import ExitCode
from dlrun.planning import Planner

Trained = list[tuple[list[str], bool, str]]


@pytest.fixture
def trained(work: Path, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """What would have been trained: overrides, whether it is a sweep, whether it is quiet."""
    calls: Trained = []

    def record(overrides: list[str], sweep: bool, quiet: bool) -> ExitCode:
        Planner(work).plan(overrides, sweep)
        calls.append((overrides, sweep, quiet))
        return ExitCode.DONE

    monkeypatch.setattr(train, "train", record)
    return calls


@pytest.mark.parametrize(
    ("words", "overrides", "sweep"),
    [
        ([], [], False),
        (["train"], [], False),
        (["model=cnn"], ["model=cnn"], False),
        (["train", "model=cnn"], ["model=cnn"], False),
        (["~callback.early_stopping", "callback=[early_stopping]"], None, False),
        (["+tags.note=x"], ["+tags.note=x"], False),
        (["-m", "seed=1,2"], ["seed=1,2"], True),
        (["train", "-m", "seed=1,2"], ["seed=1,2"], True),
        (["seed=1,2", "-m"], ["seed=1,2"], True),
        (
            ["data=iris", "-m", "seed=1,2", "model.dropout=0,0.3"],
            ["data=iris", "seed=1,2", "model.dropout=0,0.3"],
            True,
        ),
        (["data=iris", "--multirun", "seed=1,2"], ["data=iris", "seed=1,2"], True),
        (["callback=null"], ["callback=[]"], False),
        (["callback=none"], ["callback=[]"], False),
        (["~callback"], ["callback=[]"], False),
        (["-m", "callback=[early_stopping],[]"], ["callback=[early_stopping],[]"], True),
        (["--seeds", "2"], ["seed=0,1"], True),
        (["data=iris", "--seeds", "2", "model.dropout=0.3"], ["data=iris", "model.dropout=0.3", "seed=0,1"], True),
        (["-m", "seed=1,2", "--jobs", "2"], ["seed=1,2", "launcher.jobs=2"], True),
        (["data=iris", "--folds", "2"], ["data=iris", "split=kfold", "split.folds=2", "split.fold=0,1"], True),
        (["split=kfold", "--folds", "2"], ["split=kfold", "split.folds=2", "split.fold=0,1"], True),
        (
            ["split=time", "split.order=rows", "--folds", "2"],
            ["split=time", "split.order=rows", "split.folds=2", "split.fold=0,1"],
            True,
        ),
        (
            ["split=repeated", "split.repeats=2", "--folds", "2"],
            ["split=repeated", "split.repeats=2", "split.folds=2", "split.fold=0,1,2,3"],
            True,
        ),
        (
            ["split=nested", "--folds", "2"],
            ["split=nested", "split.folds=2", "split.fold=0,1", "split.inner_fold=0,1,2,3"],
            True,
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_words_reach_the_training_as_hydra_takes_them(
    words: list[str], overrides: list[str] | None, sweep: bool, trained: Trained
) -> None:
    assert main(words) == ExitCode.DONE
    assert trained == [(words if overrides is None else overrides, sweep, "shown")]


def test_without_words_it_trains_the_default(work: Path) -> None:
    (run,) = Planner(work).plan([], sweep=False).runs
    chosen = {group: run.spec[group]["option"] for group in ("data", "model", "optimizer")}
    assert chosen == {"data": "digits", "model": "mlp", "optimizer": "adam"}


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_quiet_may_stand_anywhere(flag: str, trained: Trained) -> None:
    assert main(["data=iris", flag, "seed=3"]) == main([flag, "data=iris", "seed=3"]) == ExitCode.DONE
    assert trained == [(["data=iris", "seed=3"], False, "quiet")] * 2


def test_a_shorthand_is_echoed_in_its_long_form(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    main(["data=iris", "--folds", "2", "--seeds", "2"])
    told = "= dlrun -m data=iris seed=0,1 split=kfold split.folds=2 split.fold=0,1\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("flag", ["--cfg", "-c"])
def test_cfg_prints_the_composed_config_and_trains_nothing(
    flag: str, trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([flag, "job", "model=cnn", "seed=3"]) == ExitCode.DONE
    config = yaml.safe_load(capsys.readouterr().out)
    assert (config["model"]["option"], config["seed"]) == ("cnn", 3)
    assert "hydra" not in config
    assert "_target_" not in str(config)
    assert trained == []


def test_info_says_how_it_is_composed(trained: Trained, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--info", "defaults", "optimizer=sgd"]) == ExitCode.DONE
    assert "optimizer/sgd" in capfd.readouterr().out
    assert trained == []


def test_the_config_of_a_sweep_is_a_table_of_its_trials(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "data=iris", "-m", "seed=0,1", "model.dropout=0,0.5", "--json"]) == ExitCode.DONE
    rows = json.loads(capsys.readouterr().out)
    assert [(row["seed"], row["dropout"]) for row in rows] == [(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5)]
    assert len({row["id"] for row in rows}) == 4


def test_config_marks_what_differs_from_the_default(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "optimizer.learning_rate=0.5"]) == ExitCode.DONE
    marked = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if "# command line" in line]
    assert marked == ["learning_rate: 0.5 # command line (default 0.001)"]


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_help_names_every_verb(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == ExitCode.DONE
    text = capsys.readouterr().out
    assert all(f"  {name} " in text and verb.help in text for name, verb in VERBS.items())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_own_help(verb: str, trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert "Usage: dlrun" in out and verb in out.splitlines()[0]
    assert trained == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    import dlrun

    assert main(["--version"]) == ExitCode.DONE
    assert capsys.readouterr().out == f"dlrun {dlrun.__version__}\n"


@pytest.mark.parametrize(
    ("raised", "code"),
    [(KeyboardInterrupt(), ExitCode.INTERRUPTED), (None, ExitCode.TERMINATED)],
    ids=["SIGINT", "SIGTERM"],
)
def test_an_interrupted_command_has_the_shells_exit_code(
    raised: BaseException | None, code: ExitCode, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlrun.errors import Terminated

    def stop(*_: object) -> None:
        raise raised or Terminated

    monkeypatch.setattr(train, "train", stop)
    assert main(["data=iris"]) == code


@pytest.mark.parametrize(
    ("status", "code"), [("finished", 0), ("diverged", 4), ("failed", 1), ("interrupted", 130), ("pruned", 0)]
)
def test_the_exit_code_says_what_became_of_a_run(status: str, code: int) -> None:
    from dlrun.cli.outcome import exit_code

    result = SimpleNamespace(status=status)
    single = SimpleNamespace(rate_test=None, sweep=None, result=result, results=(result,))
    assert exit_code(single) == code  # type: ignore[arg-type]
    sweep = SimpleNamespace(trials=[SimpleNamespace(runs=["a", "b"])])
    of_sweep = SimpleNamespace(rate_test=None, sweep=sweep, results=(SimpleNamespace(status="finished"), result))
    assert exit_code(of_sweep) == (3 if status in ("failed", "interrupted") else 0)  # type: ignore[arg-type]
    one_missing = SimpleNamespace(rate_test=None, sweep=sweep, results=(SimpleNamespace(status="finished"),))
    assert exit_code(one_missing) == 3, "a run without a result"  # type: ignore[arg-type]


IMPORTED = """
import json, sys
from dlrun.cli.main import main
assert main(sys.argv[2:]) == 0
names = set(json.loads(sys.argv[1])) & set(sys.modules)
print("\\n" + json.dumps(sorted(names)))
"""
FRAMEWORKS = ["tensorflow", "keras", "mlflow", "sklearn", "pandas", "scipy"]
HEAVY = ["hydra", "omegaconf", *FRAMEWORKS, "numpy", "yaml", "rich"]


def imported(words: Sequence[str], of: list[str], cwd: Path) -> list[str]:
    """Which of the modules a fresh process has imported when it has answered."""
    command = [sys.executable, "-c", IMPORTED, json.dumps(of), *words]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    return names


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["train", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    allowed = ["hydra", "omegaconf", "yaml"] if words[0] == "train" else []  # whose flags it shows
    assert [name for name in imported(words, HEAVY, tmp_path) if name not in allowed] == []


@pytest.mark.parametrize("words", [["config", "-m", "seed=0,1"], ["--cfg", "job"], ["ls", "optimizer"]], ids=" ".join)
def test_what_trains_nothing_imports_no_framework(words: list[str], tmp_path: Path) -> None:
    assert imported(words, FRAMEWORKS, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


LINES = [
    "dlrun ",
    "dlrun tr",
    "dlrun train optimizer=s",
    "dlrun optimizer=s",
    "dlrun train optimizer=sgd optimizer.mom",
    "dlrun model=",
    "dlrun config optimizer=s",
    "dlrun compare ",
    "dlrun compare optimizer=s",
]
COMPLETES = """
eval "$(dlrun -sc install=bash)"
function=$(complete -p dlrun | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
while IFS= read -r line; do
    COMP_LINE=$line COMP_POINT=${#line} COMP_WORDS=($line) COMPREPLY=()
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
    case $line in *' ') COMP_CWORD=${#COMP_WORDS[@]};; esac
    $function
    echo "${COMPREPLY[*]}"
done
"""


@pytest.fixture(scope="module")
def completed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What bash offers for each line, by the function that `dlrun -sc install=bash` defines."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", COMPLETES],
        input="".join(f"{line}\n" for line in LINES),
        cwd=tmp_path_factory.mktemp("shell"),
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(LINES, (words.split() for words in done.stdout.splitlines()), strict=True))


def test_the_shell_completes_verbs_at_the_first_word(completed: dict[str, list[str]]) -> None:
    assert set(VERBS) <= set(completed["dlrun "])
    assert {"optimizer=", "seed="} <= set(completed["dlrun "])
    assert set(VERBS) & set(completed["dlrun tr"]) == {"train"}


def test_the_shell_completes_options_and_keys(completed: dict[str, list[str]]) -> None:
    assert completed["dlrun optimizer=s"] == ["optimizer=sgd"]
    assert completed["dlrun train optimizer=s"] == ["optimizer=sgd"]
    assert completed["dlrun config optimizer=s"] == ["optimizer=sgd"]
    assert completed["dlrun train optimizer=sgd optimizer.mom"] == ["optimizer.momentum="]
    assert {"model=cnn", "model=mlp"} <= set(completed["dlrun model="])


def test_the_shell_offers_no_overrides_to_other_verbs(completed: dict[str, list[str]]) -> None:
    assert completed["dlrun compare "] == completed["dlrun compare optimizer=s"] == []
