"""A project of one's own to write options into, and specs made of defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots

GROUPS = {"activation": "relu", "initializer": "glorot_uniform", "regularizer": "none", "constraint": "none"}


class Project:
    """A project folder whose options are served before the packaged ones."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "conf").mkdir()
        (root / "conf" / "project.yaml").touch()
        self.catalog = Catalog(Roots.of(root))

    def write(self, group: str, name: str, text: str) -> None:
        """Write an option file; what was read before is forgotten."""
        folder = self.root / "conf" / group
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        self.catalog = Catalog(Roots.of(self.root))

    def spec(self, model: str, *, task: str = "multiclass", classes: int | None = 3, **keys: Any) -> dict[str, Any]:
        """A spec of defaults. Keys named as a group choose its option, `seed` is the seed, others are the model's."""
        groups = {group: keys.pop(group, name) for group, name in GROUPS.items()}
        return {
            "seed": keys.pop("seed", 0),
            "task": task,
            "classes": classes,
            "model": {**self._node("model", model), **keys},
            **{group: self._node(group, choice) for group, choice in groups.items()},
        }

    def model(self, text: str, **keys: Any) -> dict[str, Any]:
        """A spec of the model that `text` declares."""
        self.write("model", "mine", text)
        return self.spec("mine", **keys)

    def layers(self, items: list[Any], **keys: Any) -> dict[str, Any]:
        """A spec of a model of these items."""
        return self.spec("base", layers=items, **keys)

    def _node(self, group: str, choice: str | Mapping[str, Any]) -> dict[str, Any]:
        given = {"option": choice} if isinstance(choice, str) else dict(choice)
        return {**self.catalog.get(group, given["option"]).defaults, **given}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path)
