"""Images of any size become images of one size, by stock Keras layers that a kept model begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Resizing"]


@dataclass(frozen=True)
class Resizing:
    """What raw images go through.

    Attributes:
        height: in pixels, of all samples.
        width: as well.
        channels: 1 grey, 3 red, green and blue, 4 with an alpha channel.
        fit: `stretch`, `crop` (keep the proportions, cut what is over) or `pad` (keep them, fill with black).
    """

    height: int
    width: int
    channels: int
    fit: str = "stretch"

    def __call__(self, images: Any) -> Any:
        """Images of shape (n, any height, any width, channels), 0 to 255, in the size of all: float32, whole numbers.

        Takes tensors and symbolic ones. Rounded, so that resized images can be kept as bytes.
        """
        import keras

        ways = {"crop_to_aspect_ratio": self.fit == "crop", "pad_to_aspect_ratio": self.fit == "pad"}
        layer = keras.layers.Resizing(self.height, self.width, antialias=True, dtype="float32", name="resize", **ways)
        if keras.backend.standardize_dtype(images.dtype) != "float32":  # bytes cannot be padded
            images = keras.ops.cast(images, "float32")
        return keras.ops.round(layer(images))
