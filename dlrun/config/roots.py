"""Where options come from: the user's project first, then what dlrun carries."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Roots", "find_project", "packaged"]

_PACKAGE = Path(__file__).resolve().parent.parent


def packaged(name: str) -> Path:
    """The folder `conf` or `experiments` that dlrun carries: inside the wheel, or beside the package in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def find_project(start: Path) -> Path | None:
    """The nearest folder, from `start` upwards, that holds `conf/project.yaml`; None when there is none."""
    for folder in (start, *start.parents):
        if (folder / "conf" / "project.yaml").is_file() and (folder / "conf").resolve() != packaged("conf").resolve():
            return folder
    return None


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
        project = find_project(directory)
        return cls(project=project, work=project or directory, directory=directory)

    @property
    def unread(self) -> Path | None:
        """A `conf/` where the command was started that is not read, because nothing says that it is trusted."""
        folder = self.directory / "conf"
        mine = self.project is None and folder.is_dir() and folder.resolve() != packaged("conf").resolve()
        return folder if mine else None

    def folders(self, group: str) -> list[Path]:
        """The folders that hold the options of `group`, first served first; '' is the top."""
        name, parts = ("experiments", ()) if group == "experiment" else ("conf", (group,) if group else ())
        roots = [] if self.project is None else [self.project / name]
        return [root.joinpath(*parts) for root in (*roots, packaged(name))]

    def find(self, group: str, name: str) -> Path | None:
        """The file of option `name` of `group`, or None."""
        candidates = (folder / f"{name}.yaml" for folder in self.folders(group))
        return next((path for path in candidates if path.is_file()), None)

    def file(self, path: str) -> Path:
        """A file that a config names: seen from where the command was started, else from the project."""
        given = Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises where there is no such user
        seen = self.directory / given
        return seen if seen.exists() else self.work / given
