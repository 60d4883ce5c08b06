"""Values set in a composed config: the same as Hydra's own function sets, and without it where that is sure."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
from hydra.errors import HydraException
from hydra.types import RunMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import open_dict
from omegaconf.errors import OmegaConfBaseException

from dlrun.config.catalog import Catalog
from dlrun.config.draft import Draft, Drafter
from dlrun.config.loader import PRIMARY, CachingConfigLoader
from dlrun.config.roots import Roots
from dlrun.config.spec import plain

MINE = """\
# Refers to other keys
name: ${data.option} ${optimizer.learning_rate}
tags: {of: "${model.dropout}", whole: "${split}"}
"""

OTHER = """\
# Refers to other keys from where it stands
name: ${.seed}
tags: {of: "${..seed}"}
"""


@pytest.fixture(scope="module")
def drafter(tmp_path_factory: pytest.TempPathFactory) -> Drafter:
    work = tmp_path_factory.mktemp("work")
    (work / "conf").mkdir()
    (work / "conf" / "project.yaml").write_text("")
    (work / "experiments").mkdir()
    (work / "experiments" / "mine.yaml").write_text(MINE)
    (work / "experiments" / "other.yaml").write_text(OTHER)
    return Drafter(CachingConfigLoader(work), Catalog(Roots.of(work)))


def draft(drafter: Drafter, words: Sequence[str]) -> Draft:
    parsed, problems = drafter.parse(words)
    assert not problems
    return drafter.draft(parsed)


def by_hydra(drafter: Drafter, words: Sequence[str]) -> tuple[Any, int]:
    """The plain values as Hydra's own function sets them in a copy, and how many words it refuses."""
    loader, (parsed, _) = drafter._loader, drafter.parse(drafter.forced(words))
    config = copy.deepcopy(loader.composition(PRIMARY, [o for o in parsed if loader.is_choice(o)], RunMode.RUN))
    with open_dict(config):
        config.pop("hydra")
    refused = 0
    for override in parsed:
        if not loader.is_choice(override):
            try:
                loader._apply_overrides_to_config([override], config)
            except (HydraException, OmegaConfBaseException, ValueError):
                refused += 1
    return plain(config), refused


KEYS = [
    *(
        "seed",
        "name",
        "optimizer.learning_rate",
        "model.dropout",
        "model.hidden",
        "trainer.class_weight",
        "tracking.uri",
    ),
    *(
        "callback.early_stopping.patience",
        "split.test",
        "tags",
        "+tags.new",
        "data.new",
        "model.hidden.0",
        "seed.inside",
    ),
    *("model.layers", "model.layers.1", "~model.dropout", "trainer.class_weight.a", "tags.of"),
]
CHOICES = ["optimizer=sgd", "experiment=mine", "callback=[]", "data=iris"]
scalars = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans().map(lambda value: str(value).lower()),
    st.sampled_from(["null", "word", "???"]),
)
written = st.one_of(
    scalars.map(str),
    st.lists(scalars.map(str), max_size=3).map(lambda values: f"[{','.join(values)}]"),
    st.sampled_from(
        ["'a, b'", "{a: 1}", "[[1],2]", "${seed}", "'${model.dropout}'", r"'\${x}'", "${oc.env:HOME}", "''", "[a,'$b']"]
    ),
)
values = st.tuples(st.sampled_from(KEYS), written).map(lambda pair: pair[0] if pair[0][0] == "~" else "=".join(pair))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(CHOICES), unique=True, max_size=2), st.lists(values, min_size=1, max_size=4))
def test_the_same_as_hydra_sets(drafter: Drafter, choices: list[str], words: list[str]) -> None:
    found = draft(drafter, [*choices, *words])
    (expected, unresolved), refused = by_hydra(drafter, [*choices, *words])
    if not found.problems or len(found.problems) == refused:  # else a word was left out for what it is
        assert repr(found.values) == repr(expected)
        assert found.base.unresolved == unresolved


@pytest.mark.parametrize(
    ("words", "leaves"),
    [
        (["seed=3", "optimizer.learning_rate=0.1", "model.hidden=[8,8]", "name='a b'", "++tracking.uri=null"], 5),
        (["seed=3", "model.hidden.0=5", "model.hidden=[1]"], 1),  # a part of the list is set, then the list
        (["+tags.new=1", "tags.new=2"], 0),  # there is no such key before the first word
        (["name=${seed}", "seed=3", "model.dropout=0.1"], 1),  # the name refers to the seed
        (["experiment=mine", "model.dropout=0.1", "split.test=0.1", "optimizer.learning_rate=1", "seed=1"], 1),
        (["experiment=other", "seed=1", "model.dropout=0.1"], 0),
        (["tags={a: 1}", "~callback.early_stopping", "name='${seed}'"], 0),
    ],
)
def test_what_is_sure_is_set_directly(drafter: Drafter, words: list[str], leaves: int) -> None:
    found = draft(drafter, words)
    assert len(found.leaves) == leaves
    assert repr(found.values) == repr(by_hydra(drafter, words)[0][0])


def test_parts_that_no_word_changes_are_shared_and_no_part_is_changed(drafter: Drafter) -> None:
    first, second = (draft(drafter, [f"model.dropout={rate}", "seed=1"]).values for rate in (0.1, 0.2))
    assert (first["model"]["dropout"], second["model"]["dropout"]) == (0.1, 0.2)
    assert first["optimizer"] is second["optimizer"]
    assert draft(drafter, ["seed=1"]).values["model"]["dropout"] not in (0.1, 0.2)
