"""A finished run as something to predict with: its model, what it takes and gives, and what it learned from.

Of a run that kept its model everything lies in its directory: `model.keras`, `signature.json`, `schema.json`. Of a run
of a sweep that kept weights alone the rest is made again of its data, which must be what it was.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.analysis.contrast.side import data_of
from dlrun.analysis.runs import RunRecord
from dlrun.config.catalog import Catalog
from dlrun.config.identity import component_modules
from dlrun.config.spec import Spec
from dlrun.data.profile import SCHEMA, VERSION, profile_of
from dlrun.errors import UserError
from dlrun.tracking.journal import JOURNAL, last_attempt, read
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory
from dlrun.workflows.foreign_spec import read_spec
from dlrun.workflows.kept_schema import misfit

__all__ = ["KeptModel", "kept_model"]

_SIGNATURE = "signature.json"  # `training.signature` has it, which imports numpy
_MAX_BYTES = 100_000_000
_FIELDS = {"columns": list, "shape": list, "task": str, "classes": list, "predictions": list, "outputs": str}


@dataclass(frozen=True)
class KeptModel:
    """A run that can predict.

    Attributes:
        spec: the run's.
        signature: what its model takes and gives; see `training.signature`.
        schema: what it learned from; see `data.profile`. None where that was not kept.
        result: of the run.
    """

    run: RunRecord
    catalog: Catalog
    spec: Spec
    signature: Mapping[str, Any]
    schema: Mapping[str, Any] | None
    result: Result

    @property
    def target(self) -> str | None:
        """The column that it learned to predict, where the config names one."""
        target = self.spec["data"].get("target")
        return target if isinstance(target, str) else None

    def open(self) -> Any:
        """The trained `keras.Model`, from raw samples to predictions. Imports TensorFlow.

        Raises:
            UserError: it cannot be opened.
        """
        from dlrun.training.quiet import import_tensorflow

        import_tensorflow()  # ahead of what imports it with its greetings
        from dlrun.workflows.foreign import load_model

        return load_model(self.run.path, self.catalog)

    def served(self, decimal: str | None = None) -> Any:
        """The class that MLflow serves the model with, with this model. Imports TensorFlow.

        Args:
            decimal: the decimal sign of new tables; None is that of the training.

        Raises:
            UserError: it cannot be opened.
        """
        model = self.open()
        from dlrun.serving.served_model import ServedModel

        return ServedModel(self.signature_for(decimal), model)

    def signature_for(self, decimal: str | None) -> Mapping[str, Any]:
        """The signature, with another decimal sign where one is given."""
        return self.signature if decimal is None else {**self.signature, "decimal": decimal}


def kept_model(run: RunRecord, catalog: Catalog) -> KeptModel:
    """What `run` can predict with. Imports no framework where the run kept its model.

    Raises:
        ConfigError: its spec is wrong: all problems of it.
        UserError: it kept no model, or one that is not whole.
    """
    directory = RunDirectory(run.path)
    result = directory.result()
    if result is None:
        mend = "Wait for its end." if run.status == "running" else f"dlrun resume {run.short_id} goes on with it."
        raise UserError(f"Run {run.short_id} has no model yet: its status is {run.status}. {mend}")
    if not result.keeps_model:
        raise UserError(f"Run {run.short_id} kept no model. Run it with trainer.save_model=always.")
    spec = read_spec((run.path / "spec.json").read_bytes(), catalog)
    project = catalog.roots.project
    if project is not None and str(project) not in sys.path:
        sys.path.append(str(project))  # its option files may name classes of its own
    if (run.path / _SIGNATURE).is_file():
        signature = _signature(run)
        return KeptModel(run, catalog, spec, signature, _schema(run, signature), result)
    return KeptModel(run, catalog, spec, *_made_again(run, spec, catalog), result)


def _json(run: RunRecord, name: str) -> dict[str, Any] | None:
    path = run.path / name
    if path.is_symlink() or not path.is_file():
        return None
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UserError(f"{name} of run {run.short_id} must be smaller than {_MAX_BYTES:,} bytes.")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} of run {run.short_id} must be JSON, as dlrun wrote it; it is damaged.") from error
    if not isinstance(content, dict):
        raise UserError(f"{name} of run {run.short_id} must hold a JSON object.")
    return content


def _schema(run: RunRecord, signature: Mapping[str, Any]) -> dict[str, Any] | None:
    content = _json(run, SCHEMA)
    if content is None or content.get("version") != VERSION:
        return None
    kinds = dict(zip(signature["columns"], signature.get("kinds") or (), strict=False))
    if (wrong := misfit(content, kinds)) is not None:
        raise UserError(
            f"{SCHEMA} of run {run.short_id} must tell {wrong} as dlrun writes it; it is damaged. Without that file the"
            " run predicts too, and new data is not held against the training's."
        )
    return content


def _signature(run: RunRecord) -> dict[str, Any]:
    content = _json(run, _SIGNATURE) or {}
    wrong = [name for name, kind in _FIELDS.items() if not isinstance(content.get(name), kind)]
    if not wrong and (kinds := content.get("kinds")) and len(kinds) != len(content["columns"]):
        wrong = ["kinds"]
    if wrong:
        mend = "Train the run again to have it: dlrun runs shows its command."
        raise UserError(f"{_SIGNATURE} of run {run.short_id} must hold {', '.join(wrong)} as dlrun writes it. {mend}")
    return content


def _made_again(run: RunRecord, spec: Spec, catalog: Catalog) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Signature and schema, of the data that the run was trained on."""
    from dlrun.training.quiet import import_tensorflow

    import_tensorflow()
    from dlrun import pipeline
    from dlrun.training.signature import signature_of
    from dlrun.training.threshold import DEFAULT

    ready = pipeline.make_ready(spec, catalog)
    known = data_of(last_attempt(read(run.path / JOURNAL)))
    if known is not None and known[1] != ready.dataset.digest:
        raise UserError(
            f"Run {run.short_id} kept its weights alone, and its data here is not what it was trained on. Put that"
            " back, or train the run with trainer.save_model=always."
        )
    done = RunDirectory(run.path).result()
    threshold = DEFAULT if done is None else done.threshold
    signature = signature_of(ready.model, ready.dataset, spec["data"], component_modules(spec, catalog), threshold)
    return signature, profile_of(ready.dataset, ready.rows.train)
