"""What makes two runs the same run: the hash that is a run's id.

Left out is what changes where and how a run is recorded or scheduled, engine, threads and device, whose resolved values
are recorded at the first start, and lr_finder, which makes no run. Probes count although they change no bit of what is
trained: a run that was finished without them has nothing to show of them. Files count by their content, generated data
by the version in its option file, a component of the user's own by its option file and modules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from dlrun.config.catalog import Catalog, Option
from dlrun.config.components import component_digests
from dlrun.config.digest import content_digest
from dlrun.config.roots import Roots
from dlrun.config.spec import REPLICATE_KEYS, Spec

__all__ = ["NOT_IDENTITY", "NOT_IDENTITY_OF_TRAINER", "id_without_epochs", "run_and_trial_id", "run_id", "sweep_id"]

NOT_IDENTITY = frozenset({"tracking", "launcher", "search", "lab", "name", "tags", "checkpoint"})
"""Top-level keys that say how a run is recorded or scheduled, not what it is."""

NOT_IDENTITY_OF_TRAINER = frozenset({"engine", "threads", "device", "lr_finder"})
_ID_LENGTH = 16  # hex characters: 64 bits, no collision among billions of runs


def run_id(spec: Spec, catalog: Catalog) -> str:
    """16 hex characters; the same spec on the same data and components has the same id."""
    return run_and_trial_id(spec, catalog)[0]


def run_and_trial_id(spec: Spec, catalog: Catalog) -> tuple[str, str]:
    """The ids of a run and of the trial that it repeats: the run's identity less the replicate keys."""
    identity = _identity(spec, catalog)
    run = _hash(identity)
    for key in REPLICATE_KEYS:
        *groups, name = key.split(".")
        node = identity
        for group in groups:
            node[group] = dict(node[group])
            node = node[group]
        node.pop(name, None)
    return run, _hash(identity)


def id_without_epochs(spec: Spec, catalog: Catalog) -> str:
    """What a run shares with the runs that differ from it only in how many epochs they train."""
    identity = _identity(spec, catalog)
    del identity["trainer"]["epochs"]
    return _hash(identity)


def sweep_id(run_ids: Mapping[str, Any] | set[str] | list[str]) -> str:
    """The id of a grid: the hash of its sorted run ids."""
    return _hash(sorted(run_ids))


def _hash(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_ID_LENGTH]


def _identity(spec: Spec, catalog: Catalog) -> dict[str, Any]:
    identity = {key: value for key, value in spec.items() if key not in NOT_IDENTITY}
    identity["trainer"] = {k: v for k, v in spec["trainer"].items() if k not in NOT_IDENTITY_OF_TRAINER}
    identity["components"] = component_digests(spec, catalog.roots.project)
    for group, node in identity.items():
        if isinstance(node, Mapping) and isinstance(node.get("option"), str):
            identity[group] = _by_content(catalog.get(group, node["option"]), node, catalog.roots)
    return identity


def _by_content(option: Option, node: Mapping[str, Any], roots: Roots) -> dict[str, Any]:
    """The node with each path replaced by the digest of the file, the version of what it generates, and without what
    its option says is no part of a run's identity."""
    values = dict(node)
    for name, parameter in option.parameters.items():
        value = values.get(name)
        if parameter.rule.is_path and isinstance(value, str):
            file = roots.file(value)
            values[name] = content_digest(file) if file.is_file() else value
    if "version" in option.facts:
        values["version"] = option.facts["version"]
    return {name: value for name, value in values.items() if name not in option.facts.get("not_identity", ())}
