"""What can be chosen, and what it takes: `dlrun ls` and `dlrun show`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from dlrun.cli import ls, show
from dlrun.config.catalog import Catalog
from dlrun.config.groups import meanings
from dlrun.errors import UserError

FRUIT = """\
# Fruit: grows on trees
# Ripe in autumn.
_target_: dlrun_fruit.Fruit
weight: 0.5      # (0, inf): mass, in kilograms
colour: red      # red | green: of the skin
origin: ???      # str: where it grew
"""


@pytest.fixture
def orchard(work: Path) -> Path:
    """A project with options of its own, one of them broken, and an experiment."""
    for name, text in {
        "conf/project.yaml": "",
        "conf/optimizer/fruit.yaml": FRUIT,
        "conf/fruit/apple.yaml": FRUIT,
        "conf/fruit/stone.yaml": "# Stone\nweight: 1.0   # (0, inf: mass\n",
        "experiments/ripening.yaml": "# Does fruit ripen?\n# It takes a minute.\nseed: 3\nlab:\n  seeds: 8\n",
    }.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return work


def run_ls(*words: str) -> Result:
    return CliRunner().invoke(ls.command, words)


def run_show(*words: str) -> Result:
    return CliRunner().invoke(show.command, words)


def refused(found: Result) -> str:
    assert isinstance(found.exception, UserError), found.exception
    return str(found.exception)


def test_ls_lists_every_group(work: Path, catalog: Catalog) -> None:
    rows = json.loads(run_ls("--json").output)
    assert [row["group"] for row in rows] == list(catalog.groups)
    optimizer = next(row for row in rows if row["group"] == "optimizer")
    assert optimizer["options"] == len(catalog.names("optimizer"))
    assert optimizer["default"] == "adam"
    assert all(row["what it is"] for row in rows if row["options"])


def test_ls_says_what_a_group_is_where_the_primary_config_does(work: Path, tmp_path: Path) -> None:
    text = (
        "defaults:\n  - data: digits   # what is learned from\n  - loss: auto\n  # layer: what models are made of\n\n"
        "seed: 0   # int: no group\n"
    )
    (tmp_path / "config.yaml").write_text(text)

    seen = SimpleNamespace(primary=SimpleNamespace(path=tmp_path / "config.yaml"))
    assert meanings(seen) == {"data": "what is learned from", "layer": "what models are made of"}  # type: ignore[arg-type]


def test_ls_group(work: Path, catalog: Catalog) -> None:
    found = run_ls("activation", "--json")
    rows = json.loads(found.output)
    assert [row["option"] for row in rows] == list(catalog.names("activation"))
    assert all(row["description"] for row in rows)
    assert "relu (default)" in run_ls("activation").output


def test_ls_shows_a_projects_own_and_survives_a_broken_file(orchard: Path) -> None:
    found = run_ls("fruit")
    assert "Fruit: grows on trees (your project's)" in found.output
    assert "cannot be read: fruit/stone: weight must have a valid rule" in " ".join(found.output.split())
    assert "Does fruit ripen?" in run_ls("experiment").output


def test_ls_search(work: Path) -> None:
    rows = json.loads(run_ls("--search", "learning rate", "--json").output)
    assert "optimizer/adam" in [row["option"] for row in rows]
    only = json.loads(run_ls("activation", "--search", "RELU", "--json").output)
    assert only and all(row["option"].startswith("activation/") for row in only)
    nothing = run_ls("--search", "qqq")
    assert nothing.output == "Nothing has 'qqq' in its name, description or keys.\n"


def found_by(*words: str) -> list[str]:
    return [row["option"] for row in json.loads(run_ls("--json", *words).output)]


def test_a_search_knows_other_peoples_words(work: Path) -> None:
    assert set(found_by("--search", "xavier")) == {"initializer/glorot_normal", "initializer/glorot_uniform"}
    assert "optimizer/sgd" in found_by("-s", "lr", "optimizer")
    assert "layer/batch_normalization" in found_by("-s", "bn")
    assert "activation/silu" in found_by("-s", "swish")


def test_a_search_tells_which_keys_match(work: Path) -> None:
    text = " ".join(run_ls("--search", "patience").output.split())
    assert "callback/early_stopping patience: epochs without improvement before it stops" in text
    rows = {row["option"]: row["keys"] for row in json.loads(run_ls("--json", "--search", "dropout").output)}
    assert rows["layer/lstm"].startswith("dropout, recurrent_dropout")
    assert "schedule/constant" not in rows, "a word that is a name here stands for itself only"
    assert next(iter(rows)).endswith("dropout"), "what is called so comes first"


def test_a_search_looks_at_words_and_at_notes_last(work: Path) -> None:
    assert "data/csv" not in found_by("--search", "alr"), "not inside a word"
    assert "data/breast_cancer" not in found_by("--search", "recall"), "it only has it in its notes"
    assert "data/truth_table" in found_by("--search", "learned by heart"), "where nothing else has it"


def test_a_search_for_a_misspelt_word_names_the_right_one(work: Path) -> None:
    assert run_ls("--search", "dropot").output.endswith("Did you mean dlrun ls --search dropout?\n")


def test_a_search_survives_a_broken_file(orchard: Path) -> None:
    assert "optimizer/fruit" in found_by("--search", "trees")
    assert "seed" in found_by("--search", "seed")


def test_ls_unknown_group(work: Path) -> None:
    assert refused(run_ls("optimiser")) == (
        "GROUP must be a config group; got optimiser. Did you mean dlrun ls optimizer?"
    )
    assert refused(run_ls("adam")).endswith("It is an option of optimizer: dlrun show optimizer/adam.")
    assert refused(run_ls("qqqq")).endswith("dlrun ls lists the groups, dlrun ls --search qqqq looks everywhere.")


def test_show_option(orchard: Path) -> None:
    text = run_show("fruit/apple").output
    assert text.startswith("fruit/apple\nFruit: grows on trees\nRipe in autumn.\n\n")
    rows = [line.split("  ") for line in text.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["weight", "0.5", "(0, inf)", "mass, in kilograms"] in cells
    assert ["colour", "red", "red | green", "of the skin"] in cells
    assert ["origin", "required", "str", "where it grew"] in cells
    assert ["File", "conf/fruit/apple.yaml (your project's)"] in cells
    assert ["Builds", "dlrun_fruit.Fruit"] in cells


def test_show_says_what_to_type(orchard: Path) -> None:
    text = run_show("optimizer/fruit").output
    assert "dlrun optimizer=fruit optimizer.origin=...\n" in text
    assert "dlrun optimizer=fruit optimizer.origin=... optimizer.weight=5\n" in text
    assert "dlrun 'callback=[early_stopping]' callback.early_stopping.patience=" in run_show("early_stopping").output
    assert "layers: [..., dense: 64, ...]" in run_show("layer/dense").output


def test_show_bare_name(orchard: Path) -> None:
    assert run_show("apple").output == run_show("fruit/apple").output
    assert run_show("fruit").exception is not None or "apple" in run_show("fruit").output  # a group before an option
    text = refused(run_show("none"))
    assert text.startswith("none is the name of several things. Say which: dlrun show ")
    assert "dlrun show regularizer/none" in text


def test_show_json_is_the_parameters(orchard: Path) -> None:
    assert json.loads(run_show("apple", "--json").output)[0] == {
        "parameter": "weight",
        "default": 0.5,
        "takes": "(0, inf)",
        "unit": None,
        "meaning": "mass, in kilograms",
    }


def test_show_key(work: Path) -> None:
    text = run_show("optimizer.learning_rate").output
    assert text.startswith("optimizer.learning_rate\n")
    assert "optimizer/adam" in text and "optimizer/sgd" in text
    assert "dlrun -m optimizer.learning_rate=0.0001,0.001,0.01\n" in text
    assert run_show("learning_rate").output == text
    assert "dlrun -m seed=0,1,2\n" in run_show("seed").output
    assert "dlrun callback.early_stopping.patience=" in run_show("callback.early_stopping.patience").output
    assert "dlrun layer.units" not in run_show("layer.units").output


def test_show_model_and_block_show_their_layers(work: Path) -> None:
    assert "\nlayers:" in run_show("model/mlp").output
    assert "\nlayers:\n  - residual:\n" in run_show("basic_block").output


def test_show_experiment(orchard: Path) -> None:
    text = run_show("ripening").output
    assert text.startswith("experiment/ripening\nDoes fruit ripen?\nIt takes a minute.\n")
    assert "dlrun experiment=ripening\n" in text
    chosen = run_show("perceptron_and_gates").output
    assert ["data", "truth_table"] in [line.split() for line in chosen.splitlines()]
    assert ["callback", "none"] in [line.split() for line in chosen.splitlines()]
    assert [line.split() for line in text.splitlines() if line.startswith("lab.seeds")] == [["lab.seeds", "8"]]


def test_show_project(orchard: Path) -> None:
    assert str(orchard.resolve()) in run_show("project").output


def test_show_outside_a_project(work: Path) -> None:
    assert "mkdir conf; touch conf/project.yaml" in " ".join(run_show("project").output.split())


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("optimizer.lr", "Did you mean dlrun show optimizer.learning_rate?"),
        ("model.dropot", "Did you mean dlrun show model.dropout?"),
        ("optimizer/adm", "Did you mean dlrun show optimizer/adam?"),
        ("optimiser/adam", "Did you mean dlrun show optimizer/adam?"),
        ("rellu", "Did you mean dlrun show "),
        ("qqqq", "dlrun ls --search qqqq looks everywhere."),
    ],
)
def test_show_unknown_names_the_nearest(work: Path, name: str, mend: str) -> None:
    text = refused(run_show(name))
    assert text.startswith(f"NAME must be an option, a key, an experiment or a group; got {name}. ")
    assert mend in text


def test_every_option_can_be_shown(work: Path, catalog: Catalog) -> None:
    for group in catalog.groups:
        for name in catalog.names(group):
            found = run_show(f"{group}/{name}")
            assert found.exception is None, f"{group}/{name}: {found.exception}"
            lines = [line for line in found.output.splitlines() if "  dlrun " not in line]  # a command is copied whole
            assert all(len(line) <= 130 for line in lines), found.output


def test_neither_framework_nor_hydra_is_imported(work: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from dlrun.cli import ls, show;"
        "CliRunner().invoke(ls.command, []); CliRunner().invoke(show.command, ['model.dropout']);"
        "print(sorted({'tensorflow', 'keras', 'mlflow', 'hydra', 'sklearn', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
