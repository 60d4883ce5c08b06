"""Where options come from: the user's project first, then what dlrun carries."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dlrun.errors import ConfigError, Problem

__all__ = ["Roots", "find_project", "packaged", "require_inside", "shown_path", "trusting_no_project"]

_PACKAGE = Path(__file__).resolve().parent.parent
_NO_PROJECT = "DLRUN_NO_PROJECT"  # an environment variable, so that the processes of a command inherit it
_NAME = re.compile(r"\w[\w.-]{0,99}")  # no file system takes a name of any length


def packaged(name: str) -> Path:
    """The folder `conf` or `experiments` that dlrun carries: inside the wheel, or beside the package in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def shown_path(path: Path, directory: Path) -> str:
    """A path as seen from `directory`, or in full where that is shorter."""
    seen = os.path.relpath(path, directory)
    return min(seen, str(path), key=len)


def find_project(start: Path) -> Path | None:
    """The nearest folder, from `start` upwards, that holds `conf/project.yaml`; None when there is none."""
    for folder in (start, *start.parents):
        if (folder / "conf" / "project.yaml").is_file() and (folder / "conf").resolve() != packaged("conf").resolve():
            return folder
    return None


def require_inside(path: Path, project: Path) -> None:
    """Refuse a file of `project` that lies elsewhere in truth.

    Raises:
        ConfigError: a link leads out of the project: nobody said that what is there is trusted.
    """
    real = path.resolve()
    if not real.is_relative_to(project.resolve()):
        rule = "must lie in the project: what a link leads to elsewhere is not trusted"
        mend = "Copy the file into the project."
        raise ConfigError([Problem(path.name, rule, got=f"a link to {real}", mend=mend, place=str(path))])


@contextmanager
def trusting_no_project() -> Iterator[None]:
    """Inside, and in the processes that are started inside, no project is read: what `--no-project` does."""
    before = os.environ.get(_NO_PROJECT)
    os.environ[_NO_PROJECT] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NO_PROJECT]
        else:
            os.environ[_NO_PROJECT] = before


def _is_of_a_stranger(project: Path, start: Path) -> bool:
    """Whether a project above `start` belongs to somebody else: a folder such as /tmp is everybody's to write.

    Nobody is a stranger where the command is started in the project itself, nor is root, nor the owner of `start`.
    """
    if project == start or not hasattr(os, "getuid"):
        return False
    owners = {(project / "conf").stat().st_uid, (project / "conf" / "project.yaml").stat().st_uid}
    return bool(owners - {0, os.getuid(), start.stat().st_uid})


@dataclass(frozen=True)
class Roots:
    """The folders that options are read from, in the order of their precedence.

    Attributes:
        project: the user's project, or None outside one.
        work: where `runs/`, `sweeps/` and `mlflow.db` lie: the project, else the working directory.
        directory: where the command was started.
    """

    project: Path | None
    work: Path
    directory: Path

    @classmethod
    def of(cls, directory: Path) -> Roots:
        """The roots that a command started in `directory` uses."""
        directory = directory.resolve()
        project = None if os.environ.get(_NO_PROJECT) else find_project(directory)
        if project is not None and _is_of_a_stranger(project, directory):
            project = None
        return cls(project=project, work=project or directory, directory=directory)

    @property
    def unread(self) -> Path | None:
        """A `conf/` where the command was started that is not read, because nothing says that it is trusted."""
        folder = self.directory / "conf"
        mine = self.project is None and folder.is_dir() and folder.resolve() != packaged("conf").resolve()
        return folder if mine else None

    @property
    def hint(self) -> str | None:
        """What to say of a project or a `conf/` that is not read; None where there is none, or it was asked for."""
        if os.environ.get(_NO_PROJECT) or self.project is not None:
            return None
        if (stranger := find_project(self.directory)) is not None:
            return f"{stranger / 'conf'} is not read: it belongs to another user. If you trust it, start in {stranger}."
        if (folder := self.unread) is not None and (folder / "project.yml").is_file():
            return f"{folder / 'project.yml'} is not read: rename it to project.yaml."
        if (folder := self.unread) is not None:
            return f"{folder} is not read: make {folder / 'project.yaml'}, which may be empty, if it is yours."
        return None

    def folders(self, group: str) -> list[Path]:
        """The folders that hold the options of `group`, first served first; '' is the top."""
        name, parts = ("experiments", ()) if group == "experiment" else ("conf", (group,) if group else ())
        if not all(_NAME.fullmatch(each) for part in parts for each in part.split("/")):
            return []  # a way out of the tree is the name of no group
        roots = [] if self.project is None else [self.project / name]
        return [root.joinpath(*parts) for root in (*roots, packaged(name))]

    def find(self, group: str, name: str) -> Path | None:
        """The file of option `name` of `group`, or None.

        Raises:
            ConfigError: it is a link to a file outside the project, which nobody said is trusted.
        """
        path = self.place(group, name)
        if path is not None:
            self.require_inside(path)
        return path

    def place(self, group: str, name: str) -> Path | None:
        """As `find`, to be shown and not to be read: it may be a link to anywhere."""
        if not _NAME.fullmatch(name):
            return None
        candidates = (folder / f"{name}.yaml" for folder in self.folders(group))
        return next((path for path in candidates if path.is_file()), None)

    def misnamed(self, group: str, name: str) -> Path | None:
        """A file `name.yml` in a folder of `group`, where only `.yaml` is read."""
        files = (folder / f"{name}.yml" for folder in self.folders(group) if _NAME.fullmatch(name))
        return next((file for file in files if file.is_file()), None)

    def require_inside(self, path: Path) -> None:
        """Refuse a file of the project that lies elsewhere in truth.

        Raises:
            ConfigError: a link leads out of the project.
        """
        if self.project is not None and path.is_relative_to(self.project):
            require_inside(path, self.project)

    def require_module_inside(self, dotted: str) -> None:
        """As `require_inside`, for the module and the packages on the way to an import path."""
        parts = dotted.replace(":", ".").split(".")
        if self.project is None:
            return
        for end in range(1, len(parts) + 1):
            place = self.project.joinpath(*parts[:end])
            for file in (place, place / "__init__.py", place.with_name(f"{place.name}.py")):
                if file.exists():
                    self.require_inside(file)

    def file(self, path: str) -> Path:
        """A file that a config names: seen from where the command was started, else from the project."""
        given = Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises where there is no such user
        seen = self.directory / given
        return seen if seen.exists() else self.work / given
