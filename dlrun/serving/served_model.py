"""A model kept by dlrun, as MLflow serves it: raw rows in, a table of predictions out.

MLflow loads this file from beside the model, where dlrun need not be installed. Its folder of data holds

    model.keras       preprocessing and network in one
    signature.json    what goes in and comes out: the columns or the shape of a sample, the classes, an example
"""

import importlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

if TYPE_CHECKING or __package__:
    from dlrun.serving.served_cells import (
        as_flag,
        as_numbers,
        as_text,
        date_parts,
        flag_or_number,
        in_utc,
        is_nothing,
        parsed_date,
    )
else:  # beside a served model
    from served_cells import (
        as_flag,
        as_numbers,
        as_text,
        date_parts,
        flag_or_number,
        in_utc,
        is_nothing,
        parsed_date,
    )

_OF_WORDS = ("category", "text")
_AT_ONCE = 256  # samples that go through the network together


def _load_pyfunc(data_path: str) -> "ServedModel":
    """What MLflow calls; the name is its own."""
    folder = Path(data_path)
    signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
    for module in signature["modules"]:  # layers of the author's own register themselves
        importlib.import_module(module)
    return ServedModel(signature, keras.saving.load_model(folder / "model.keras", compile=False))


class ServedModel:
    """A model, with its signature.

    `dlrun predict` predicts with this class too: what is served and what is predicted at the terminal cannot differ.
    """

    def __init__(self, signature: Mapping[str, Any], model: Any) -> None:
        self.signature = signature
        self.model = model

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """Predict a row a sample.

        Args:
            model_input: a `pandas.DataFrame` with the columns of the signature, in any order, or an array of shape
                (n, ...) of raw samples; or a list of images, which may differ in size where the model takes any.
            params: none are known.

        Returns:
            A `pandas.DataFrame` of n rows: `prediction`, which is a class by its name or a value in the data's units,
            and of classes `probability_NAME` each (`score_NAME` where the network's outputs are no probabilities). Of a
            row in which a value is missing, nothing is predicted: its prediction is None or NaN. A model of masks gives
            an array instead, uint8 of shape (n, height, width) with the values of its classes.

        Raises:
            ValueError: a column is missing, or holds what is no number.
        """
        if isinstance(model_input, list) and len({np.shape(each) for each in model_input}) > 1:
            return self._told(self._outputs_by_size([np.asarray(each, dtype=np.float32) for each in model_input]))
        return self._told(self._outputs(self._samples(model_input)))

    def _told(self, outputs: np.ndarray) -> Any:
        """What is handed out of the network's outputs."""
        if levels := self.signature.get("levels"):
            return np.asarray(levels, dtype=np.uint8)[outputs.argmax(axis=-1)]
        return self._table(outputs)

    def _outputs(self, samples: Any) -> np.ndarray:
        """What the network says of samples of one size."""
        if not len(next(iter(samples.values())) if isinstance(samples, dict) else samples):
            return np.zeros((0, *self.model.output_shape[1:]))
        return np.asarray(self.model.predict(samples, batch_size=_AT_ONCE, verbose=0), dtype=np.float64)

    def _outputs_by_size(self, samples: list[np.ndarray]) -> np.ndarray:
        """The same of images that differ in size: those of one size together."""
        sizes: dict[tuple[int, ...], list[int]] = {}
        for place, each in enumerate(samples):
            sizes.setdefault(each.shape, []).append(place)
        outputs = np.zeros((len(samples), *self.model.output_shape[1:]))
        for places in sizes.values():
            outputs[places] = self._outputs(np.stack([samples[place] for place in places]))
        return outputs

    def _samples(self, given: Any) -> Any:
        columns, shape = self.signature["columns"], self.signature["shape"]
        if columns and len(shape) == 1:
            if not isinstance(given, pd.DataFrame):
                given = pd.DataFrame(np.asarray(given).reshape(-1, len(columns)), columns=columns)
            return self._raw(given)
        samples = np.asarray(given, dtype=np.float32)
        return samples if None in shape else samples.reshape(-1, *shape)  # None is any size, of images

    def _raw(self, table: pd.DataFrame) -> Any:
        """What the model takes of a table: numbers, words, or both by name."""
        columns = self.signature["columns"]
        if missing := [name for name in columns if name not in table.columns]:
            raise ValueError(f"columns are missing: {', '.join(missing)}")
        kinds = dict(zip(columns, self.signature["kinds"], strict=True))
        numbers = [self._numbers(table[name], kind) for name, kind in kinds.items() if kind not in _OF_WORDS]
        words = [self._words(table[name]) for name, kind in kinds.items() if kind in _OF_WORDS]
        raw: dict[str, Any] = {}
        if numbers:
            raw["rows"] = keras.ops.convert_to_tensor(np.concatenate(numbers, axis=1), "float32")
        if words:
            raw["words"] = keras.ops.convert_to_tensor(np.stack(words, axis=1))
        return raw if len(raw) > 1 else next(iter(raw.values()))

    def _words(self, column: Any) -> np.ndarray:
        found = np.empty(len(column), dtype=object)  # of type str each would take as much as the longest
        found[:] = [as_text(cell, self.signature["missing"]) for cell in column]
        return found

    def _numbers(self, column: Any, kind: str) -> np.ndarray:
        """The numbers of a column, NaN where they are missing: of shape (n, 1), of dates (n, parts)."""
        if kind == "date":
            return np.asarray([self._date(cell, str(column.name)) for cell in column], np.float32).reshape(-1, 9)
        if kind == "number" and column.dtype.kind in "iufb":
            return np.asarray(column, np.float32)[:, np.newaxis]
        read = as_flag if kind == "flag" else flag_or_number
        decimal = self.signature["decimal"]
        try:
            found = as_numbers(column.tolist(), lambda cell: read(cell, decimal), self.signature["missing"])
        except ValueError as error:
            raise ValueError(f"column {column.name} must hold numbers: {error}") from error
        wrong = [value for value in found if value not in (0.0, 1.0) and value == value] if kind == "flag" else []
        if wrong:
            raise ValueError(f"column {column.name} must hold yes or no, or 1 or 0: {wrong[0]:g} is neither")
        return np.asarray(found, np.float32)[:, np.newaxis]

    def _date(self, cell: Any, name: str) -> tuple[float, ...]:
        if is_nothing(cell) or not (text := as_text(cell, self.signature["missing"])):
            return (np.nan,) * 9
        written = self.signature["written"][name]
        found = in_utc(cell) if isinstance(cell, date) else parsed_date(text, written)
        if found is None:
            raise ValueError(f"column {name} must hold dates written as {written}: '{text}' is none")
        return date_parts(found)

    def _table(self, outputs: np.ndarray) -> pd.DataFrame:
        classes, kind = self.signature["classes"], self.signature["outputs"]
        if not classes:
            values = outputs.reshape(len(outputs), -1)
            return pd.DataFrame(values, columns=self.signature["predictions"])
        if outputs.shape[-1] == 1:  # of two classes the network tells the second one's
            second = outputs.reshape(-1)
            threshold = self.signature.get("threshold", 0.5) if kind == "probability" else 0.0
            chosen = (second > threshold).astype(int)
            outputs = np.stack([1.0 - second if kind == "probability" else -second, second], axis=1)
        else:
            chosen = outputs.argmax(axis=1)
        names = np.asarray(classes, dtype=object)[chosen]
        names[np.isnan(outputs).any(axis=1)] = None
        return pd.DataFrame(
            {self.signature["predictions"][0]: names}
            | {f"{kind}_{name}": outputs[:, i] for i, name in enumerate(classes)}
        )
