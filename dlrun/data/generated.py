"""What generated data declares, and which parameters contradict each other, told before scikit-learn is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dlrun.config.roots import Roots
from dlrun.data.declare import Declaration
from dlrun.errors import Problem

__all__ = ["blobs", "classification", "gaussian_quantiles", "sine"]


def classification(values: Mapping[str, Any], _roots: Roots) -> Declaration:
    """Of conf/data/classification.yaml."""
    return _points(values, values["classes"], list(_classification_problems(values)))


def gaussian_quantiles(values: Mapping[str, Any], _roots: Roots) -> Declaration:
    """Of conf/data/gaussian_quantiles.yaml."""
    return _points(values, values["classes"], list(_quantiles_problems(values)))


def blobs(values: Mapping[str, Any], _roots: Roots) -> Declaration:
    """Of conf/data/blobs.yaml."""
    return _points(values, values["centers"], list(_blobs_problems(values)))


def sine(values: Mapping[str, Any], _roots: Roots) -> Declaration:
    """Of conf/data/sine.yaml."""
    span, problems = values["span"], []
    if len(span) != 2 or span[0] >= span[1]:
        rule = "must be the least and the largest x"
        problems = [Problem("data.span", rule, got=str(span), mend="Such as data.span=[0,1].")]
    return Declaration("regression", None, problems, values["samples"], (1,))


def _points(values: Mapping[str, Any], classes: int, problems: list[Problem]) -> Declaration:
    if values["samples"] < classes:
        rule = f"must be {classes} or more: a sample of each class"
        problems.append(Problem("data.samples", rule, got=str(values["samples"])))
    task = "binary" if classes == 2 else "multiclass"
    return Declaration(task, classes, problems, values["samples"], (values["features"],))


def _classification_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    features, informative, clouds = values["features"], values["informative"], values["clouds"]
    used = informative + values["redundant"] + values["repeated"]
    if used > features:
        rule = "must be as many as data.informative, data.redundant and data.repeated together, or more"
        yield Problem("data.features", rule, got=f"{features} for {used}", mend=f"Such as data.features={used}.")
    if values["classes"] * clouds > 2**informative:
        rule = f"must leave a corner of its cube to each cloud: 2 to this power, for {values['classes']} x {clouds}"
        least = (values["classes"] * clouds - 1).bit_length()
        yield Problem("data.informative", rule, got=str(informative), mend=f"Type data.informative={least} or more.")
    weights = values["weights"]
    if weights is not None and len(weights) not in (values["classes"], values["classes"] - 1):
        rule = f"must have a share for each of the {values['classes']} classes, or for all but the last"
        yield Problem("data.weights", rule, got=f"{len(weights)} shares")
    elif weights is not None and sum(weights) > 1 + 1e-9:
        rule, mend = "must add up to 1 or less", "Shares of the samples, such as data.weights=[0.9,0.1]."
        yield Problem("data.weights", rule, got=f"{sum(weights):g}", mend=mend)


def _quantiles_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    mean, features = values["mean"], values["features"]
    if mean is not None and len(mean) != features:
        rule = f"must have a number for each of the {features} dimensions (data.features)"
        yield Problem("data.mean", rule, got=f"{len(mean)} numbers", mend="Or null, for the origin.")


def _blobs_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    spread, box = values["spread"], values["box"]
    if isinstance(spread, list) and len(spread) != values["centers"]:
        rule = f"must have a number for each of the {values['centers']} clouds, or be one for all"
        yield Problem("data.spread", rule, got=f"{len(spread)} numbers")
    if len(box) != 2 or box[0] >= box[1]:
        rule = "must be the least and the largest coordinate of a centre"
        yield Problem("data.box", rule, got=str(box), mend="Such as data.box=[-10,10].")
