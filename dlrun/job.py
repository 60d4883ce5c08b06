"""One run to do, as it is handed from the process that plans to the one that trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.identity import run_id
from dlrun.config.spec import Spec
from dlrun.errors import UserError

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """One run to do.

    Attributes:
        id: the run's id; its directory is `runs/<id>`.
        spec: what to do.
        start: fields of the journal's first event: name, parameters, sweep, trial, command.
        environment: content of environment.json.
        in_sweep: whether it is one of many: then its model is not kept unless the spec says so, and data or a model
            that cannot be used make it `failed`.
        refused: why it cannot be done, where that is known already.
        siblings: specs of runs of the same sweep, one for each number that varies, which differ from `spec` in that
            number alone: by them a program is compiled once for all of the sweep's numbers. The result does not depend
            on them.
    """

    id: str
    spec: Spec
    start: Mapping[str, Any]
    environment: Mapping[str, Any] = field(default_factory=dict)
    in_sweep: bool = False
    refused: UserError | None = None
    siblings: tuple[Spec, ...] = ()

    def changed(self, catalog: Catalog) -> UserError | None:
        """The error of a run whose data or components are no longer those that its id was made from."""
        try:
            if run_id(self.spec, catalog) == self.id:
                return None
        except UserError as error:  # a module was edited after it was imported, or an option file was broken
            return error
        return UserError(
            f"The data or a component of run {self.id[:8]} changed after the command began, so that it would be"
            " another run. Type the command again."
        )
