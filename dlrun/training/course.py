"""From a spec and its data to the course of a training: which rows, how many of them, how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dlrun.errors import ConfigError, Problem
from dlrun.training.class_weight import row_weights
from dlrun.training.engine import Course, columns, is_stream
from dlrun.training.objective import Horizon
from dlrun.training.strategy import check_batches
from dlrun.training.whole import whole_batches

if TYPE_CHECKING:
    from dlrun.data.prepare import Part, Prepared

__all__ = ["DEV_RUN_BATCHES", "check_course", "course_of", "epochs_of", "horizon_of", "part_to_test"]

DEV_RUN_BATCHES = 3
"""Of training, of validation and of test that `trainer.fast_dev_run` takes."""


def course_of(prepared: Prepared, spec: Mapping[str, Any]) -> Course:
    """The course that `spec` asks for on `prepared`.

    Raises:
        ConfigError: `trainer.class_weight` names a class that the data has not, or a batch is to hold all of a stream.
    """
    trainer = spec["trainer"]
    course = _whole(prepared, trainer, spec["seed"])
    if is_stream(course.train) and (problems := list(whole_batches(trainer))):
        raise ConfigError(problems)
    if not trainer["fast_dev_run"]:
        return course
    validation = None if course.validation is None else _first_batches(prepared.validation, course)
    return replace(course, limit_batches=DEV_RUN_BATCHES, validation=validation)


def check_course(prepared: Prepared, spec: Mapping[str, Any]) -> None:
    """Refuse what only the data shows to be wrong with a course.

    Raises:
        ConfigError: classes that the data has not, batches that the devices cannot share, weights that never change.
    """
    course = course_of(prepared, spec)
    check_batches(spec["trainer"], course)
    gathered = spec["optimizer"].get("gradient_accumulation_steps")
    batches = course.steps_per_epoch * course.epochs
    if gathered is not None and gathered > batches and not spec["trainer"]["fast_dev_run"]:
        key = "optimizer.gradient_accumulation_steps"
        rule = f"must be {batches} at most, the batches of the training: the weights would never change"
        raise ConfigError([Problem(key, rule, got=str(gathered), mend="Train longer, or type fewer.")])


def epochs_of(trainer: Mapping[str, Any]) -> int:
    """How often the training part is gone through at most."""
    return 1 if trainer["fast_dev_run"] else int(trainer["epochs"])


def horizon_of(prepared: Prepared, spec: Mapping[str, Any]) -> Horizon:
    """What schedules measure their epochs by: in a fast_dev_run the training that it stands for, not its one epoch."""
    course = _whole(prepared, spec["trainer"], spec["seed"])
    return Horizon(course.steps_per_epoch, spec["trainer"]["epochs"])


def part_to_test(prepared: Prepared, spec: Mapping[str, Any]) -> Part:
    """The rows of the test part that are evaluated at the end: all, but in a fast_dev_run."""
    if not spec["trainer"]["fast_dev_run"]:
        return prepared.test
    return _first_batches(prepared.test, _whole(prepared, spec["trainer"], spec["seed"]))


def _whole(prepared: Prepared, trainer: Mapping[str, Any], seed: int) -> Course:
    train, chosen = prepared.train, trainer["class_weight"]
    if chosen is not None:
        train = replace(train, weight=row_weights(train.y, prepared.classes, chosen))
    return Course(
        train=train,
        validation=prepared.validation if len(prepared.validation.x) else None,
        epochs=epochs_of(trainer),
        batch_size=trainer["batch_size"],
        validation_batch_size=trainer["validation_batch_size"],
        seed=seed,
        limit_batches=trainer["limit_batches"],
        shuffle_window=trainer["shuffle_window"],
    )


def _first_batches(part: Part, course: Course) -> Part:
    rows = DEV_RUN_BATCHES * course.rows_at_once(part)
    return type(part)(*(column[:rows] for column in columns(part)))
