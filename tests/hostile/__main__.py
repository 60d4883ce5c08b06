"""`python -m tests.hostile [NAME]`: try the corpus, print what was not refused, and the figures."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from .cases import CASES
from .verdict import LIMIT_MEGABYTES, LIMIT_SECONDS, faults
from .watch import Outcome, as_json, try_all


def main(words: list[str]) -> int:
    """Try the cases whose names hold the words; `--json` prints a line a case, `--part=0/2` tries every second one."""
    as_lines = "--json" in words
    wanted = [word for word in words if not word.startswith("--")]
    part, _, parts = next(
        (word.removeprefix("--part=") for word in words if word.startswith("--part=")), "0/1"
    ).partition("/")
    cases = [case for case in CASES if all(word in case.name for word in wanted)][int(part) :: int(parts)]
    outcomes: list[Outcome] = []
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for case, outcome in zip(cases, try_all(cases, Path(folder)), strict=True):
            outcomes.append(outcome)
            if as_lines:
                click.echo(as_json(outcome))
            elif found := faults(case, outcome):
                wrong += 1
                click.echo(
                    f"{case.name}: {'; '.join(found)}\n    {' '.join(case.words)[:200]}\n{_indented(outcome.text)}"
                )
            elif wanted:
                click.echo(f"{case.name}: {outcome.code}\n{_indented(outcome.text)}")
    if as_lines:
        return 0
    slowest = max(outcomes, key=lambda outcome: outcome.cpu_seconds)
    largest = max(outcomes, key=lambda outcome: outcome.megabytes)
    click.echo(f"{len(outcomes)} cases, {wrong} not as they should be")
    click.echo(f"slowest {slowest.cpu_seconds:.3f} s of {LIMIT_SECONDS} ({slowest.name})")
    click.echo(f"largest {largest.megabytes:.0f} MB of {LIMIT_MEGABYTES} ({largest.name})")
    return 1 if wrong else 0


def _indented(text: str) -> str:
    return "\n".join(f"    {line[:180]}" for line in text.strip().splitlines()[-14:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
