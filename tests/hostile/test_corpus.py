"""Every case of the corpus is refused, or shown harmless: see `watch` for how that is known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .case import EVIL, Case
from .cases import CASES
from .verdict import LIMIT_MEGABYTES, LIMIT_SECONDS, faults
from .watch import Outcome

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = 2  # each its own process, so that two processors share the corpus
BY_COMMAND = (
    "target in optimizer",
    "callbacks 0: .x._target_",
    "hydra.job_logging is turned",
    "secret 6 in name",
    "10,000 lists",
    "a word of 100 kB",
    "a billion seeds",
    "experimental-rerun",
    "config-dir",
    "experiment of a bomb of aliases",
    "experiment with a log handler",
    "link: a module",
    "data from zeros",
    "--no-project option",
)
STARTER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"\\n{used.ru_maxrss} {used.ru_utime + used.ru_stime}", flush=True)
sys.exit(done.returncode)
"""
OUTCOMES: list[Outcome] = []


def of_part(part: int) -> list[Case]:
    return CASES[part::PARTS]


@pytest.mark.parametrize("part", range(PARTS))
def test_each_case_is_refused_in_time_and_memory_and_does_nothing(part: int) -> None:
    """One test for many cases, because the process that has imported dlrun is what they share."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile", "--json", f"--part={part}/{PARTS}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        env=os.environ | {"COLUMNS": "200"},
    )
    outcomes = [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]
    cases = of_part(part)
    assert [outcome.name for outcome in outcomes] == [case.name for case in cases]
    wrong = {
        case.name: found for case, outcome in zip(cases, outcomes, strict=True) if (found := faults(case, outcome))
    }
    assert wrong == {}
    slowest = max(outcomes, key=lambda outcome: outcome.cpu_seconds)
    largest = max(outcomes, key=lambda outcome: outcome.megabytes)
    sys.stdout.write(
        f"{len(outcomes)} cases; slowest {slowest.cpu_seconds:.3f} s of {LIMIT_SECONDS} ({slowest.name}); "
    )
    sys.stdout.write(f"largest {largest.megabytes:.0f} MB of {LIMIT_MEGABYTES} ({largest.name})\n")


def test_the_corpus_is_as_large_as_it_must_be() -> None:
    assert len(CASES) >= 200
    distinct = {(each.words, *each.files.items(), each.prepare, *each.environment.items()) for each in CASES}
    assert len(distinct) == len(CASES)


@pytest.mark.parametrize("name", BY_COMMAND)
def test_the_command_itself_refuses(name: str, tmp_path: Path) -> None:
    """The same through a process of its own: exit code 2, no traceback, nothing made, bounded memory."""
    case = next((case for case in CASES if case.name == name), None) or Case(
        name, ("name=" + "x" * 100_000,), "must be at most 50,000 characters"
    )
    for file, content in {"evil.py": EVIL, **case.files}.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    if case.prepare is not None:
        case.prepare(tmp_path)
    before = set(tmp_path.rglob("*"))
    # not `python -m dlrun`: Python itself puts the working directory first then
    command = [sys.executable, "-P", "-c", "import sys; from dlrun.cli.main import main; sys.exit(main())", *case.words]
    # started by a small process: the most memory that a process had before it became another program counts for both
    command = [sys.executable, "-I", "-S", "-c", STARTER, *command]
    with subprocess.Popen(
        command,
        cwd=tmp_path / case.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | case.environment,
    ) as process:
        assert process.stdout is not None
        text, _, figures = process.stdout.read().decode().rstrip().rpartition("\n")
        text = " ".join(text.split())
    kilobytes, seconds = map(float, figures.split())
    assert (process.returncode, "Traceback" in text) == (2, False), text
    assert case.says in text
    assert set(tmp_path.rglob("*")) == before
    assert kilobytes / 1024 < LIMIT_MEGABYTES
    assert seconds < 2 * LIMIT_SECONDS, "the start of Python included"


WATCHED = {
    "import": "import evil",
    "write": "open('x', 'w')",
    "append": "open('evil.py', 'a')",
    "descriptor": "import os; os.open('x', os.O_CREAT | os.O_WRONLY)",
    "folder": "import os; os.mkdir('x')",
    "removal": "import os; os.remove('evil.py')",
    "process": "import subprocess; subprocess.Popen(['true'])",
    "shell": "import os; os.system('true')",
    "fork": "import os; os.fork()",
    "socket": "import socket; socket.socket()",
    "code": "exec(compile('1', 'evil', 'exec'))",
    "pickle": "import pickle; pickle.loads(b'cos\\nsystem\\n.')",
    "variable": "import os; os.environ['PATH'] = '/tmp'",
    "directory": "import os; os.chdir('/')",
}


@pytest.mark.parametrize("deed", WATCHED)
def test_the_audit_would_notice(deed: str, tmp_path: Path) -> None:
    """What the corpus proves rests on the hook: each deed by itself is caught."""
    (tmp_path / "evil.py").write_text(EVIL)
    script = (
        "import sys, os, subprocess, socket, pickle\nfrom tests.hostile.watch import Caught, _Hook\n"
        f"os.chdir({str(tmp_path)!r}); sys.path.insert(0, '.')\nhook = _Hook(); sys.addaudithook(hook); hook.is_on = True\n"
        f"try:\n    {WATCHED[deed]}\nexcept Caught as caught:\n    hook.is_on = False\n    print('caught', caught)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.stdout.startswith("caught"), done.stderr
    assert not (tmp_path / "PWNED").exists()
