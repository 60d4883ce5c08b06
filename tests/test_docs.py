"""The documents keep their word: all that they tell to type is typed, and the names that they drop exist.

A document is followed from top to bottom in one fresh directory. ```yaml blocks are written to the path in their first
line, ```python blocks too where that is a path, else they are run; each line of a ```sh block is a command that must
end with 0, or with what a trailing `# exits N` says.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dlrun.analysis.trials import short_names
from dlrun.cli.verbs import VERBS
from dlrun.config.spec import REPLICATE_KEYS
from dlrun.config.yamlfile import read_yaml
from dlrun.errors import ExitCode
from dlrun.models.items import STRUCTURE

REPOSITORY = Path(__file__).resolve().parent.parent
README = REPOSITORY / "README.md"
GALLERY = REPOSITORY / "docs" / "errors.md"  # made of what commands answer; `test_gallery` holds it to that
DOCUMENTS = [README, *sorted({*(REPOSITORY / "docs").glob("*.md")} - {GALLERY})]
SCRIPTS = sysconfig.get_path("scripts")
COMMAND_SECONDS = 240
COLUMN_GAP = re.compile(r"\s{2,}")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its first line in the document."""

    language: str
    line: int
    text: str

    @property
    def path(self) -> str | None:
        """The path that the first line names, if it names one."""
        match = re.match(r"# (\S+\.(?:yaml|py))\n", self.text)
        return match.group(1) if match else None


