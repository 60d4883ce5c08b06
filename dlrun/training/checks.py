"""What can be wrong between the choices of a training, found without TensorFlow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from dlrun.config.catalog import Catalog, Option
from dlrun.config.facts import TASKS
from dlrun.config.suggest import did_you_mean
from dlrun.errors import Problem
from dlrun.training.class_weight import check_class_weight
from dlrun.training.monitor import computed, goal
from dlrun.training.probe_checks import check_probes
from dlrun.training.threshold import check_threshold
from dlrun.training.whole import whole_batches

__all__ = ["check"]

Spec = Mapping[str, Any]

_CLIPS = ("clipnorm", "global_clipnorm", "clipvalue")
_SCHEDULE_EPOCHS = ("warmup_epochs",)


def check(spec: Spec, catalog: Catalog) -> list[Problem]:
    """All contradictions between data, loss, metrics, optimizer, schedule, callbacks and trainer.

    Args:
        spec: resolved, every value within its own rule; `auto` options already follow the task.
        catalog: where the options are looked up.
    """
    return [
        *_loss(spec, catalog),
        *(wrong := list(_metrics(spec, catalog))),
        *_optimizer(spec),
        *_schedule(spec),
        *_trainer(spec),
        *_register(spec),
        *(() if wrong else _callbacks(spec, catalog)),
        *check_probes(spec, catalog),
    ]


def _loss(spec: Spec, catalog: Catalog) -> Iterator[Problem]:
    option = catalog.get("loss", spec["loss"]["option"])
    if not _fits(option, spec["task"]):
        fitting = _fitting(catalog, "loss", spec["task"])
        yield Problem(
            "loss",
            f"must be a loss for a {spec['task']} task",
            got=option.name,
            mend=f"Use loss=auto, or one of: {', '.join(fitting)}.",
        )


def _metrics(spec: Spec, catalog: Catalog) -> Iterator[Problem]:
    for entry, node in spec["metric"].items():
        option = catalog.get("metric", node["option"])
        if not _fits(option, spec["task"]):
            rule = f"must be a metric for a {spec['task']} task"
            fitting = _fitting(catalog, "metric", spec["task"])
            yield Problem(f"metric.{entry}", rule, option.name, f"One or more of: {', '.join(fitting)}.")
        elif option.facts.get("goal") not in ("max", "min"):
            rule = "must say whether more or less of it is better: `_goal_: max` or `_goal_: min`"
            yield Problem(f"metric/{option.name}: _goal_", rule, place=str(option.path))
        elif node.get("k") is not None and node["k"] >= (spec["classes"] or 0):
            rule = f"must be smaller than the number of classes, {spec['classes']}: it is 1 for any model otherwise"
            yield Problem(f"metric.{entry}.k", rule, str(node["k"]), f"Type metric.{entry}.k=2.")
    yield from _metric_names(spec)


def _metric_names(spec: Spec) -> Iterator[Problem]:
    names = {entry: str(node.get("name", entry)) for entry, node in spec["metric"].items()}
    counts = Counter(names.values())
    for entry, name in names.items():
        mend = f"Type metric.{entry}.name={entry if entry != name else f'{entry}_2'}."
        if counts[name] > 1:
            yield Problem(f"metric.{entry}.name", "must be a name that no other metric has", name, mend)
        elif name == "loss" or name.startswith(("val_", "test_", "best_")):
            rule = "must not be loss nor begin with val_, test_ or best_, which name the values of a part"
            yield Problem(f"metric.{entry}.name", rule, name, mend)


def _optimizer(spec: Spec) -> Iterator[Problem]:
    node = spec["optimizer"]
    clips = [f"optimizer.{name}" for name in _CLIPS if node.get(name) is not None]
    for key in clips[1:]:
        rule = f"must be null where {clips[0]} is set: gradients are clipped in one way"
        yield Problem(key, rule, str(node[key.removeprefix("optimizer.")]), f"Type {key}=null or {clips[0]}=null.")
    if node.get("nesterov") and not node["momentum"]:
        mend = "Type optimizer.momentum=0.9 or optimizer.nesterov=false."
        yield Problem("optimizer.nesterov", "must be false without momentum", "true", mend)


def _schedule(spec: Spec) -> Iterator[Problem]:
    epochs = spec["trainer"]["epochs"]
    for name in _SCHEDULE_EPOCHS:
        value = spec["schedule"].get(name)
        if value is not None and value >= epochs:
            rule = f"must be shorter than the training, {epochs} epochs"
            yield Problem(f"schedule.{name}", rule, f"{value:g}", f"Type schedule.{name}={epochs // 10}.")
    if "learning_rate" not in spec["optimizer"]:
        if spec["schedule"]["option"] != "constant":
            rule = f"must be constant: optimizer={spec['optimizer']['option']} has no learning_rate to change"
            yield Problem("schedule", rule, spec["schedule"]["option"], "Type schedule=constant.")
        return
    end = spec["schedule"].get("end_learning_rate")
    if end is not None and end >= spec["optimizer"]["learning_rate"]:
        rule = f"must be smaller than optimizer.learning_rate, {spec['optimizer']['learning_rate']:g}"
        yield Problem("schedule.end_learning_rate", rule, f"{end:g}", "Type schedule.end_learning_rate=0.")


def _trainer(spec: Spec) -> Iterator[Problem]:
    if spec.get("data", {}).get("stream") is True:
        yield from whole_batches(spec["trainer"])
    yield from check_class_weight(spec["trainer"]["class_weight"], spec["task"], spec["classes"])
    yield from check_threshold(spec)
    if spec["trainer"]["monitor"] != "auto":
        yield from _monitor(spec, "trainer.monitor", spec["trainer"]["monitor"])
    if spec["trainer"]["lr_finder"] and "learning_rate" not in spec["optimizer"]:
        rule = f"must be false: optimizer={spec['optimizer']['option']} has no learning_rate to look for"
        yield Problem("trainer.lr_finder", rule, "true", "Choose another optimizer.")


def _register(spec: Spec) -> Iterator[Problem]:
    name = spec.get("tracking", {}).get("register")
    if name is None:
        return
    if not name.strip() or set(name) & set("/:"):
        yield Problem("tracking.register", "must be a name that MLflow takes, without / and :", got=repr(name))
    if spec["trainer"]["save_model"] == "never":
        rule = "must be null: without a model there is nothing to register"
        mend = "Leave out trainer.save_model=never."
        yield Problem("tracking.register", rule, got=name, mend=mend)


def _callbacks(spec: Spec, catalog: Catalog) -> Iterator[Problem]:
    keepers: dict[str, str] = {}
    for entry, node in spec["callback"].items():
        key = f"callback.{entry}"
        facts = catalog.get("callback", node["option"]).facts
        if "monitor" in node:
            wrong = list(_monitor(spec, f"{key}.monitor", node["monitor"]))
            yield from wrong or _mode(spec, catalog, key, node)
        if facts.get("sets_learning_rate"):
            yield from _learning_rate(spec, key, node)
        start = node.get("start_from_epoch")
        if start is not None and start >= spec["trainer"]["epochs"]:
            rule = f"must be smaller than trainer.epochs, {spec['trainer']['epochs']}: it never acts otherwise"
            yield Problem(f"{key}.start_from_epoch", rule, str(start), f"Type {key}.start_from_epoch=0.")
        if node.get("restore_best_weights", facts.get("keeps_best_weights", False)):
            keepers[key] = node["monitor"]
    yield from _keepers(keepers)


def _monitor(spec: Spec, key: str, name: str) -> Iterator[Problem]:
    names = computed(spec)
    if name not in names:
        nearest = did_you_mean(name, names, shown=f"{key}={{}}")
        mend = " ".join(filter(None, [nearest, f"There are: {', '.join(names)}."]))
        yield Problem(key, "must name something that is computed every epoch", name, mend)


def _mode(spec: Spec, catalog: Catalog, key: str, node: Spec) -> Iterator[Problem]:
    best = goal(spec, catalog, node["monitor"])
    if node["mode"] not in ("auto", best):
        rule = f"must be {best}, the way in which {node['monitor']} is better"
        yield Problem(f"{key}.mode", rule, node["mode"], f"Type {key}.mode=auto.")


def _learning_rate(spec: Spec, key: str, node: Spec) -> Iterator[Problem]:
    schedule = spec["schedule"]["option"]
    if schedule != "constant":
        rule = f"must not be used with schedule={schedule}, which sets the learning rate at every step"
        yield Problem(key, rule, mend=f"Type schedule=constant, or ~{key}.")
    rate = spec["optimizer"].get("learning_rate", math.inf)
    if node["min_lr"] >= rate:
        rule = f"must be smaller than optimizer.learning_rate, {rate:g}"
        yield Problem(f"{key}.min_lr", rule, f"{node['min_lr']:g}", f"Type {key}.min_lr=0.")


def _keepers(keepers: Mapping[str, str]) -> Iterator[Problem]:
    (first, monitor), *others = keepers.items() or [("", "")]
    for key, other in others:
        if other != monitor:
            rule = f"must be {monitor} as in {first}: both keep the weights of the best epoch"
            yield Problem(f"{key}.monitor", rule, other, f"Type {key}.monitor={monitor}.")


def _fitting(catalog: Catalog, group: str, task: str) -> list[str]:
    return [name for name in catalog.names(group) if _fits(catalog.get(group, name), task) and name != "auto"]


def _fits(option: Option, task: str) -> bool:
    """Whether an option is for `task`; one that names no tasks is for all, and so is one that names none there is."""
    known = [each for each in option.facts.get("tasks") or () if each in TASKS]
    return task in known or not known
