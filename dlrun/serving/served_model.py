"""A model kept by dlrun, as MLflow serves it: raw rows in, a table of predictions out.

MLflow loads this file from beside the model, where dlrun need not be installed. Its folder of data holds

    model.keras       preprocessing and network in one
    signature.json    what goes in and comes out: the columns or the shape of a sample, the classes, an example
"""

import importlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd


def _load_pyfunc(data_path: str) -> "ServedModel":
    """What MLflow calls; the name is its own."""
    return ServedModel(Path(data_path))


class ServedModel:
    """The model in a folder."""

    def __init__(self, folder: Path) -> None:
        self.signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
        for module in self.signature["modules"]:  # layers of the author's own register themselves
            importlib.import_module(module)
        self.model = keras.saving.load_model(folder / "model.keras", compile=False)

    def predict(self, model_input: Any, params: Any = None) -> pd.DataFrame:
        """Predict a row a sample.

        Args:
            model_input: a `pandas.DataFrame` with the columns of the signature, in any order, or an array of shape
                (n, ...) of raw samples.
            params: none are known.

        Returns:
            A `pandas.DataFrame` of n rows: `prediction`, which is a class by its name or a value in the data's units,
            and of classes `probability_NAME` each (`score_NAME` where the network's outputs are no probabilities). Of a
            row in which a value is missing, nothing is predicted: its prediction is None or NaN.

        Raises:
            ValueError: a column is missing, or holds what is no number.
        """
        samples = self._samples(model_input)
        if not len(samples):
            outputs = np.zeros((0, *self.model.output_shape[1:]))
        else:
            outputs = self.model.predict(samples, verbose=0)
        return self._table(np.asarray(outputs, dtype=np.float64))

    def _samples(self, given: Any) -> np.ndarray:
        columns = self.signature["columns"]
        if isinstance(given, pd.DataFrame) and columns:
            if missing := [name for name in columns if name not in given.columns]:
                raise ValueError(f"columns are missing: {', '.join(missing)}")
            given = pd.DataFrame({name: _numbers(given[name]) for name in columns})
        if isinstance(given, pd.DataFrame):
            given = given.to_numpy()
        return np.asarray(given, dtype=np.float32).reshape(-1, *self.signature["shape"])

    def _table(self, outputs: np.ndarray) -> pd.DataFrame:
        classes, kind = self.signature["classes"], self.signature["outputs"]
        if not classes:
            values = outputs.reshape(len(outputs), -1)
            return pd.DataFrame(values, columns=self.signature["predictions"])
        if outputs.shape[-1] == 1:  # of two classes the network tells the second one's
            second = outputs.reshape(-1)
            chosen = (second > (0.5 if kind == "probability" else 0.0)).astype(int)
            outputs = np.stack([1.0 - second if kind == "probability" else -second, second], axis=1)
        else:
            chosen = outputs.argmax(axis=1)
        names = np.asarray(classes, dtype=object)[chosen]
        names[np.isnan(outputs).any(axis=1)] = None
        return pd.DataFrame(
            {self.signature["predictions"][0]: names}
            | {f"{kind}_{name}": outputs[:, i] for i, name in enumerate(classes)}
        )


def _numbers(column: pd.Series) -> pd.Series:
    try:
        return pd.to_numeric(column)
    except (ValueError, TypeError) as error:
        raise ValueError(f"column {column.name} must hold numbers: {error}") from error
