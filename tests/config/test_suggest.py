"""The nearest right name: another writing, a synonym, a slip of the fingers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.cli.verbs import VERBS
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.config.suggest import did_you_mean, nearest, same
from dlrun.config.synonyms import synonyms

OPTIMIZERS = ("adadelta", "adagrad", "adam", "adamw", "rmsprop", "sgd")
NAMES = st.lists(st.text("abcdefgh_", min_size=3, max_size=12).filter(lambda name: name.strip("_")), min_size=1)


@pytest.mark.parametrize(
    ("word", "names", "meant"),
    [
        ("Adam", OPTIMIZERS, "adam"),
        ("keras.optimizers.AdamW", OPTIMIZERS, "adamw"),
        ("early-stopping", ("early_stopping", "checkpoint"), "early_stopping"),
        ("EarlyStopping", ("early_stopping", "checkpoint"), "early_stopping"),
        ("lr", ("learning_rate", "rho"), "learning_rate"),
        ("acc", ("auc", "accuracy"), "accuracy"),  # nearer to auc in letters
        ("xavier", ("glorot_normal", "glorot_uniform"), "glorot_uniform"),
        ("bn", ("batch_norm", "batch_size"), "batch_norm"),
        ("l2", ("l1", "factor"), "factor"),
        ("relu_6", ("relu", "relu6"), "relu6"),
    ],
)
def test_the_same_by_another_name(word: str, names: tuple[str, ...], meant: str) -> None:
    assert same(word, names) == nearest(word, names) == meant


@pytest.mark.parametrize(
    ("word", "names", "meant"),
    [
        ("adma", OPTIMIZERS, "adam"),
        ("cn", ("cnn", "cnn1d", "fcn", "unet"), "cnn"),  # as near to fcn, which begins with another letter
        ("digits", ("digits_rate_and_dropout", "perceptron_and_gates"), "digits_rate_and_dropout"),
        ("sgd_with_momentum", ("sgd", "adam"), "sgd"),
        ("zzz", OPTIMIZERS, None),
        ("", OPTIMIZERS, None),
        ("ab", ("abc_long_name_one", "abc_long_name_two"), None),
    ],
)
def test_the_nearest(word: str, names: tuple[str, ...], meant: str | None) -> None:
    assert same(word, names) is None
    assert nearest(word, names) == meant
    assert did_you_mean(word, names, shown="x={}") == (f"Did you mean x={meant}?" if meant else None)


@given(NAMES, st.data())
def test_a_letter_too_few_still_finds_the_name(names: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names))
    assert nearest(name, names) in names
    shorter = name[:-1]
    found = nearest(shorter, names)
    assert found is None or found in names
    if len({each.replace("_", "") for each in names}) == 1 and len(name.replace("_", "")) > 3:
        assert found == names[0]


def test_every_synonym_stands_for_something_that_there_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    catalog = Catalog(Roots.of(tmp_path_factory.mktemp("nowhere")))
    options = [
        catalog.get(group, name) for group in catalog.groups if group != "experiment" for name in catalog.names(group)
    ]
    there = {*VERBS, *catalog.groups, *catalog.primary.parameters, *(option.name for option in options)}
    there |= {parameter for option in options for parameter in option.parameters}
    there |= {
        choice for option in options for parameter in option.parameters.values() for choice in parameter.rule.choices
    }
    meant = {name for names in synonyms().values() for name in names}
    assert meant <= there, sorted(meant - there)
