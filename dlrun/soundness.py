"""Whether a composed config makes a run, and which: all that can be said of it before TensorFlow is imported."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.config.buildable import check_options
from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.declared import missing, problems_of
from dlrun.config.identity import Identities
from dlrun.config.parts import Interned, PerPart, Remembered
from dlrun.config.spec import NO_PART_OF_A_RUN, SPEC_VERSION, Spec, follow_task, normalised
from dlrun.data import declare
from dlrun.data.encoding import check as encoding
from dlrun.data.sampling import resample as sampling
from dlrun.data.splits import split as splitting
from dlrun.errors import Problem
from dlrun.models import grammar
from dlrun.training import checks as training

__all__ = ["Examiner", "Sound"]

_SETTINGS = ("launcher", "search")


@dataclass(frozen=True)
class Sound:
    """A config that makes a run.

    Attributes:
        id: of the run, and `trial` of the trial that it repeats.
        settings: the groups `launcher` and `search`, which are no part of the run.
    """

    spec: Spec
    id: str
    trial: str
    settings: Mapping[str, Any]


class Examiner:
    """Examines the points of one grid; what several of them share is looked at once."""

    def __init__(self, catalog: Catalog, store_problems: Callable[[Mapping[str, Any]], list[Problem]]) -> None:
        """Look options up in `catalog`.

        Args:
            store_problems: tells what is wrong with the store that a `tracking` node names.
        """
        self._catalog = catalog
        self._store_problems = store_problems
        self._interned = Interned()
        self._identities = Identities(catalog)
        self._problems = PerPart(lambda key, part: problems_of({key: part}, catalog))
        self._declared = PerPart(lambda _, part: declare.declare(part, catalog))
        self._followed = PerPart(lambda key, part, task: follow_task({key: part}, catalog, task)[key])
        self._normalised = PerPart(lambda key, part: normalised({key: part}, catalog)[key])
        self._split = Remembered(lambda spec: splitting.check(spec, catalog))

        def declared(spec: Mapping[str, Any]) -> declare.Declaration:
            return self._declared("data", spec["data"])

        self._encoding = Remembered(lambda spec: encoding.check(spec, declared(spec), catalog))
        self._shape = Remembered(
            lambda spec: encoding.shape_behind(spec, self._declared("data", spec["data"]), catalog)
        )
        self._sampling = Remembered(lambda spec: sampling.check(spec, catalog))
        self._model = Remembered(lambda spec, shape, chosen: grammar.check(spec, catalog, shape, chosen))
        self._training = Remembered(lambda spec: training.check(spec, catalog))
        self._unchosen: dict[str, Any] = {group: {} for group in sorted(LIST_GROUPS & set(catalog.groups))}

    def undeclared(self, values: Mapping[str, Any]) -> list[Problem]:
        """Everything that is not as the option files declare it."""
        if not any(self._problems(key, part) for key, part in values.items()):
            return []
        return problems_of(values, self._catalog)  # how a problem is mended depends on what else is chosen

    def examine(self, config: Mapping[str, Any], chosen: Collection[str]) -> Sound | list[Problem]:
        """The run that plain values make, or what keeps them from making one.

        Args:
            config: everything of a config, interpolations resolved.
            chosen: the dotted keys that the user has set.
        """
        values = self._interned(config)
        absent = missing(values, self._catalog)
        if absent or self._problems("data", values["data"]):
            return absent + self.undeclared(values)  # what the data is cannot be told
        declaration = self._declared("data", values["data"])
        followed = {key: self._followed(key, part, declaration.task) for key, part in values.items()}
        options = check_options(followed, self._catalog)
        if problems := [*declaration.problems, *self.undeclared(followed)]:
            return problems + options
        spec = self._frozen(followed, declaration)
        checks = [
            *options,
            *self._split(spec),
            *self._sampling(spec),
            *self._encoding(spec),
            *self._model(spec, self._shape(spec), frozenset(chosen)),
            *self._training(spec),
            *self._store_problems(spec["tracking"]),
        ]
        if checks:
            return checks
        settings = {group: self._normalised(group, followed[group]) for group in _SETTINGS}
        return Sound(spec, *self._identities.of(spec), settings)

    def _frozen(self, followed: Mapping[str, Any], declaration: declare.Declaration) -> Spec:
        facts = {"version": SPEC_VERSION, "task": declaration.task, "classes": declaration.classes}
        kept = {key: part for key, part in followed.items() if key not in NO_PART_OF_A_RUN}
        return Spec(facts | self._unchosen | {key: self._normalised(key, part) for key, part in kept.items()})
