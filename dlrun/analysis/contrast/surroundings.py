"""What a run ran on beside its spec, and in what two surroundings differ."""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.analysis.runs import RunRecord
from dlrun.config.spec import flatten
from dlrun.training.environment import ENVIRONMENT
from dlrun.training.rundir import RunDirectory

__all__ = ["Otherwise", "described", "environment_of", "otherwise", "surroundings_of"]

_NO_MATTER = (
    "command",
    "sweep",
    "git.branch",
    "git.untracked_files",
)  # what was typed; a branch is a name for a commit
_NAMES = {
    "cpus": "processors",
    "cpu": "processor",
    "abilities": "abilities of the processor",
    "gpu": "GPU",
    "git.commit": "git commit",
    "git.dirty": "uncommitted changes",
    "git.diff": "what was not committed",
    "git.untracked": "code unknown to git",
}
_SHOWN = 12  # of a digest
_SHA256 = 64


@dataclass(frozen=True)
class Otherwise:
    """A fact that is another in two surroundings, as text; None where one does not say it.

    >>> str(Otherwise("TensorFlow", "2.20.0", "2.21.0"))
    'TensorFlow: 2.20.0 -> 2.21.0'
    """

    name: str
    first: str | None
    second: str | None

    def __str__(self) -> str:
        return f"{self.name}: {self.first or 'not known'} -> {self.second or 'not known'}"


def environment_of(run: RunRecord) -> dict[str, Any]:
    """The content of the run's environment.json, or of its sweep's; empty where there is none to be read."""
    found = _read(run.path / ENVIRONMENT)
    sweep = found.get("sweep")
    return found if not isinstance(sweep, str) else _read(run.path.parent.parent / "sweeps" / sweep / ENVIRONMENT)


def surroundings_of(run: RunRecord) -> dict[str, str]:
    """All that is known of what a run ran on, by name, as text: versions, machine, git commit, engine, threads."""
    manifest = RunDirectory(run.path).checkpoints.manifest() or {}
    engine = run.result.get("engine")
    told = {
        "engine": engine.get("name") if isinstance(engine, Mapping) else None,
        "threads": run.spec.get("trainer.threads"),
        "device": run.spec.get("trainer.device"),
    }
    return described(environment_of(run) | told, manifest.get("origin") or {})


def described(environment: Mapping[str, Any], origin: Mapping[str, Any] | None = None) -> dict[str, str]:
    """An environment as names and texts.

    Args:
        environment: as in environment.json.
        origin: as in a checkpoint's manifest, which knows the processor.
    """
    known = {key: (origin or {})[key] for key in ("cpu", "abilities", "gpu") if key in (origin or {})}
    facts = flatten({**environment, **known})
    if isinstance(diff := facts.get("git.diff"), str) and not _is_digest(diff):
        facts["git.diff"] = hashlib.sha256(diff.encode(errors="surrogateescape")).hexdigest()
    if facts.get("threads") is None:  # then as many as it could use
        facts["threads"] = facts.get("cpus")
    kept = {key: value for key, value in facts.items() if key not in _NO_MATTER and value not in (None, {}, [])}
    return {_name(key): _text(value) for key, value in kept.items()}


def otherwise(first: Mapping[str, str], second: Mapping[str, str]) -> list[Otherwise]:
    """What both say and is another, and settings that one alone has.

    What one does not say and the other does is no difference, but for the environment's own settings: a variable that
    is not there is one that is not set.
    """
    names = [name for name in dict.fromkeys((*first, *second)) if first.get(name) != second.get(name)]
    told = [name for name in names if (name in first and name in second) or name.isupper()]
    return [Otherwise(name, _or_unset(name, first), _or_unset(name, second)) for name in told]


def _or_unset(name: str, facts: Mapping[str, str]) -> str | None:
    return facts.get(name, "not set" if name.isupper() else None)


def _name(key: str) -> str:
    return _NAMES.get(key, key.removeprefix("packages.").removeprefix("settings."))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = str(value)
    return text[:_SHOWN] if _is_digest(text) or (len(text) == 40 and not set(text) - set(string.hexdigits)) else text


def _is_digest(text: str) -> bool:
    return len(text) == _SHA256 and not set(text) - set(string.hexdigits)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
