"""Which classes Hydra's own node may name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from dlrun.config.roots import Roots
from dlrun.config.trust import untrusted_targets


def refused(node: Any, folder: Path) -> dict[str, str | None]:
    problems = untrusted_targets(OmegaConf.create(node), Roots.of(folder))
    return {problem.key: problem.got for problem in problems}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


CALLBACK = "class: {_target_: mine.Callback}\n"


def test_plugins_are_trusted(work: Path) -> None:
    node = {
        "launcher": {"_target_": "hydra_plugins.dlrun.plugins.DlrunLauncher"},
        "sweeper": {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"},
    }
    assert refused(node, work) == {}


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "mine.Callback",
        "hydra_plugins.dlrun.plugins.DlrunLauncher.launch",  # exact names, no prefixes
        " hydra_plugins.dlrun.plugins.DlrunLauncher",
        "hydra_plugins.dlrun.plugins",
    ],
)
def test_anything_else_is_refused_by_its_key(target: str, work: Path) -> None:
    assert refused({"launcher": {"_target_": target}}, work) == {"hydra.launcher._target_": target}


def test_it_is_looked_for_at_every_depth(work: Path) -> None:
    node = {"callbacks": {"a": {"b": [{"_target_": "os.system"}, {"c": {"_target_": "os.popen"}}]}}}
    assert refused(node, work) == {
        "hydra.callbacks.a.b.0._target_": "os.system",
        "hydra.callbacks.a.b.1.c._target_": "os.popen",
    }


def test_interpolations_are_not_resolved_to_judge(work: Path) -> None:
    node = {"launcher": {"_target_": "${..name}"}, "name": "os.system"}
    assert refused(node, work) == {"hydra.launcher._target_": "${..name}"}


@pytest.mark.parametrize("file", ["conf/project.yaml", "conf/hydra/callbacks/mine.yaml"])
def test_a_projects_own_files_are_trusted(file: str, work: Path) -> None:
    write(work / "conf" / "project.yaml", "")
    write(work / file, f"hydra:\n  callbacks:\n    {CALLBACK}")
    assert refused({"callbacks": {"x": {"_target_": "mine.Callback"}}}, work) == {}
    assert refused({"callbacks": {"x": {"_target_": "mine.Other"}}}, work) != {}


@pytest.mark.parametrize("file", ["experiments/mine.yaml", "conf/optimizer/mine.yaml", "elsewhere/mine.yaml"])
def test_other_files_make_nothing_trusted_for_hydra(file: str, work: Path) -> None:
    write(work / "conf" / "project.yaml", "")
    write(work / file, f"hydra:\n  callbacks:\n    {CALLBACK}")
    assert refused({"callbacks": {"x": {"_target_": "mine.Callback"}}}, work) != {}


def test_without_a_project_no_conf_lying_about_is_trusted(work: Path) -> None:
    write(work / "conf" / "hydra" / "callbacks" / "mine.yaml", CALLBACK)
    assert refused({"callbacks": {"x": {"_target_": "mine.Callback"}}}, work) != {}
