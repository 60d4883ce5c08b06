"""Compositions are kept, and what comes of that is what Hydra composes anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from dlrun.config.loader import PRIMARY, CachingConfigLoader

CHOICES = ["model=cnn", "optimizer=sgd", "data=iris", "callback=[early_stopping]", "regularizer=l2", "~search"]
VALUES = [
    "seed=3",
    "trainer.epochs=2",
    "optimizer.learning_rate=0.5",
    "model.hidden=[8,16]",
    "model.hidden.0=4",
    "model.layers.0=dense",
    "tags={a: 1, b: [2]}",
    "+tags.note=x",
    "++tags.note='a, b'",
    "name=${data.option}_${seed}",
    "~name",
    "trainer.batch_size=full",
    "hydra.job.name=other",
]


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> CachingConfigLoader:
    return CachingConfigLoader(tmp_path_factory.mktemp("nowhere"))


def plain(config: DictConfig) -> dict:
    return OmegaConf.to_container(config, resolve=False)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(CHOICES), unique=True, max_size=3), st.lists(st.sampled_from(VALUES), max_size=4))
def test_the_same_as_a_full_composition(loader: CachingConfigLoader, choices: list, values: list) -> None:
    words = [*choices, *values]
    try:
        fresh = ConfigLoaderImpl._load_configuration_impl(loader, PRIMARY, words, RunMode.RUN)
    except Exception as error:  # noqa: BLE001 - whatever Hydra says, we must say too
        with pytest.raises(type(error)):
            loader.load_configuration(PRIMARY, words, RunMode.RUN)
        return
    assert plain(loader.load_configuration(PRIMARY, words, RunMode.RUN)) == plain(fresh)


def test_choices_are_composed_once(loader: CachingConfigLoader) -> None:
    loader._compositions.clear()
    for rate in (0.1, 0.2, 0.3):
        loader.load_configuration(PRIMARY, ["optimizer=sgd", f"optimizer.learning_rate={rate}"], RunMode.RUN)
    assert len(loader._compositions) == 1


def test_a_list_group_is_not_merged_flat(loader: CachingConfigLoader) -> None:
    config = loader.load_configuration(PRIMARY, ["callback=[early_stopping,checkpoint]"], RunMode.RUN)
    assert {name: node.option for name, node in config.callback.items()} == {
        "early_stopping": "early_stopping",
        "checkpoint": "checkpoint",
    }


def test_no_import_path_enters_a_config(loader: CachingConfigLoader) -> None:
    values = plain(loader.load_configuration(PRIMARY, [], RunMode.RUN))
    del values["hydra"]
    assert "_target_" not in str(values)


def test_a_second_of_a_kind(loader: CachingConfigLoader, tmp_path: Path) -> None:
    words = ["callback=[early_stopping]", "+callback@callback.second=early_stopping", "callback.second.patience=7"]
    config = loader.load_configuration(PRIMARY, words, RunMode.RUN)
    assert config.callback.second.patience == 7
    assert config.callback.early_stopping.patience != 7
