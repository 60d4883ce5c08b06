"""The script's trainings as a Hydra application of one's own, which logs to MLflow every epoch.

python hydra_script.py -m rate=0.001,0.01 dropout=0,0.3 seed=0,1 epochs=20 hydra/launcher=joblib hydra.launcher.n_jobs=2
"""

from __future__ import annotations

import hydra
from hydra.core.config_store import ConfigStore
from keras_script import note, set_up_mlflow, train
from omegaconf import DictConfig

ConfigStore.instance().store(name="training", node={"rate": 0.001, "dropout": 0.0, "seed": 0, "epochs": 20})


@hydra.main(version_base=None, config_name="training")
def main(config: DictConfig) -> float:
    """One training; Hydra calls it once a job."""
    set_up_mlflow("log_metric")
    found = train(config.seed, config.epochs, "log_metric", config.rate, config.dropout)
    note(found)
    return float(found["test_accuracy"])


if __name__ == "__main__":
    main()
