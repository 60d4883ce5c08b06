"""Predict masks: a PNG for each image, as large as it, with the values that masks had in training."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dlrun.analysis.runs import RunRecord
from dlrun.config.catalog import Catalog
from dlrun.data.folders import as_shown
from dlrun.errors import UserError
from dlrun.training.atomic import storage_errors
from dlrun.workflows.kept_model import KeptModel, kept_model
from dlrun.workflows.new_data.check import Checked
from dlrun.workflows.new_data.folders import ImageFiles
from dlrun.workflows.new_data.rows import Samples
from dlrun.workflows.predict import Request, at_once, looked_at
from dlrun.workflows.prediction_file import SUFFIXES

if TYPE_CHECKING:
    import numpy as np

__all__ = ["MaskPrediction", "masks_of", "predicts_masks", "require_folder", "to_folder"]

_TASK = "segmentation"


def predicts_masks(run: RunRecord) -> bool:
    """Whether the run predicts masks."""
    return run.spec.get("task") == _TASK


@dataclass
class MaskPrediction:
    """Masks to be had, of images that were found sound."""

    kept: KeptModel
    request: Request
    source: ImageFiles
    checked: Checked
    _served: Any = None

    def open(self) -> None:
        """Open the model, which takes seconds."""
        if self._served is None:
            self._served = self.kept.served()

    def masks(self) -> Iterator[tuple[str, np.ndarray]]:
        """The name of each image, and its mask: uint8 of shape (height, width).

        Raises:
            DataError: an image is damaged.
            UserError: the model cannot be opened.
        """
        import numpy as np

        from dlrun.data.images.geometry import enlarged
        from dlrun.data.resizing import Resizing

        self.open()
        signature = self._served.signature
        levels, resizing = np.asarray(signature["levels"], np.uint8), Resizing(**signature["resizing"])
        for batch in self.source.batches((), self.request.batch or at_once(signature)):
            assert isinstance(batch, Samples)
            for name, image, mask in zip(batch.names, batch.values, self._served.predict(batch.values), strict=True):
                # by number: what was cut off at the edges is of the first class, whatever its value
                classes = np.searchsorted(levels, mask).astype(np.uint8)
                yield name, levels[enlarged(classes, image.shape[0], image.shape[1], resizing)]


@contextlib.contextmanager
def masks_of(
    run: RunRecord, catalog: Catalog, request: Request, heard: Callable[[int], None] | None = None
) -> Iterator[MaskPrediction]:
    """Look at the images that masks are to be predicted of.

    Args:
        heard: told how many have been looked at.

    Raises:
        DataError: the images cannot be predicted on: all that is wrong with them.
        UserError: the run has no model, or what is asked for is of tables.
    """
    if request.probabilities:
        raise UserError(f"--proba is for tables; run {run.short_id} predicts masks, a class a pixel. Leave it out.")
    kept = kept_model(run, catalog)
    with looked_at(kept, request, heard) as (source, checked):
        if not isinstance(source, ImageFiles):
            mend = "Arrays: dlrun.load(RUN) from Python."
            raise UserError(f"FILE must be an image or a folder of images: run {run.short_id} predicts masks. {mend}")
        _require_apart(source)
        yield MaskPrediction(kept, request, source, checked)


def _require_apart(source: ImageFiles) -> None:
    twice = [name for name, count in Counter(map(_png, source.members)).items() if count > 1]
    if twice:
        names = [name for name in source.members if _png(name) == twice[0]]
        shown = " and ".join(map(as_shown, names[:2]))
        raise UserError(f"Images must have names of their own, whatever they end in: {shown} would have one mask.")


def _png(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(".png"))


@contextlib.contextmanager
def to_folder(out: Path, force: bool) -> Iterator[Callable[[str, np.ndarray], None]]:
    """What writes a mask under the name of its image, in a folder that is there once all went well.

    Args:
        force: whether masks that are there are replaced, and others left.

    Raises:
        StorageError: it cannot be written; what was there before is untouched.
    """
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    with storage_errors(out):
        try:
            aside.mkdir()
            yield lambda name, mask: _save(aside / _png(name), mask)
            if out.is_dir() and any(out.iterdir()):
                _move(aside, out)
            else:
                aside.replace(out)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def require_folder(out: Path | None, force: bool) -> Path:
    """The folder that masks can be written to.

    Raises:
        UserError: none is named, it is a file or named like a table, or it is there and holds something.
    """
    if out is None:
        raise UserError("--out must name a folder: the run predicts masks, a PNG for each image. Add --out masks.")
    if out.suffix.lower() in SUFFIXES or out.is_file():
        raise UserError(f"--out must be a folder: the run predicts masks, a PNG for each image; got {out}.")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise UserError(f"{out} is there already: nothing was written. Choose another name, or add --force.")
    if not out.absolute().parent.is_dir():
        raise UserError(f"--out must be in a folder that is there; got {out}. Make it: mkdir -p {out.parent}.")
    return out


def _save(path: Path, mask: np.ndarray) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def _move(source: Path, out: Path) -> None:
    for path in sorted(source.rglob("*.png")):
        target = out / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
