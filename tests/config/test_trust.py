"""What a config from an untrusted place may not do: see tests/hostile for the corpus."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

from dlrun.config.loader import PRIMARY, CachingConfigLoader
from dlrun.config.roots import Roots, trusting_no_project
from dlrun.config.trust import SHIPPED, hydra_problems, is_import_path
from dlrun.errors import ConfigError, Problem
from dlrun.planning import Planner

COMPOSED = OmegaConf.to_container(
    CachingConfigLoader(Path("/")).composition(PRIMARY, [], RunMode.RUN).hydra, resolve=False, enum_to_str=True
)
CALLBACK = "# Mine\n_target_: mine.Callback\n"


def judged(**changes: object) -> dict[str, str | None]:
    node = OmegaConf.merge(COMPOSED, changes)
    return {problem.key: problem.got for problem in hydra_problems(node, lambda: None)}


def planned(work: Path, *words: str) -> list[Problem]:
    try:
        Planner(work).plan(list(words), sweep=False)
    except ConfigError as error:
        return list(error.problems)
    return []


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_what_is_said_to_be_shipped_is_what_is_composed() -> None:
    node = OmegaConf.create(COMPOSED)
    assert {
        key: OmegaConf.to_container(OmegaConf.create({"x": OmegaConf.select(node, key)}))["x"] for key in SHIPPED
    } == SHIPPED
    assert judged() == {}


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "mine.Callback",
        "hydra_plugins.dlrun.plugins.DlrunLauncher.launch",  # exact names, no prefixes
        " hydra_plugins.dlrun.plugins.DlrunLauncher",
        "hydra_plugins.dlrun.plugins",
        "hydra_plugins.dlrun.plugins.DlrunSweeper",  # a plugin, of another kind
        "${..name}",  # not resolved to be judged
    ],
)
def test_a_launcher_is_a_plugin_for_launching(target: str) -> None:
    assert judged(launcher={"_target_": target}) == {"hydra.launcher._target_": target}


def test_it_is_looked_for_at_every_depth() -> None:
    node = {"a": {"b": [{"_target_": "os.system"}, {"c": {"_target_": "os.popen", "_partial_": True}}]}}
    assert judged(callbacks=node) == {
        "hydra.callbacks.a.b.0._target_": "os.system",
        "hydra.callbacks.a.b.1.c._target_": "os.popen",
        "hydra.callbacks.a.b.1.c._partial_": "True",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"job_logging": {"handlers": {"x": {"()": "os.system", "command": "id"}}}},
        {"hydra_logging": {"formatters": {"x": {"()": "os.system"}}}},
        {"run": {"dir": "/tmp/elsewhere"}},
        {"callbacks": "${tags}"},
        {"job": {"env_set": {"PATH": "/tmp"}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_acts_in_hydras_node_stays_as_it_is_shipped(change: dict[str, object]) -> None:
    assert len(judged(**change)) == 1


def test_a_launchers_values_are_plain() -> None:
    assert judged(launcher={"a": ["${oc.create:'{_target_: os.system}'}"]}) != {}
    assert judged(launcher={"n_jobs": 2, "folder": "/tmp"}) == {}


def test_a_projects_own_callback_is_trusted_and_only_as_it_declares_it(work: Path) -> None:
    write(work / "conf" / "project.yaml", "")
    write(work / "conf" / "hydra" / "callbacks" / "mine.yaml", "mine: {_target_: mine.Callback}\n")
    assert planned(work, "hydra/callbacks=mine") == []
    assert planned(work, "hydra/callbacks=mine", "hydra.callbacks.mine._target_=os.system") != []
    (problem,) = planned(work, "hydra/callbacks=mine", "+hydra.callbacks.other._target_=mine.Callback")
    assert problem.key == "hydra.callbacks.other._target_"
    with trusting_no_project():
        assert planned(work, "hydra/callbacks=mine") != []


def test_a_projects_own_settings_are_trusted(work: Path) -> None:
    text = "hydra:\n  callbacks:\n    mine: {_target_: mine.Callback}\n  job:\n    env_set: {A: '1'}\n"
    write(work / "conf" / "project.yaml", text)
    assert planned(work) == []
    write(work / "experiments" / "e.yaml", "# E\nhydra:\n  job:\n    env_set: {A: '2'}\n")
    assert [problem.key for problem in planned(work, "experiment=e")] == ["hydra.job.env_set"]


@pytest.mark.parametrize("file", ["experiments/mine.yaml", "conf/optimizer/mine.yaml", "elsewhere/mine.yaml"])
def test_other_files_make_nothing_trusted_for_hydra(file: str, work: Path) -> None:
    write(work / "conf" / "project.yaml", "")
    write(work / file, CALLBACK)
    (problem,) = planned(work, "+hydra.callbacks.x._target_=mine.Callback")
    assert problem.key == "hydra.callbacks.x._target_"


@pytest.mark.parametrize(
    "key", ["_target_", "_args_", "_t\u0430rget_", "\uff3ftarget\uff3f", "_tar\u200bget_", "_target_ ", "_call_"]
)
def test_what_looks_like_an_import_path_is_taken_for_one(key: str) -> None:
    assert is_import_path(key)
    assert not is_import_path(key.strip("_\uff3f ") + "_x")


def test_a_project_of_somebody_else_is_not_trusted(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(work / "conf" / "project.yaml", "")
    inside = work / "mine" / "deep"
    inside.mkdir(parents=True)
    assert Roots.of(inside).project == work.resolve()
    monkeypatch.setattr("dlrun.config.roots._is_of_a_stranger", lambda project, start: project != start)
    assert Roots.of(inside).project is None
    assert "belongs to another user" in str(Roots.of(inside).hint)
    assert Roots.of(work).project == work.resolve()


def test_no_project_means_the_working_directory(work: Path) -> None:
    write(work / "conf" / "project.yaml", "")
    inside = work / "deep"
    inside.mkdir()
    with trusting_no_project():
        assert (Roots.of(inside).project, Roots.of(inside).work, Roots.of(work).hint) == (None, inside.resolve(), None)
    assert Roots.of(inside).work == work.resolve()


def test_a_link_out_of_the_project_is_refused_and_one_inside_is_not(work: Path) -> None:
    project = work / "project"
    write(project / "conf" / "project.yaml", "")
    write(work / "far.yaml", "# Far\n_target_: keras.optimizers.SGD\nlearning_rate: 0.1  # (0, inf): rate\n")
    write(project / "near.yaml", (work / "far.yaml").read_text())
    folder = project / "conf" / "optimizer"
    folder.mkdir()
    (folder / "far.yaml").symlink_to(work / "far.yaml")
    (folder / "near.yaml").symlink_to(project / "near.yaml")
    assert planned(project, "optimizer=near") == []
    (problem,) = planned(project, "optimizer=far")
    assert problem.rule.startswith("must lie in the project")
    write(work / "mine.py", "")
    (project / "mine.py").symlink_to(work / "mine.py")
    write(folder / "near.yaml", "# Near\n_target_: mine.SGD\nlearning_rate: 0.1  # (0, inf): rate\n")
    (problem,) = planned(project, "optimizer=near")
    assert problem.key == "mine.py"
