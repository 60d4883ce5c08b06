"""A folder of texts is what its sub-folders say, and all that is no text is told at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data import load as loading
from dlrun.data.columns import Column
from dlrun.data.declare import Declaration, declare
from dlrun.data.load import load
from dlrun.data.texts import inspect as inspecting
from dlrun.data.texts import read as reading

Node = Callable[..., dict[str, Any]]


@pytest.fixture
def reviews(work: Path) -> Path:
    """Four texts of each class."""
    for name, text in {"bad": "dull, and ", "good": "a fine film, says "}.items():
        (work / "reviews" / name).mkdir(parents=True)
        for number in range(4):
            (work / "reviews" / name / f"{number}.txt").write_text(f"{text}{number}\n", encoding="utf-8")
    return work / "reviews"


def declared(node: Node, **values: Any) -> Declaration:
    return declare(node("data", "texts", **{"path": "reviews", **values}), Catalog(Roots.of(Path.cwd())))


def told(node: Node, **values: Any) -> str:
    return "\n".join(map(str, declared(node, **values).problems))


@pytest.mark.parametrize("available", [None, 0])
def test_files_are_texts_and_folders_are_classes(
    reviews: Path, node: Node, monkeypatch: pytest.MonkeyPatch, available: int | None
):
    monkeypatch.setattr(loading, "_KEPT", type(loading._KEPT)())
    monkeypatch.setattr(reading, "available_bytes", lambda: available)
    (reviews / "good" / "0.txt").write_bytes("\ufeffna\u00efve\r\nline".encode())
    (reviews / "good" / ".DS_Store").write_bytes(b"\0")
    said = declared(node)
    assert (said.task, said.classes, said.samples, said.shape) == ("binary", 2, 8, (1,))
    dataset = load(node("data", "texts", path="reviews"), Catalog(Roots.of(Path.cwd())))
    assert dataset.columns == (Column("text", "text"),)
    assert (dataset.classes, dataset.y.tolist()) == (("bad", "good"), [0] * 4 + [1] * 4)
    assert dataset.x[:, 0].tolist() == list(range(8))
    assert dataset.texts[4] == "na\u00efve\nline"
    assert list(dataset.texts)[1] == dataset.texts[1] == "dull, and 1\n"
    assert list(dataset.texts[2:4]) == ["dull, and 2\n", "dull, and 3\n"]
    assert isinstance(dataset.texts, tuple) == (available is None)


FAULTS = {
    "empty.txt": (b"", "must hold text; got an empty file."),
    "blank.txt": (b" \n\t ", "must hold text; got 4 bytes."),
    "zero.txt": (b"a\0b", "must be text; got a zero at byte 1."),
    "wide.txt": (
        "a text".encode("utf-16"),
        "byte 0xff at offset 0. It may be UTF-16: cp reviews/bad/wide.txt reviews/bad/wide.txt.bak && iconv",
    ),
    "latin.txt": (b"caf\xe9", "byte 0xe9 at offset 3. It may be WINDOWS-1252: cp reviews/bad/latin.txt "),
    "image.png": (b"\x89PNG\r\n\x1a\n\0\0", "must be text; got a zero at byte 8."),
    "large.txt": (b"word " * 30, "must have 100 bytes or fewer; got 150 bytes."),
}


def test_what_is_no_text_is_told_at_once(reviews: Path, node: Node, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inspecting, "LONGEST", 100)
    monkeypatch.setitem(inspecting._RULES, "large", "must have 100 bytes or fewer")
    for name, (content, _) in FAULTS.items():
        (reviews / "bad" / name).write_bytes(content)
    lines = told(node).splitlines()
    assert len(lines) == len(FAULTS)
    for name, (_, says) in FAULTS.items():
        (line,) = [line for line in lines if line.endswith(f"(reviews/bad/{name})")]
        assert says in line
    assert (told(node, unreadable="skip"), declared(node, unreadable="skip").samples) == ("", 8)


def test_a_class_of_which_nothing_is_left(reviews: Path, node: Node):
    for path in (reviews / "good").iterdir():
        path.write_bytes(b"\0")
    assert "must hold texts of each class that can be read; got none in good." in told(node, unreadable="skip")


def test_folders_that_are_none(reviews: Path, node: Node):
    assert "must hold a folder for each class; got 4 texts in the folder itself." in told(node, path="reviews/bad")
    assert "must be an existing folder; got 'review'. Did you mean data.path=reviews?" in told(node, path="review")
    assert "must name folders that there are; got 'fine'." in told(node, classes=["good", "fine"])


def test_parts(reviews: Path, node: Node):
    for part in ("train", "test"):
        for name in ("a", "b"):
            folder = reviews.parent / "parts" / part / name
            folder.mkdir(parents=True)
            (folder / "1.txt").write_text(f"{part} {name}")
    said = declared(node, path="parts")
    assert (said.classes, said.samples, said.given) == (2, 4, frozenset({"parts"}))
    dataset = load(node("data", "texts", path="parts"), Catalog(Roots.of(Path.cwd())))
    assert dataset.parts is not None
    assert dataset.parts.tolist() == [2, 2, 0, 0]
