"""A component to start from: the files of a worked example under the user's own name."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots, packaged, shown_path
from dlrun.config.signatures.modules import Modules
from dlrun.config.suggest import did_you_mean
from dlrun.errors import Problem, StorageError, UserError
from dlrun.models.items import STRUCTURE

__all__ = ["KINDS", "Starter", "bad_place", "starter", "write"]

KINDS = {
    "layer": "dlrun 'model.layers=[flatten,{{{name}: 32}},dropout]' trainer.epochs=5",
    "loss": "dlrun loss={name} trainer.epochs=5",
    "metric": "dlrun metric=[auto,{name}] trainer.epochs=5",
    "optimizer": "dlrun optimizer={name} trainer.epochs=5",
    "callback": "dlrun +callback=[{name}] trainer.epochs=5",
    "data": "dlrun data={name} trainer.epochs=5",
}
"""What can be started, and the command that trains with it."""

_HERE = Path(__file__).resolve().parent
_STEM = "example"
_NAME = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
_MOST_LETTERS = 40
_WORDS = {"auto", "base", "none", "null", "true", "false", "on", "off", "yes", "no", "option", "defaults", "merge"}
_TAKEN = {*_WORDS, *STRUCTURE, "layers", "shortcut"}  # what these mean in a config is settled
_FOLDERS = {"conf", "conftest", "experiments", "runs", "sweeps", "tests"}  # what lies in a project under these names
_PROJECT = "# What differs from dlrun's defaults in this project\n"


@dataclass(frozen=True)
class Starter:
    """What will be written.

    Attributes:
        files: contents by place, in the order to read them: the option, the component, its test.
        command: what trains with it.
        project: the folder that they go into.
        is_new: whether it becomes a project by this.
    """

    files: dict[Path, str]
    command: str
    project: Path
    is_new: bool


def starter(kind: str, name: str, roots: Roots) -> Starter:
    """The files of a component `name` for the project, or for the working directory where there is none.

    Raises:
        UserError: the name cannot be had, or files are in the way: all of them.
    """
    if kind not in KINDS:
        mend = did_you_mean(kind, KINDS) or f"One of: {', '.join(KINDS)}."
        raise UserError(str(Problem("KIND", "must be a kind of component", got=kind, mend=mend)))
    project = roots.project or roots.directory
    problems = [*bad_place(roots), *_bad_name(kind, name, project)]
    if problems:
        raise UserError("\n".join(map(str, problems)))
    files = {project / place: text for place, text in _texts(kind, name).items()}
    if in_the_way := [shown_path(path, roots.directory) for path in files if path.exists() or path.is_symlink()]:
        there = f"{' and '.join(in_the_way)} {'is' if len(in_the_way) == 1 else 'are'} there already"
        raise UserError(f"{there}: nothing was written. Choose another name, or move away what is in the way.")
    return Starter(files, KINDS[kind].format(name=name), project, roots.project is None)


def write(planned: Starter) -> None:
    """Write the files, all or none.

    Raises:
        StorageError: one cannot be written.
    """
    files = dict(planned.files)
    if planned.is_new:
        files = {planned.project / "conf" / "project.yaml": _PROJECT, **files}
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise StorageError(f"{error.filename or planned.project} cannot be written: {error.strerror}.") from error


def _texts(kind: str, name: str) -> dict[str, str]:
    places = {
        f"conf/{kind}/{name}.yaml": "option.yaml",
        f"{name}.py": f"{_STEM}.py",
        f"tests/test_{name}.py": f"test_{_STEM}.py",
    }
    title = "".join(part.capitalize() for part in name.split("_"))
    module = f"dlrun.starters.{kind}.{_STEM}"
    texts = {place: (_HERE / kind / file).read_text(encoding="utf-8") for place, file in places.items()}
    return {
        place: text.replace(module, name).replace(_STEM.capitalize(), title).replace(_STEM, name)
        for place, text in texts.items()
    }


def bad_place(roots: Roots) -> Iterator[Problem]:
    """What keeps a folder without a project from becoming one."""
    folder = roots.directory / "conf"
    if roots.project is not None or not folder.is_dir():
        return
    if folder.resolve() == packaged("conf").resolve():
        yield Problem("the folder", "must be your own: this one is dlrun's", mend="Make a folder, and type it there.")
    elif next(folder.rglob("*.yaml"), None) is not None:  # to make it a project would be to trust what lies there
        rule = "must hold project.yaml before anything is added: what lies in it is not trusted yet"
        yield Problem("conf/", rule, mend="If the files are yours: touch conf/project.yaml.")


def _bad_name(kind: str, name: str, project: Path) -> Iterator[Problem]:
    if not _NAME.match(name) or len(name) > _MOST_LETTERS:
        snake = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()
        rule = f"must be small letters, digits and single underscores, at most {_MOST_LETTERS}, a letter first"
        mend = f"Did you mean {snake}?" if _NAME.match(snake) and len(snake) <= _MOST_LETTERS else None
        yield Problem("NAME", rule, got=f"'{name}'", mend=mend)
    elif keyword.iskeyword(name) or name in _TAKEN:
        whose = "Python" if keyword.iskeyword(name) else "a config"
        yield Problem("NAME", f"must not be a word that means something in {whose}", name, f"Did you mean my_{name}?")
    elif name in _FOLDERS:
        rule = "must not be the name of what lies in a project already, or of pytest's own"
        yield Problem("NAME", rule, got=name, mend=f"Did you mean my_{name}?")
    elif (owner := _owner(name, project)) is not None:
        rule = f"must not be the name of a module that Python finds first: {owner}"
        yield Problem("NAME", rule, got=name, mend=f"Did you mean my_{name}?")
    elif Catalog(Roots(None, project, project)).has(kind, name):
        rule = f"must not be the name of a packaged option: yours would take the place of {kind}={name} everywhere"
        yield Problem("NAME", rule, got=name, mend=f"Did you mean my_{name}?")


def _owner(name: str, project: Path) -> str | None:
    """What else is imported by this name."""
    if (project / name).is_dir():
        return f"the folder {name} of the project"
    if (project / f"{name}.py").exists():
        return None  # told as a file in the way
    return Modules().owner(name)
