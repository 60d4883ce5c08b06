"""A draft against what is declared: walked over every option and every parameter in conf/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlrun.config.catalog import LIST_GROUPS, Catalog, Option
from dlrun.config.declared import missing, problems_of
from dlrun.config.meant import declared_keys
from dlrun.config.roots import Roots
from dlrun.config.rules import MISSING
from dlrun.config.text import shown
from dlrun.errors import Problem

CATALOG = Catalog(Roots.of(Path("/")))
CHOSEN = [group for group in CATALOG.groups if group not in ("layer", "experiment")]
OPTIONS = [CATALOG.get(group, name) for group in CHOSEN for name in CATALOG.names(group)]
NOTHING_LIKE_IT = {"no": ["such", "thing"]}
every_option = pytest.mark.parametrize("option", OPTIONS, ids=lambda option: f"{option.group}/{option.name}")


def draft_of(option: Option, **values: Any) -> tuple[str, dict[str, Any]]:
    """The key of an option in a config, and a config of it alone."""
    node = {"option": option.name, **option.defaults, **values}
    if option.group in LIST_GROUPS:
        return f"{option.group}.{option.name}", {option.group: {option.name: node}}
    return option.group, {option.group: node}


@every_option
def test_its_defaults_are_as_declared(option: Option) -> None:
    key, draft = draft_of(option)
    required = {f"{key}.{name}" for name, value in option.defaults.items() if value == MISSING}
    problems = problems_of(draft, CATALOG)
    assert {problem.key for problem in problems} == required
    assert all(problem.rule == "must be given a value" for problem in problems)
    assert set(declared_keys(draft, CATALOG)) - set(CATALOG.primary.parameters) == {
        f"{key}.{name}" for name in option.parameters
    }


@every_option
def test_a_wrong_value_of_each_parameter_is_one_problem_at_its_key(option: Option) -> None:
    for name, parameter in option.parameters.items():
        if not parameter.rule.accepts(NOTHING_LIKE_IT):
            key, draft = draft_of(option, **{name: NOTHING_LIKE_IT})
            (problem,) = [found for found in problems_of(draft, CATALOG) if found.key == f"{key}.{name}"]
            assert problem.rule == f"must be {parameter.rule.describe()}"
            assert problem.got == shown(NOTHING_LIKE_IT)


@every_option
def test_a_slip_in_each_parameters_name_is_mended(option: Option) -> None:
    for name in (name for name in option.parameters if len(name) > 4 and name[:-1] not in option.parameters):
        key, draft = draft_of(option, **{name[:-1]: 1})
        (problem,) = [found for found in problems_of(draft, CATALOG) if found.key == f"{key}.{name[:-1]}"]
        assert problem.rule == f"must be a key that {option.group}/{option.name} declares"
        mended = str(problem.mend).removeprefix("Did you mean ").removesuffix("?")
        assert mended.startswith(f"{key}.{name[:-1]}"), problem.mend
        assert mended.removeprefix(f"{key}.") in option.parameters


@every_option
def test_a_removed_parameter_is_a_problem(option: Option) -> None:
    for name in option.parameters:
        key, draft = draft_of(option)
        node = next(iter(draft[option.group].values())) if option.group in LIST_GROUPS else draft[option.group]
        del node[name]
        assert any(p.key == f"{key}.{name}" and p.got == "nothing" for p in problems_of(draft, CATALOG))


def facts(config: Any) -> Iterator[Problem]:
    return (problem for problem in problems_of(config, CATALOG) if "must not stand in a config" in problem.rule)


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ({"optimizer": {"option": "sgd", "_target_": "os.system"}}, ["optimizer._target_"]),
        ({"_target_": "os.system"}, ["_target_"]),
        ({"tags": {"a": [{"b": {"_partial_": True}}]}}, ["tags.a.0.b._partial_"]),
        ({"model": {"option": "mlp", "layers": [{"dense": {"_args_": []}}]}}, ["model.layers.0.dense._args_"]),
        ({"callback": {"x": {"option": "checkpoint", "_derived_": {}}}}, ["callback.x._derived_"]),
        ({"tags": {"__": 1, "_": 2, "a_": 3, "_b": 4}}, []),
    ],
)
def test_import_paths_and_other_facts_are_refused_wherever_they_stand(config: Any, keys: list[str]) -> None:
    assert [problem.key for problem in facts(config)] == keys


def test_expressions_are_for_models_only() -> None:
    _, model = draft_of(CATALOG.get("model", "mlp"), dropout="$0.1 + 0.2")
    assert problems_of(model, CATALOG) == []
    _, optimizer = draft_of(CATALOG.get("optimizer", "sgd"), learning_rate="$0.1 + 0.2")
    assert [problem.key for problem in problems_of(optimizer, CATALOG)] == ["optimizer.learning_rate"]


def test_an_interpolation_is_no_expression() -> None:
    _, model = draft_of(CATALOG.get("model", "mlp"), dropout="${oc.env:HOME}")
    assert [problem.key for problem in problems_of(model, CATALOG)] == ["model.dropout"]


def full() -> dict[str, Any]:
    return dict.fromkeys((*CATALOG.primary.parameters, *CATALOG.chosen_groups), 1)


def test_what_every_run_needs_is_missed() -> None:
    assert missing(full(), CATALOG) == []
    for key in full():
        (problem,) = missing({name: 1 for name in full() if name != key}, CATALOG)
        assert (problem.key, problem.got) == (key, "nothing")


def test_the_groups_that_every_config_has_are_those_of_the_primary_defaults() -> None:
    chosen = set(CATALOG.chosen_groups)
    assert {"data", "model", "optimizer", "loss", "split", "trainer", "tracking"} <= chosen
    assert chosen == set(CATALOG.groups) - LIST_GROUPS - {"layer", "experiment"}


@pytest.mark.parametrize(
    ("word", "option", "mend"),
    [
        ("optimizer.lr", "adam", "Did you mean optimizer.learning_rate?"),
        ("optimizer.rho", "adam", "It belongs to optimizer=adadelta and optimizer=rmsprop."),
        ("optimizer.epochs", "adam", "Did you mean trainer.epochs?"),
        ("optimizer.qqqq", "adam", "dlrun show optimizer/adam lists its keys."),
    ],
)
def test_the_right_place_for_a_key_is_named(word: str, option: str, mend: str) -> None:
    _, draft = draft_of(CATALOG.get("optimizer", option), **{word.partition(".")[2]: 1})
    _, trainer = draft_of(CATALOG.get("trainer", "default"))
    (problem,) = problems_of(draft | trainer, CATALOG)
    assert (problem.key, problem.mend) == (word, mend)


def test_a_broken_option_that_is_not_chosen_does_not_hide_the_problem(work: Path) -> None:
    folder = work / "conf" / "optimizer"
    folder.mkdir(parents=True)
    (work / "conf" / "project.yaml").touch()
    (folder / "broken.yaml").write_text("# Broken\nrate: 0.1   # (0, 1: no rule\n", encoding="utf-8")
    _, draft = draft_of(CATALOG.get("optimizer", "adam"), qqqq=1)
    (problem,) = problems_of(draft, Catalog(Roots.of(work)))
    assert problem.key == "optimizer.qqqq"