def blocks_of(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    fence = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [Block(m.group(1), text.count("\n", 0, m.start(2)) + 1, m.group(2)) for m in fence.finditer(text)]


@dataclass(frozen=True)
class Printed:
    """What a command of a document printed."""

    command: str
    output: str


class Reader:
    """Does what a document says, in `directory`."""

    def __init__(self, document: Path, directory: Path) -> None:
        self.document = document
        self.directory = directory
        dropped = ("PYTHONDONTWRITEBYTECODE", "MLFLOW_TRACKING_URI", "DISPLAY", "WAYLAND_DISPLAY")
        kept = {key: value for key, value in os.environ.items() if key not in dropped}
        self.environment = kept | {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"}

    def follow(self) -> Iterator[Printed]:
        for block in blocks_of(self.document):
            if block.language == "sh":
                for number, line in enumerate(block.text.splitlines(), start=block.line):
                    yield self.type(line, number)
            elif block.path is not None:
                file = self.directory / block.path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text.partition("\n")[2], encoding="utf-8")
            elif block.language == "python":
                yield self.run([sys.executable, "-c", block.text], "python", block.line)
            else:
                assert block.language == "text", f"{self.document.name}:{block.line}: a yaml block must name its file"

    def type(self, text: str, line: int) -> Printed:
        command, _, comment = text.partition("  # ")
        expected = re.fullmatch(r"exits (\d+)", comment)
        assert expected or not comment, f"{self.document.name}:{line}: '{comment}' says no exit code"
        code = int(expected.group(1)) if expected else 0
        if command.startswith("make "):
            return self.run(["make", "-n", *command.split()[1:]], command, line, directory=REPOSITORY)
        if command == "pip install .":  # for real, into another environment: test_wheel.py
            flags = ["--dry-run", "--ignore-installed", "--no-deps", "--no-index", "--no-build-isolation", "--quiet"]
            return self.run([sys.executable, "-m", "pip", "install", *flags, str(REPOSITORY)], command, line)
        if command == "dlrun ui":
            return self.open_and_interrupt(command, line)
        return self.run(["bash", "-c", command], command, line, code)

    def run(self, words: list[str], command: str, line: int, code: int = 0, directory: Path | None = None) -> Printed:
        done = subprocess.run(
            words,
            cwd=directory or self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        where = f"{self.document.name}:{line}: {command}"
        assert done.returncode == code, f"{where}\nended with {done.returncode}, not {code}:\n{done.stdout}"
        assert "Traceback" not in done.stdout, f"{where}\n{done.stdout}"
        return Printed(command, done.stdout)

    def open_and_interrupt(self, command: str, line: int) -> Printed:
        """A command that serves until Ctrl-C: wait until it says that it is ready, then press it."""
        words = [*shlex.split(command), "--no-browser"]
        with subprocess.Popen(
            words, cwd=self.directory, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            ready = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        assert "Ctrl-C" in ready, f"{self.document.name}:{line}: {command}\n{ready}{output}"
        assert process.returncode == 0, f"{self.document.name}:{line}: ended with {process.returncode}:\n{output}"
        return Printed(command, ready + output)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], list[Printed]]:
    """What the commands of a document printed; a document is followed once."""
    assert shutil.which("dlrun", path=SCRIPTS), f"dlrun is not installed beside {sys.executable}: make install"

    @cache
    def follow(document: Path) -> list[Printed]:
        return list(Reader(document, tmp_path_factory.mktemp(document.stem)).follow())

    return follow


@each_document
def test_all_that_it_tells_to_type_works(document: Path, printed: Callable[[Path], list[Printed]]) -> None:
    assert printed(document)


def test_the_leaderboard_in_the_readme_has_the_columns_of_today(printed: Callable[[Path], list[Printed]]) -> None:
    (shown,) = (block.text for block in blocks_of(README) if block.language == "text")
    sweep = next(each.output for each in printed(README) if each.command.startswith("dlrun -m "))
    settings, *others = columns(sweep)
    assert settings == "learning_rate"  # what that sweep varies; what `make run` varies says its experiment
    params = read_yaml(REPOSITORY / "experiments" / "digits_rate_and_dropout.yaml").values["hydra"]["sweeper"]["params"]
    assert columns(shown) == [*short_names([key for key in params if key not in REPLICATE_KEYS]).values(), *others]


def columns(output: str) -> list[str]:
    """The headings of the table in `output`: the line above its rule."""
    lines = output.splitlines()
    rule = next(index for index, line in enumerate(lines) if line.strip() and not line.strip("─ "))
    return COLUMN_GAP.split(lines[rule - 1].strip())


def test_the_readme_shows_every_verb_and_every_exit_code() -> None:
    text = README.read_text(encoding="utf-8")
    missing = [verb for verb in VERBS if verb != "train" and f"dlrun {verb}" not in text]
    assert not missing
    told = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert [int(code) for code in told] == [code.value for code in ExitCode]


def test_the_config_page_has_every_structural_word() -> None:
    text = (REPOSITORY / "docs" / "config.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+): .*? \|", text, re.MULTILINE)
    assert set(told) - {"dense", "conv2d"} == set(STRUCTURE)


@each_document
def test_its_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", document.read_text(encoding="utf-8"))
    assert not [link for link in links if not (document.parent / link).exists()]


@each_document
def test_the_modules_classes_and_functions_that_it_names_exist(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    dotted = re.findall(r"(?<!tag )`((?:dlrun|hydra_plugins\.dlrun)(?:\.\w+)+)`", text)
    assert not [name for name in dotted if not is_defined(name)]
    files = re.findall(r"`((?:dlrun|hydra_plugins|conf|experiments)/[a-z0-9_/.]*)`", text)
    assert not [file for file in files if not (REPOSITORY / file).exists()]


def is_defined(name: str) -> bool:
    """Whether the source, read and not imported, defines `package.module.Class.method` or a part of that."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        folder = REPOSITORY.joinpath(*parts[:length])
        if (file := folder.with_suffix(".py")).is_file():
            return defines(ast.parse(file.read_text(encoding="utf-8")), parts[length:])
        if folder.is_dir():
            return length == len(parts)
    return False


def defines(scope: ast.AST, names: list[str]) -> bool:
    if not names:
        return True
    kinds = (ast.ClassDef, ast.FunctionDef)
    inner = (node for node in ast.iter_child_nodes(scope) if isinstance(node, kinds) and node.name == names[0])
    return any(defines(node, names[1:]) for node in inner)


def test_every_room_is_on_the_map() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.parent.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob("dlrun/*/__init__.py")}
    assert not [room for room in sorted(rooms) if f"`{room}/`" not in text]


@pytest.mark.parametrize(
    ("room", "title"), [("training", "Training"), ("sweeps", "Sweeps"), ("analysis", "Answers"), ("tracking", "Store")]
)
def test_every_module_of_a_large_room_is_on_its_map(room: str, title: str) -> None:
    """The largest rooms have a table of their own, each module once."""
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    table = section.partition("\n| modules | hold |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ((?:`\w+` ?)+) \|", table, re.MULTILINE)
    told = [name for row in rows for name in re.findall(r"\w+", row)]
    assert sorted(told) == sorted({path.stem for path in REPOSITORY.glob(f"dlrun/{room}/*.py")} - {"__init__"})
