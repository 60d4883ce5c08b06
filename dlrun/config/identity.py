"""What makes two runs the same run: the hash that is a run's id.

Left out is what changes where and how a run is recorded or scheduled, engine, threads and device, whose resolved values
are recorded at the first start, lr_finder, which makes no run, and preflight, which only lets it begin. Probes count
although they change no bit of what is trained: a run that was finished without them has nothing to show of them. Files
count by their content, generated data by the version in its option file, a component of the user's own by its option
file and modules.
"""

from __future__ import annotations

import hashlib
import json
import pkgutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from dlrun.config.catalog import Catalog, Option
from dlrun.config.components import component_digests, names_in_part, option_files
from dlrun.config.digest import content_digest, digest_of_files, memory_of
from dlrun.config.parts import PerPart
from dlrun.config.roots import Roots
from dlrun.config.spec import REPLICATE_KEYS, Spec

__all__ = [
    "NOT_IDENTITY",
    "NOT_IDENTITY_OF_TRAINER",
    "Identities",
    "component_modules",
    "id_without_epochs",
    "run_and_trial_id",
    "run_id",
    "sweep_id",
]

NOT_IDENTITY = frozenset({"tracking", "launcher", "search", "lab", "name", "tags", "checkpoint", "preflight"})
"""Top-level keys that say how a run is recorded or scheduled, not what it is."""

NOT_IDENTITY_OF_TRAINER = frozenset({"engine", "threads", "device", "lr_finder"})
_ID_LENGTH = 16  # hex characters: 64 bits, no collision among billions of runs


def run_id(spec: Spec, catalog: Catalog) -> str:
    """16 hex characters; the same spec on the same data and components has the same id."""
    return run_and_trial_id(spec, catalog)[0]


def run_and_trial_id(spec: Spec, catalog: Catalog) -> tuple[str, str]:
    """The ids of a run and of the trial that it repeats."""
    return Identities(catalog).of(spec)


def id_without_epochs(spec: Spec, catalog: Catalog) -> str:
    """What a run shares with the runs that differ from it only in how many epochs they train."""
    return Identities(catalog).without_epochs(spec)


def component_modules(spec: Spec, catalog: Catalog) -> list[str]:
    """The modules of the project that a run is made of, as Python imports them."""
    return Identities(catalog).modules(spec)


class Identities:
    """The ids of a command's runs: what they have in common is looked at and written out once."""

    def __init__(self, catalog: Catalog) -> None:
        """Look options up in `catalog`; files are taken as they are when a run first needs them."""
        self._catalog = catalog
        self._parts = PerPart(self._part)
        self._names = PerPart(lambda key, part: names_in_part(key, part, self._files))
        self._components: dict[frozenset[str], str] = {}

    def of(self, spec: Spec) -> tuple[str, str]:
        """The ids of a run and of the trial that it repeats: the run's identity less the replicate keys.

        Raises:
            UserError: a module of the project was edited after it was imported.
        """
        parts = self._parts_of(spec)
        trial = {key: part for key, (_, part) in parts.items() if part}
        return _hash_parts({key: part for key, (part, _) in parts.items()}), _hash_parts(trial)

    def without_epochs(self, spec: Spec) -> str:
        """What a run shares with the runs that differ from it only in how many epochs they train."""
        trainer = {key: value for key, value in spec["trainer"].items() if key != "epochs"}
        parts = self._parts_of(spec) | {"trainer": self._part("trainer", trainer)}
        return _hash_parts({key: part for key, (part, _) in parts.items()})

    def modules(self, spec: Spec) -> list[str]:
        """The modules of the project that a run is made of, as Python imports them."""
        paths = (Path(entry.partition(": ")[0]) for entry in json.loads(self._components_of(spec)))
        parts = (path.with_suffix("").parts for path in paths if path.suffix == ".py")
        return [".".join(part[:-1] if part[-1] == "__init__" else part) for part in parts]

    def _parts_of(self, spec: Spec) -> dict[str, tuple[str, str]]:
        """The parts of an identity, each as `_part` has it."""
        components = self._components_of(spec)
        parts = {key: self._parts(key, value) for key, value in spec.items() if key not in NOT_IDENTITY}
        return parts | {"components": (components, components)}

    def _part(self, key: str, value: Any) -> tuple[str, str]:
        """The canonical JSON of a part of a run's identity, and of the trial's; '' for what the trial leaves out."""
        if key == "trainer":
            value = {name: each for name, each in value.items() if name not in NOT_IDENTITY_OF_TRAINER}
        if isinstance(value, Mapping) and isinstance(value.get("option"), str):
            value = _by_content(self._catalog.get(key, value["option"]), value, self._catalog.roots)
        if key in REPLICATE_KEYS:
            return _canonical(value), ""
        inside = {each.partition(".")[2] for each in REPLICATE_KEYS if each.startswith(f"{key}.")}
        kept = {name: each for name, each in value.items() if name not in inside} if inside else value
        return _canonical(value), _canonical(kept)

    def _components_of(self, spec: Spec) -> str:
        """What the run owes to the project, as canonical JSON."""
        project = self._catalog.roots.project
        if project is None:
            return "[]"
        names = frozenset[str]().union(*(self._names(key, part) for key, part in spec.items()))
        if names not in self._components:
            self._components[names] = _canonical(component_digests(names, self._files, project))
        return self._components[names]

    @cached_property
    def _files(self) -> Mapping[str, list[Path]]:
        assert self._catalog.roots.project is not None, "outside a project nothing is the user's own"
        return option_files(self._catalog.roots.project)


def sweep_id(run_ids: Mapping[str, Any] | set[str] | list[str]) -> str:
    """The id of a grid: the hash of its sorted run ids."""
    return _hash(_canonical(sorted(run_ids)))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _hash_parts(parts: Mapping[str, str]) -> str:
    """The hash of a mapping whose values are canonical JSON already."""
    return _hash("{" + ",".join(f"{_canonical(key)}:{parts[key]}" for key in sorted(parts)) + "}")


def _hash(canonical: str) -> str:
    return hashlib.sha256(canonical.encode()).hexdigest()[:_ID_LENGTH]


def _by_content(option: Option, node: Mapping[str, Any], roots: Roots) -> dict[str, Any]:
    """The node with each path replaced by the digest of the file, the version of what it generates, and without what
    its option says is no part of a run's identity."""
    values = dict(node)
    several = "files" in option.facts
    if several:
        found = pkgutil.resolve_name(option.facts["files"])(option.defaults | values, roots)
        values["files"] = digest_of_files(found, memory_of(roots.work))
    for name, parameter in option.parameters.items():
        value = values.get(name)
        if several and parameter.rule.is_path:
            values.pop(name, None)  # where they lie is no matter
        elif parameter.rule.is_path and isinstance(value, str):
            file = roots.file(value)
            values[name] = content_digest(file) if file.is_file() else value
    if "version" in option.facts:
        values["version"] = option.facts["version"]
    return {name: value for name, value in values.items() if name not in option.facts.get("not_identity", ())}
