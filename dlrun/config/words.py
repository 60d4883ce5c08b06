"""The words of a command that are no overrides, or not the ones that were meant: what is wrong with them, and the mend.

Hydra's parser stops at the first character it cannot place and says so in its own terms; the slips behind that are few.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

from dlrun.errors import ConfigError, Problem

__all__ = ["COMMAND_LINE", "closed", "key_of", "mended", "read_as_meant", "torn_words", "unreadable"]

COMMAND_LINE = "command line"
_ROUNDS = 4  # wrong words behind wrong words
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_TO_QUOTE = "~;|<>!`#"
_QUOTES = "'\""
_ASCII = {"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u2013": "-", "\u2014": "-", "\u2212": "-"}


def torn_words(words: Sequence[str]) -> tuple[list[Problem], list[str]]:
    """A problem for each word that the shell has torn at its spaces, `model= cnn`, `hidden=[64, 64]`; and the rest."""
    problems: list[Problem] = []
    whole: list[str] = []
    waiting = list(words)
    while waiting:
        parts = [waiting.pop(0)]
        while waiting and _goes_on(parts, waiting[0]):
            parts.append(waiting.pop(0))
        if len(parts) == 1:
            whole += parts
            continue
        right = "".join(parts)
        mend = f"Type {shlex.quote(right)}."
        rule = "must be typed without spaces, or in quotes"
        problems.append(Problem(f"'{' '.join(parts)}'", rule, mend=mend, place=COMMAND_LINE))
    return problems, whole


def _goes_on(parts: Sequence[str], following: str) -> bool:
    """Whether a torn word goes on with `following`."""
    text = "".join(parts)
    if following.startswith(("-", "~", "+")):
        return False
    if following.startswith("="):
        return "=" not in text
    if "=" in following:
        return False
    return text.endswith(("=", ",")) or ("=" in text and bool(_unclosed(text.partition("=")[2])))


def unreadable(text: str, reason: str, choices: Sequence[str] = ()) -> Problem:
    """The problem of a word that Hydra's grammar cannot read.

    Args:
        reason: what Hydra says, for the slips that are not known here.
        choices: the choices of options that have this name.
    """
    if choices:
        rule, mend = "must be KEY=VALUE", f"Did you mean {' or '.join(choices)}?"
        right = choices[0] if len(choices) == 1 else ""
        return Problem(f"'{text}'", rule, mend=mend, place=COMMAND_LINE, instead=(f"'{text}'", right))
    rule, mend = _slip(text) or (
        f"must be key=value in Hydra's grammar ({reason})",
        "Write key=value; put quotes round values with spaces, commas or brackets: 'key=\"a, b\"'.",
    )
    return Problem(f"'{text}'", rule, mend=mend, place=COMMAND_LINE, instead=(f"'{text}'", ""))


def _slip(text: str) -> tuple[str, str] | None:
    """The rule that a word breaks and what to type, where it is one of the slips that people make."""
    key, separator, value = text.partition("=")
    if strange := sorted(set(text) & set(_ASCII)):
        right = "".join(_ASCII.get(sign, sign) for sign in text)
        return f"must be typed in plain quotes and hyphens, without {' '.join(strange)}", f"Type {right}."
    if not separator:
        return "must be KEY=VALUE", f"Type {text}=VALUE, without spaces round the sign."
    if not key.strip("+~"):
        return "must name a key before the =", "Type KEY=VALUE, without spaces round the sign."
    if bare := sorted(set(value) & set(_TO_QUOTE)) or ([","] if value == "," else []):
        quoted = f"'{key}=\"{value}\"'"
        return f"must stand in quotes: Hydra reads {' '.join(bare)} as a sign of its own", f"Type {quoted}."
    if missing := _unclosed(value):
        return f"must close what it opens: {missing} is missing", f"Type '{text}{missing}', quoted for the shell."
    return None


def closed(text: str) -> str:
    """The word with the brackets and quotes closed that it leaves open."""
    return text + _unclosed(text.partition("=")[2])


def _unclosed(value: str) -> str:
    """The closing signs that `value` lacks."""
    waiting: list[str] = []
    quote = ""
    for sign in value:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        elif sign in _PAIRS:
            waiting.append(_PAIRS[sign])
        elif waiting and sign == waiting[-1]:
            waiting.pop()
    return quote + "".join(reversed(waiting))


def key_of(word: str) -> str:
    """The key or group that a word sets, chooses or removes."""
    return word.lstrip("+~").partition("=")[0].partition("@")[0]


def mended(words: Sequence[str], problems: Sequence[Problem]) -> tuple[dict[str, str], bool]:
    """The words that are wrong: what was probably meant by each, '' for one that is best left out.

    Returns:
        Them, and whether every problem is one of a word that is told what was meant.
    """
    changed: dict[str, str] = {}
    complete = True
    for problem in problems:
        wrong, right = problem.instead or ("", "")
        found = _words_of(problem, words) if wrong else []
        for word in found:
            changed[word] = _put(wrong, right, changed.get(word, word), problem.key)
        complete = complete and bool(found) and all(changed[word] for word in found)
        if wrong and not right:  # an option that is not known: what is set of it cannot be judged
            changed |= {word: "" for word in words if key_of(word).startswith(f"{problem.key}.")}
    return changed, complete


def _words_of(problem: Problem, words: Sequence[str]) -> list[str]:
    """The words that a problem is about: those of its key, else those of keys below it, as `foo.bar=1` for `foo`."""
    if problem.place != COMMAND_LINE:
        return []
    exact = [word for word in words if problem.key in (f"'{word}'", key_of(word))]
    return exact or [word for word in words if key_of(word).startswith(f"{problem.key}.")]


def _put(wrong: str, right: str, word: str, key: str) -> str:
    """The word with `right` in place of `wrong`, '' where that cannot be done."""
    if not right:
        return ""
    if wrong == f"'{word}'":
        return right
    typed, separator, value = word.partition("=")
    if wrong == key:
        return f"{typed.replace(wrong, right, 1)}{separator}{value}"
    changed = re.sub(rf"(?<![\w.+-]){re.escape(wrong)}(?![\w.+-])", lambda _: right, value, count=1)
    if changed == value and "," not in value:  # written in another way, as 1e2 for 100.0
        changed = right
    return f"{typed}={changed}" if changed != value else ""


def read_as_meant(words: Sequence[str], first: ConfigError, plan: Callable[[list[str]], object]) -> ConfigError:
    """The error of a command, with what hides behind its first problems.

    A wrong word keeps others from being judged: with `optimizer=adma`, nothing can be said of `optimizer.lr`. So each
    is read as it was probably meant, or left out, and the command planned again.

    Args:
        words: the command's overrides.
        first: what planning them raised.
        plan: plans words; raises ConfigError.
    """
    unread = {key_of(word) for word in words if any(problem.key == f"'{word}'" for problem in first.problems)}
    found = [problem for problem in first.problems if problem.key not in unread]
    problems = list(found)
    meant = {word: word for word in words}
    sure = True
    for _ in range(_ROUNDS):
        changed, complete = mended([word for word in meant.values() if word], found)
        if not changed:
            break
        sure = sure and complete
        meant = {word: changed.get(now, now) for word, now in meant.items()}
        try:
            plan([word for word in meant.values() if word])
        except ConfigError as error:
            left_out = {key_of(word) for word, now in meant.items() if not now}
            found = [problem for problem in error.problems if problem.key not in left_out]
            problems += found
        else:
            right = {word: now for word, now in meant.items() if now != word}
            return ConfigError(_each_once(problems), right if sure else None, first.where)
    return ConfigError(_each_once(problems), where=first.where)


def _each_once(problems: Sequence[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
