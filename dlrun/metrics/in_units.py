"""A metric in the units of the data, while the model learns a standardized target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

__all__ = ["InUnits"]


@keras.saving.register_keras_serializable("dlrun")
class InUnits(keras.metrics.Metric):
    """Multiplies targets and predictions by the target's scale before `metric` sees them.

    For metrics of the difference between target and prediction, in which the offset of a standardization cancels.
    It is left out on purpose: added in float32, a large offset would swallow the differences that are measured.

    Args:
        metric: the metric to compute; its name and direction are taken over.
        scale: what one unit of the standardized target is in the data's units, a number or one for each output.

    Input shape:
        Targets and predictions `(batch, outputs)`.

    Output shape:
        That of `metric`.
    """

    def __init__(self, metric: keras.metrics.Metric, scale: float | Sequence[float], dtype: Any = None) -> None:
        super().__init__(name=metric.name, dtype=dtype)
        self.metric = metric
        self.scale = scale
        self._direction = getattr(metric, "_direction", None)  # read by Keras's callbacks with mode="auto"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Hand one batch to the metric, in the data's units."""
        scale = keras.ops.convert_to_tensor(self.scale, dtype=self.dtype)
        y_true, y_pred = (keras.ops.cast(y, self.dtype) * scale for y in (y_true, y_pred))
        self.metric.update_state(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        """The metric over everything since the last reset."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Forget what was accumulated."""
        self.metric.reset_state()

    def get_config(self) -> dict[str, Any]:
        """The arguments, the metric serialized."""
        return {"metric": keras.saving.serialize_keras_object(self.metric), "scale": self.scale}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InUnits:
        """The metric that `get_config` describes."""
        return cls(keras.saving.deserialize_keras_object(config["metric"]), config["scale"])
