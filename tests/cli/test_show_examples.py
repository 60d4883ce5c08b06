"""What `dlrun show` gives to copy works: every command of every option is held against the planner."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from dlrun.cli import show
from dlrun.cli.show_text import KERAS, notes_and_differences
from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.roots import Roots, packaged
from dlrun.config.yamlfile import read_yaml
from dlrun.planning import Planner
from tests.test_contract import CSV, FITTING, write_folders, write_numbers

OPTIONS = sorted(f"{file.parent.name}/{file.stem}" for file in packaged("conf").glob("*/*.yaml") if file.stem != "base")
_LABELLED = re.compile(r"^(?:Choose it|Change it|Set it|Sweep it) +(dlrun .*)$", re.M)
_IN_NOTES = re.compile(r"(?:^|[ `])(dlrun (?:-m )?[\w.@+~']+=[^\s`]+(?: [\w.@+~']+=[^\s`]+)*)")
_NAMES_A_FILE = re.compile(r" data\.path=(?!\.\.\.)| data=\S+\.\w")
_CSV = "a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(40))


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    folder = tmp_path_factory.mktemp("examples")
    (folder / "t.csv").write_text(_CSV)
    (folder / "table.csv").write_text(CSV)
    write_folders(folder)
    write_numbers(folder)
    return Planner(folder)


def shown(name: str) -> str:
    found = CliRunner().invoke(show.command, [name])
    assert found.exception is None, found.exception
    return found.output


def planned(planner: Planner, command: str) -> int:
    """How many runs a command stands for; `...` is filled in."""
    words = shlex.split(command)[1:]
    sweep = "-m" in words
    option = next((word.partition("=")[2] for word in words if word.startswith("data=")), "")
    file = planner.roots.directory / FITTING.get(f"data/{option}", {}).get("path", "t.csv")
    file = planner.roots.directory / "apart" if "split=files" in words else file
    file = planner.roots.directory / "table.csv" if "data.group=..." in words or "data.time=..." in words else file
    blanks = {
        "data.path=...": f"data.path={file}",
        "data.labels=...": f"data.labels={planner.roots.directory / 'y.npy'}",
    }
    blanks |= {"data.group=...": "data.group=height", "data.time=...": "data.time=width"}
    filled = [blanks.get(word, word) for word in words if word != "-m"]
    return len(planner.plan(filled, sweep=sweep).runs)


@pytest.mark.parametrize("name", OPTIONS)
def test_its_commands_work(planner: Planner, name: str) -> None:
    if name == "data/tfds":
        pytest.skip("a set must have been fetched")
    commands = _LABELLED.findall(shown(name))
    assert commands or name.startswith("layer/")
    for command in commands:
        assert planned(planner, command) == 1, command


@pytest.mark.parametrize("group", sorted({name.partition("/")[0] for name in OPTIONS} - {"layer"}))
def test_the_commands_of_its_keys_work(planner: Planner, group: str) -> None:
    keys = {p for name in planner.catalog.names(group) for p in planner.catalog.get(group, name).parameters}
    for key in sorted(keys if group not in LIST_GROUPS else ()):
        for command in _LABELLED.findall(shown(f"{group}.{key}")):
            if not command.endswith("=...") and not _NAMES_A_FILE.search(command):
                assert planned(planner, command) >= 1, command


def test_the_commands_of_a_list_groups_keys_work(planner: Planner) -> None:
    for group in sorted(LIST_GROUPS & set(planner.catalog.groups)):
        for name in planner.catalog.names(group):
            for key in planner.catalog.get(group, name).parameters:
                for command in _LABELLED.findall(shown(f"{group}.{name}.{key}")):
                    if not command.endswith("=..."):
                        assert planned(planner, command) >= 1, command


@pytest.mark.parametrize("name", [name for name in OPTIONS if name.startswith("layer/")])
def test_a_layers_item_works(planner: Planner, name: str) -> None:
    (items,) = re.findall(r"^In a model +layers: \[\.\.\., (.*), \.\.\.\]$", shown(name), re.M)
    option = planner.catalog.get("layer", name.partition("/")[2])
    (item,) = yaml.safe_load(f"[{items.replace('[...], [...]', '[flatten], [flatten]')}]")
    before = {3: [], 2: [{"reshape": [8, 8]}]}.get(option.facts.get("rank"), [])
    if option.name in ("multi_head_attention",):
        before = [{"reshape": [8, 8]}]
    text = yaml.safe_dump([*before, item, "flatten"], default_flow_style=True, width=1000).strip()
    assert len(planner.plan([f"model.layers={text}", "model.dropout=0"], sweep=False).runs) == 1


@pytest.mark.parametrize("name", OPTIONS)
def test_commands_in_notes_work(planner: Planner, name: str) -> None:
    """Those in the comments of an option file."""
    text = " ".join(read_yaml(packaged("conf") / f"{name}.yaml").header)
    for command in _IN_NOTES.findall(text):
        if not _NAMES_A_FILE.search(command) and "tracking.uri" not in command:
            assert planned(planner, command.rstrip(".;:")) >= 1, command


def test_where_keras_differs_has_a_label_of_its_own(work: Path) -> None:
    text = " ".join(shown("optimizer/adam").split())
    assert "Keras epsilon is added to the root before the correction for the start" in text
    assert KERAS not in text
    assert notes_and_differences(["One.", "Keras: two", "lines.", "Keras: again.", "Three"]) == (
        ["One.", "Three"],
        ["two lines.", "again."],
    )


def test_every_note_on_keras_can_be_recognised() -> None:
    """`Keras` at the beginning of a comment line is the marker, and only there."""
    catalog = Catalog(Roots.of(Path("/")))
    marked = 0
    for name in OPTIONS:
        option = catalog.get(*name.split("/"))
        notes, differences = notes_and_differences(option.notes)
        assert not [note for note in notes if re.match(r"Keras('s)? \w", note)], name
        assert all(difference.endswith(".") for difference in differences), name
        marked += bool(differences)
    assert marked >= 20


def test_units_are_told(work: Path) -> None:
    assert "int [1, inf), in epochs" in shown("callback.early_stopping.patience")
    assert "in pixels" in " ".join(shown("layer/max_pooling2d").split())
    assert "in seconds" in shown("tracking.wait_seconds")
    assert "in shares" in shown("model.dropout")
