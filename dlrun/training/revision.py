"""What git says of the project: a `.git` of anybody's can be asked, since that runs nothing and writes nothing.

Its config could name programs for git to start: a file system monitor, filters, converters of what is compared. Those
of the user's own config (Git LFS, say) may.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["revision_of"]

_SECONDS = 2.0  # for each answer
_LONGEST_DIFF = 1_000_000  # bytes: beyond, somebody has changed data, not code
_LONGEST_LIST = 10_000_000
_NAMED = 20
_CODE = (".py", ".yaml")
_BELOW = ("--", ".", ":(exclude)runs", ":(exclude)sweeps")  # the project, which may be a folder of the repository
_SUBMODULES = "--ignore-submodules=dirty"  # those are asked with a config of their own
_LIST = ("status", "--porcelain=v2", "--branch", "-z", "--no-ahead-behind", "--untracked-files=all", _SUBMODULES)
_DIFF = (  # as `git apply` takes it, whatever the config says of how diffs are shown
    "diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative",
    "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", _SUBMODULES,
)  # fmt: skip
_CAREFUL = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
_NO_FILTER = {"clean": "", "process": "", "required": "false"}


def revision_of(work: Path, with_diff: bool = True) -> dict[str, Any] | None:
    """Which commit the project is at, and what is not in it; None without git, a repository or a commit.

    Args:
        with_diff: whether what its files differ in is to be told.

    Returns:
        commit, branch: `HEAD` where there is no branch.
        dirty: whether tracked files below `work` differ from the commit; None where git does not say it in time.
        diff: what they differ in, as `git apply` takes it at the repository's root; bytes that are no UTF-8 are
            surrogates. None where they do not, where it is longer than a megabyte, and unasked.
        untracked, untracked_files: code that git does not know: the first names, and how many. Only where there is any.
    """
    careful = _CAREFUL | _without_filters(work)
    listed = _answer(work, (*_LIST, *_BELOW), careful, _LONGEST_LIST)
    if listed is None:
        return _commit_alone(work, careful)
    lines = listed.split("\0")
    told = dict(line.removeprefix("# branch.").split(" ", 1) for line in lines if line.startswith("# branch."))
    if told.get("oid", "(initial)") == "(initial)":
        return None
    is_dirty = any(line.startswith(("1 ", "2 ", "u ")) for line in lines)
    diff = _answer(work, (*_DIFF, *_BELOW), careful, _LONGEST_DIFF) if is_dirty and with_diff else None
    branch = told.get("head", "HEAD")
    known = {"commit": told["oid"], "branch": "HEAD" if branch == "(detached)" else branch, "dirty": is_dirty}
    return {**known, "diff": diff or None, **_untracked(lines)}


def _untracked(lines: Sequence[str]) -> dict[str, Any]:
    names = [line.removeprefix("? ") for line in lines if line.startswith("? ") and line.endswith(_CODE)]
    return {"untracked": names[:_NAMED], "untracked_files": len(names)} if names else {}


def _commit_alone(work: Path, careful: Mapping[str, str]) -> dict[str, Any] | None:
    """Of a repository that is too large to be looked through in time."""
    asked = _answer(work, ("rev-parse", "HEAD", "--abbrev-ref", "HEAD"), careful, _LONGEST_LIST)
    if not asked:
        return None
    commit, branch = asked.split()
    return {"commit": commit, "branch": branch, "dirty": None, "diff": None}


def _without_filters(work: Path) -> dict[str, str]:
    """Environment variables that have git start none of the filters that the repository's own config names."""
    asked = ("config", "--show-scope", "--name-only", "-z", "--get-regexp", r"^filter\.")
    found = (_answer(work, asked, _CAREFUL, _LONGEST_LIST) or "").rstrip("\0").split("\0")
    names = {
        name.rpartition(".")[0]
        for scope, name in zip(found[::2], found[1::2], strict=False)
        if scope in ("local", "worktree")
    }
    settings = [(f"{name}.{key}", value) for name in sorted(names) for key, value in _NO_FILTER.items()]
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    variables = {"GIT_CONFIG_COUNT": str(first + len(settings))} if settings else {}
    for number, (key, value) in enumerate(settings, start=first):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _answer(work: Path, arguments: Sequence[str], variables: Mapping[str, str], longest: int) -> str | None:
    """What git says, of `longest` bytes at most; None where there is no git, no repository or no answer in time."""
    command = ["git", "-C", str(work), "-c", "core.fsmonitor=false", *arguments]
    none, environment = subprocess.DEVNULL, {**os.environ, **variables}
    try:
        with subprocess.Popen(command, stdin=none, stdout=subprocess.PIPE, stderr=none, env=environment) as git:
            assert git.stdout is not None
            limit = threading.Timer(_SECONDS, git.kill)
            limit.start()
            try:
                said = git.stdout.read(longest + 1)
                if len(said) > longest:
                    git.kill()
                code = git.wait()
            finally:
                limit.cancel()
    except OSError:
        return None
    return said.decode(errors="surrogateescape") if code == 0 and len(said) <= longest else None
