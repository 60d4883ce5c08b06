"""The page of mistakes says what is answered today."""

from __future__ import annotations

import pytest

from tests.gallery import PAGE, SECTIONS, Mistake, answer, page

MISTAKES = [mistake for section in SECTIONS for mistake in section.mistakes]


def test_the_page_is_what_is_answered_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert PAGE.read_text(encoding="utf-8") == page(), "make it anew: python -m tests.gallery"


def test_it_holds_sixty_mistakes_each_once() -> None:
    typed = [(mistake.command, tuple(mistake.files.items())) for mistake in MISTAKES]
    assert len(set(typed)) == len(typed) >= 60


def test_a_mistake_that_is_none_is_no_part_of_it() -> None:
    with pytest.raises(AssertionError, match="ended with 0"):
        answer(Mistake("the groups", "dlrun ls"))
