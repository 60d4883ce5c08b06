"""Images that show nothing."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.data.findings.finding import Finding
from dlrun.data.findings.view import View

__all__ = ["picture_findings"]


def picture_findings(view: View) -> Iterator[Finding]:
    """Images of one colour all over."""
    if view.x.ndim != 4:
        return
    flat = view.x.reshape(len(view.x), -1, view.x.shape[-1])
    blank = (flat == flat[:, :1]).all(axis=(1, 2))
    if (count := int(blank.sum())) and count < len(blank):
        first = int(view.rows[int(blank.argmax())])
        which = view.dataset.files[first] if len(view.dataset.files) else f"image {first + 1}"
        got = f"{count} of {len(blank)} are of one colour, the first is {which}"
        mend = "Look at the files, and leave these out."
        yield Finding("warning", "blank_images", "the images", "should show something", got, mend)
