"""The least Hydra application: composes one small config and prints it."""

from __future__ import annotations

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

ConfigStore.instance().store(name="app", node={"optimizer": {"name": "adam", "learning_rate": 0.001}, "seed": 0})


@hydra.main(version_base=None, config_name="app")
def main(config: DictConfig) -> None:
    """Print the config."""
    print(OmegaConf.to_yaml(config))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
