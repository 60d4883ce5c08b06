"""Try each case in a process of its own, and have the interpreter's own audit tell what it did.

A parent has imported what planning needs and forks a child per case, so that a case costs milliseconds. In the child an
audit hook notes every import from outside the allowed packages, every file opened for writing, every process, socket
and piece of code - and stops the case at once, so that nothing hostile is let run to its end here.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import resource
import signal
import sys
import sysconfig
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .case import EVIL, Case

__all__ = ["Outcome", "try_all"]

_ALLOWED = sys.stdlib_module_names | {
    *("dlrun", "hydra", "hydra_plugins", "omegaconf", "antlr4", "yaml", "_yaml", "click", "rich", "pygments"),
    *("markdown_it", "mdurl", "packaging", "filelock", "numpy"),
}
_REFUSED = (
    *("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.", "os.kill", "code."),
    *(
        "socket.",
        "urllib.",
        "http.",
        "ftplib.",
        "smtplib.",
        "webbrowser.",
        "ctypes.",
        "pickle.",
        "shutil.",
        "tempfile.",
    ),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("os.utime", "os.setxattr", "os.putenv", "os.unsetenv", "os.chdir", "sqlite3.enable_load_extension"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OWN_VARIABLES = (b"DLRUN_NO_PROJECT",)
_CODE = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_PACKAGE = str(Path(__file__).resolve().parents[2] / "dlrun")
_PLUGINS = str(Path(__file__).resolve().parents[2] / "hydra_plugins")
_SECONDS = 20
_WARMING = (
    "config -m seed=1,2 callback=[checkpoint]",
    "config +zz=1 zz +seed=1",
    "ls",
    "show adam",
    "show nothing",
    "nothing",
    "config data=csv data.path=t.csv",
    "--cfg job --resolve",
    "-sc query=bash",
)


class Caught(BaseException):
    """The case did what none may do."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        code: the exit code; None where it never came to one.
        text: everything printed.
        caught: what it did that none may do, as the audit tells it.
        seconds: by the clock; `cpu_seconds` of the processor.
        megabytes: the largest resident memory, Python and dlrun included.
        marks: files in the folder that were not there before.
    """

    name: str
    code: int | None
    text: str
    caught: list[str]
    seconds: float
    cpu_seconds: float
    megabytes: float
    marks: list[str]


class _Hook:
    """The audit hook; it cannot be removed again, so it is switched."""

    def __init__(self) -> None:
        self.caught: list[str] = []
        self.is_on = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if (found := _judged(event, arguments)) is not None:
            self.is_on = False
            self.caught.append(found)
            raise Caught(found)


def _judged(event: str, arguments: tuple[Any, ...]) -> str | None:
    if event == "import":
        name = str(arguments[0])
        return None if name.split(".")[0] in _ALLOWED else f"import {name}"
    if event == "open":
        path, mode, flags = arguments
        writes = bool(flags & _WRITING) if isinstance(flags, int) else any(sign in str(mode) for sign in "wax+")
        return f"open for writing: {path}" if writes else None
    if event == "exec":
        file = str(getattr(arguments[0], "co_filename", "?"))
        ours = (*_CODE, _PACKAGE, _PLUGINS, "<frozen")
        # dataclasses and named tuples are made by code without a file; whoever asks for that must be one of ours
        frame = sys._getframe(2)
        maker = frame.f_code.co_filename
        return None if file.startswith(ours) or (file == "<string>" and maker.startswith(ours)) else f"exec {file}"
    if event in ("os.putenv", "os.unsetenv") and arguments[0] in _OWN_VARIABLES:
        return None
    return f"{event}{arguments!r:.80}" if event.startswith(_REFUSED) else None


def try_all(cases: Sequence[Case], root: Path) -> Iterator[Outcome]:
    """Try the cases, each in an empty folder below `root`."""
    _warm_up(root / "warm")
    gc.freeze()  # what was imported is not gone through again in every child
    hook = _Hook()
    sys.addaudithook(hook)
    for number, case in enumerate(cases):
        folder = root / f"{number}"
        _lay_out(case, folder)
        yield _tried(case, folder, hook)


def _lay_out(case: Case, folder: Path) -> None:
    (folder / case.folder).mkdir(parents=True)
    for name, content in {"evil.py": EVIL, **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    if case.prepare is not None:
        case.prepare(folder)


def _warm_up(folder: Path) -> None:
    """Import what any command imports, so that a case is charged for what it does itself."""
    from dlrun import api  # noqa: F401
    from dlrun.cli import completion, config, ls, messages, outcome, progress, show, train  # noqa: F401
    from dlrun.cli.main import main

    folder.mkdir(parents=True)
    sys.dont_write_bytecode = True
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "COMP_LINE": "dlrun optimizer=s"}  # the first is set by training
    here = Path.cwd()
    os.chdir(folder)
    (folder / "t.csv").write_text("a,b\n1,x\n2,y\n" * 10)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for words in _WARMING:
            main(words.split())
    os.chdir(here)


def _tried(case: Case, folder: Path, hook: _Hook) -> Outcome:
    before = _contents(folder)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(case, folder, hook, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    told = json.loads(answer) if answer else {"code": None, "text": f"ended by status {status}", "caught": []}
    figures = {"seconds": _SECONDS, "cpu_seconds": _SECONDS, "megabytes": 0.0} | told
    return Outcome(name=case.name, marks=sorted(_contents(folder) - before), **figures)


def _contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _child(case: Case, folder: Path, hook: _Hook, writing: int) -> None:
    """Run the case and tell its outcome; does not return."""
    from dlrun.cli.main import main

    signal.alarm(_SECONDS)
    os.chdir(folder / case.folder)
    os.environ.update(case.environment)
    code: int | None = None
    printed = io.StringIO()
    began, cpu = time.perf_counter(), time.process_time()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            hook.is_on = True
            code = main(list(case.words))
    except SystemExit as stop:
        code = int(stop.code or 0) if isinstance(stop.code, int | None) else 1
    except BaseException:  # noqa: BLE001 - what was caught, or broke, is told
        hook.is_on = False
        printed.write(traceback.format_exc())
    hook.is_on = False
    told = {
        "code": code,
        "text": printed.getvalue()[-20_000:],
        "caught": hook.caught,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(json.dumps(told).encode("utf-8", "replace"))
    os._exit(0)


def as_json(outcome: Outcome) -> str:
    """One line."""
    return json.dumps(asdict(outcome))
