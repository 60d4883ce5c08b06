"""Option files: what they declare, inherit and refuse."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.config.yamlfile import line_of, read_yaml
from dlrun.errors import ConfigError


@pytest.fixture
def project(work: Path) -> Path:
    (work / "conf" / "optimizer").mkdir(parents=True)
    (work / "conf" / "callback").mkdir()
    (work / "conf" / "project.yaml").touch()
    return work


def option(project: Path, name: str, text: str, group: str = "optimizer") -> Catalog:
    (project / "conf" / group / f"{name}.yaml").write_text(text, encoding="utf-8")
    return Catalog(Roots.of(project))


def test_an_option_is_its_file(project: Path) -> None:
    catalog = option(
        project,
        "mine",
        "# Mine: a rule of my own (Me, 2026)\n# second line\n_target_: keras.optimizers.SGD\n"
        "rate: 0.1   # (0, 1]: how fast\nwarm: null  # int [0, inf) | null: epochs\nplain: 3\n",
    )
    mine = catalog.get("optimizer", "mine")
    assert (mine.description, mine.notes) == ("Mine: a rule of my own (Me, 2026)", ("second line",))
    assert mine.target() == "keras.optimizers.SGD"
    assert mine.defaults == {"rate": 0.1, "warm": None, "plain": 3}
    assert mine.parameters["rate"].meaning == "how fast"
    assert mine.parameters["warm"].place.endswith("mine.yaml:5")
    assert mine.origin == "project"


def test_a_child_inherits_parameters_comments_and_target(project: Path) -> None:
    option(project, "mine", "# Mine\n_target_: keras.optimizers.SGD\nrate: 0.1  # (0, 1]: how fast\n")
    catalog = option(project, "faster", "# Faster\ndefaults: [mine, _self_]\nrate: 0.5\n")
    faster = catalog.get("optimizer", "faster")
    assert faster.defaults == {"rate": 0.5}
    assert (faster.parameters["rate"].meaning, faster.target()) == ("how fast", "keras.optimizers.SGD")


BOMB = [f"&{name} [*{before}, *{before}]" for before, name in itertools.pairwise("abcdefghijklmnopq")]


@pytest.mark.parametrize(
    ("text", "group", "says"),
    [
        ("# A\ndefaults: [bad, _self_]\n", "optimizer", "must not name the file itself"),
        ("# A\nrate: 0.1  # (0, 1: broken\n", "optimizer", "must have a valid rule"),
        ("# A\nrate: 2.0  # (0, 1]: outside\n", "optimizer", "must have a valid rule"),
        ("# A\nrate: 1\nrate: 2\n", "optimizer", "stands twice"),
        ("# A\nrate: [1\n", "optimizer", "must be YAML"),
        ("# A\non: 1\n", "optimizer", "put quotes round"),
        ("- a\n- b\n", "optimizer", "must hold a mapping"),
        ("# A\ndefaults: [early_stopping, _self_]\n", "callback", "NAME@_here_"),
        ("a: &a [1, 1]\n" + "".join(f"k{i}: {text}\n" for i, text in enumerate(BOMB)), "optimizer", "aliases"),
        ("a: &x {b: [*x]}\n", "optimizer", "no alias of what it stands in"),
        ("a: !!python/object/apply:os.system [id]\n", "optimizer", "without tags"),
        (f"a: {'9' * 5000}\n", "optimizer", "4300 digits"),
        ("a: " + "[" * 80 + "]" * 80 + "\n", "optimizer", "levels deep"),
        ("a: '" + "x" * 1_000_001 + "'\n", "optimizer", "smaller"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(project: Path, text: str, group: str, says: str) -> None:
    catalog = option(project, "bad", text, group)
    with pytest.raises(ConfigError) as caught:
        catalog.get(group, "bad")
    (problem, *_) = caught.value.problems
    assert says in problem.rule
    assert "bad.yaml" in str(problem.place)


def test_numbers_are_read_as_hydra_reads_them(project: Path) -> None:
    (project / "x.yaml").write_text("a: 1e-3\nb: on\nc: 010\n", encoding="utf-8")
    assert read_yaml(project / "x.yaml").values["a"] == 0.001


def test_comments_of_every_form(project: Path) -> None:
    path = project / "x.yaml"
    path.write_text("a: 'x # y'  # one\nb:  # two\n  - 1\nc: [1,\n  2]  # three\nd: 3\n", encoding="utf-8")
    assert read_yaml(path).comments == {"a": "one", "b": "two", "c": "three", "d": ""}


def test_line_of_a_nested_key(project: Path) -> None:
    path = project / "x.yaml"
    path.write_text("a: 1\nb:\n  c:\n    d: 2\n", encoding="utf-8")
    assert [line_of(path, key) for key in ("a", "b.c.d", "b.c.x", "z")] == [1, 4, 3, None]


def test_a_project_shadows_what_is_packaged(project: Path) -> None:
    catalog = option(project, "adam", "# My Adam\n_target_: keras.optimizers.Adam\nlearning_rate: 0.5\n")
    assert catalog.get("optimizer", "adam").defaults == {"learning_rate": 0.5}


def test_a_conf_without_project_yaml_is_not_read(work: Path) -> None:
    (work / "conf" / "optimizer").mkdir(parents=True)
    (work / "conf" / "optimizer" / "mine.yaml").write_text("# Mine\nrate: 1\n", encoding="utf-8")
    roots = Roots.of(work)
    assert not Catalog(roots).has("optimizer", "mine")
    assert roots.unread == work / "conf"
    (work / "conf" / "project.yaml").touch()
    assert Roots.of(work).unread is None
