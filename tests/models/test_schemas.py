"""The schemas that editors get: every shipped file is right by them, and mistakes are not."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from dlrun.config.catalog import Catalog
from dlrun.config.facts import FACTS
from dlrun.config.roots import Roots, packaged
from dlrun.config.yamlfile import read_yaml
from dlrun.models.items import STRUCTURE
from dlrun.models.itemschema import definitions
from dlrun.models.schemas import FACT_MEANINGS, config_schema, kinds, option_schema

SHIPPED = sorted([*packaged("conf").glob("*/*.yaml"), *packaged("experiments").glob("*.yaml")])


@cache
def validator(kind: str) -> Draft7Validator:
    catalog = Catalog(Roots.of(Path("/")))
    group = kind.removeprefix("option/")
    schema = config_schema(catalog, kind) if group == kind else option_schema(catalog, group)
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def wrong(kind: str, values: Any) -> list[str]:
    return [error.message for error in validator(kind).iter_errors(values)]


def read(text: str) -> Any:
    return yaml.safe_load(text)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_shipped_file_is_right(file: Path) -> None:
    kind = "experiment" if file.parent.name == "experiments" else f"option/{file.parent.name}"
    assert wrong(kind, read_yaml(file).values) == []


def test_the_packaged_project_file_is_right() -> None:
    assert wrong("project", read_yaml(packaged("conf") / "project.yaml").values) == []


def test_there_is_a_schema_for_every_group(catalog: Catalog) -> None:
    named = {kind.removeprefix("option/") for kind in kinds(catalog)}
    assert named == {*catalog.groups, "project"}
    for kind in kinds(catalog):
        validator(kind)


def test_nothing_of_the_grammar_is_missing(catalog: Catalog) -> None:
    assert set(FACT_MEANINGS) == FACTS, "a fact is described for editors as soon as dlrun reads it"
    item = definitions(catalog)["item"]["else"]["properties"]
    assert set(item) >= {*STRUCTURE, "layers", "merge", "shortcut", *catalog.names("layer")}


RIGHT = {
    "experiment": [
        "",
        "seed: 3\nname: ${oc.env:USER}\ntags: {a: b}\n",
        "defaults: [digits_rate_and_dropout, {override /data: iris}, {override /callback: []}, _self_]\n",
        "defaults: [{/callback: [checkpoint]}, {override /metric: [accuracy, f1]}, _self_]\n",
        "defaults: [{override /initializer@_global_.initializer: he_normal}]\n",
        "defaults: [{override hydra/launcher: basic}]\n",
        "optimizer: {learning_rate: 0.001, clipnorm: null}\ntrainer: {batch_size: full, epochs: '${seed}'}\n",
        "callback: {early_stopping: {patience: 3}}\nmetric: {accuracy: {name: acc}}\n",
        "model: {hidden: [3, 4], dropout: 0, head: {dense: {units: $outputs}}, layers: [flatten, {dense: 3}]}\n",
        "model: {kernel_size: 5}\n",
        "hydra: {sweeper: {params: {seed: '0,1', optimizer: 'adam,sgd', model.hidden.0: '3,4', trainer.epochs: 3}}}\n",
        "lab: {question: Does it, arms: {a: [seed=1]}}\n",
    ],
    "option/optimizer": [
        "_target_: keras.optimizers.Lion\nlearning_rate: 0.1\nanything: [1]\n",
        "_target_: mine:Own\n",
        "defaults: [adam, _self_]\nbeta_1: 0.5\n",
    ],
    "option/callback": ["defaults: [early_stopping@_here_, _self_]\npatience: 25\n"],
    "option/loss": ["_target_: {binary: a.B, multiclass: a.C}\n_tasks_: [binary]\n"],
    "option/model": [
        "defaults: [base, _self_, {override /activation@_global_.activation: selu}]\nwidth: 3\n"
        "layers: [dense: $width]\n",
        "layers:\n- for: {f: $filters, d: [1, 2]}\n  layers: [{repeat: $d, layers: [conv_act: $f]}]\n"
        "- {save: skip}\n- {join: skip, merge: add}\n- {when: $a > 2, layers: [flatten]}\n"
        "- residual: [{conv_bn: $f}, activation]\n  shortcut: [{conv_bn: {filters: $f, kernel_size: 1}}]\n"
        "- {branches: [[flatten], [{dense: 3}]], merge: {concatenate: {axis: 1}}}\n"
        "- {branches: {left: [flatten], right: [flatten]}}\n- {shared: [left, right], layers: [flatten]}\n"
        "- {batch_normalization: null, when: $batch_norm}\n- {activation: {leaky_relu: {negative_slope: 0.1}}}\n"
        "- {dense: {units: 3, kernel_initializer: {constant: {value: 0.1}}, kernel_regularizer: null}}\n"
        "- {dense: {units: 3, kernel_initializer: {option: constant, value: 0.1}}}\n",
    ],
    "option/layer": ["units: ???\nlayers: [{dense: {units: $units, use_bias: false}}, batch_normalization]\n"],
}
WRONG = {
    "experiment": [
        "seeds: 3\n",
        "seed: -1\n",
        "seed: three\n",
        "optimizer: {learnin_rate: 0.1}\n",
        "optimizer: {learning_rate: 0}\n",
        "optimizer: adam\n",
        "defaults: [{override /optimizer: adam}]\noptimizer: {momentum: 0.9}\n",
        "defaults: [{override /optimizer: adm}]\n",
        "defaults: [{override /optimzer: adam}]\n",
        "defaults: [{override /callback: early_stopping}]\n",
        "defaults: [{override /callback: [early_stoping]}]\n",
        "defaults: [digits_rate]\n",
        "callback: {early_stoping: {patience: 3}}\n",
        "callback: {early_stopping: {patience: 0}}\n",
        "model: {dropout: 1.5}\n",
        "model: {hidden: 3}\n",
        "trainer: {batch_size: ful}\n",
        "layer: {units: 3}\n",
        "optimizer: {_target_: os.system}\n",
        "hydra: {sweeper: {params: {optimizer.learnin_rate: '1,2'}}}\n",
    ],
    "option/optimizer": [
        "_taget_: keras.optimizers.SGD\n",
        "_target_: 3\n",
        "_target_: no path\n",
        "defaults: [adm, _self_]\n",
        "defaults: [adam, _self_]\nbeta_1: 5\n",
    ],
    "option/callback": ["defaults: [early_stopping, _self_]\n"],
    "option/metric": ["_target_: a.B\n_goal_: maximum\n"],
    "option/model": [
        "layers: flatten\n",
        "layers: [flaten]\n",
        "layers: [add]\n",
        "layers: [{dens: 3}]\n",
        "layers: [{dense: many}]\n",
        "layers: [{dense: 0}]\n",
        "layers: [{dense: {unit: 3}}]\n",
        "layers: [{dense: {units: 3, kernel_initializer: he_norml}}]\n",
        "layers: [{dense: {units: 3, kernel_initializer: {he_normal: {sed: 3}}}}]\n",
        "layers: [{dense: 3, merge: add}]\n",
        "layers: [{for: {f: $filters}}]\n",
        "layers: [{repeat: three, layers: [flatten]}]\n",
        "layers: [{residual: [flatten], merge: ad}]\n",
        "layers: [{shortcut: [flatten]}]\n",
        "layers: [{when: perhaps, dense: 3}]\n",
        "head: {dens: 3}\n",
    ],
    "option/layer": ["layers: [{conv2d: {filters: 3, padding: sam}}]\n"],
}


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(kind, text) for kind, texts in table.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), cases(RIGHT))
def test_what_the_grammar_allows_is_right(kind: str, text: str) -> None:
    assert wrong(kind, read(text) or {}) == []


@pytest.mark.parametrize(("kind", "text"), cases(WRONG))
def test_a_mistake_is_not(kind: str, text: str) -> None:
    assert wrong(kind, read(text)) != []


def test_a_projects_own_options_are_known(tmp_path: Path) -> None:
    (tmp_path / "conf" / "optimizer").mkdir(parents=True)
    (tmp_path / "conf" / "project.yaml").touch()
    (tmp_path / "conf" / "optimizer" / "mine.yaml").write_text("# M\n_target_: a.B\nwarmth: 0.5   # [0, 1]: of it\n")
    (tmp_path / "conf" / "optimizer" / "broken.yaml").write_text("# M\nwarmth: 7   # [0, 1]: of it\n")
    schema = config_schema(Catalog(Roots.of(tmp_path)), "experiment")
    text = "defaults: [{override /optimizer: mine}]\noptimizer: {warmth: WARMTH}\n"
    assert list(Draft7Validator(schema).iter_errors(read(text.replace("WARMTH", "0.7")))) == []
    assert list(Draft7Validator(schema).iter_errors(read(text.replace("WARMTH", "1.7")))) != []


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_key_that_is_misspelt_is_told(data: st.DataObject) -> None:
    properties = validator("experiment").schema["properties"]
    group = data.draw(st.sampled_from(sorted(set(properties) - {"defaults", "hydra"})))
    keys = properties[group].get("properties", {})
    names, path = (set(keys), [group]) if keys and data.draw(st.booleans()) else (set(properties), [])
    name = data.draw(st.sampled_from(sorted(names)))
    at = data.draw(st.integers(0, len(name) - 1))
    typo = data.draw(st.sampled_from([name[:at] + name[at + 1 :], name[: at + 1] + name[at:], f"{name}s"]))
    if typo not in names:
        values: Any = {typo: None}
        for part in reversed(path):
            values = {part: values}
        assert wrong("experiment", values) != []
