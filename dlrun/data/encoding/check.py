"""What can be told of an encoding before data is loaded: what is wrong with it, and the shape of what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.config.build import build
from dlrun.config.catalog import Catalog
from dlrun.data.declare import Declaration
from dlrun.data.encoding.reads import reads_sequences
from dlrun.data.encoding.recipe import Recipe
from dlrun.errors import Problem

__all__ = ["check", "shape_behind"]


def check(spec: Mapping[str, Any], declaration: Declaration, catalog: Catalog) -> list[Problem]:
    """What is wrong with a config's `preprocess` node for its data."""
    recipe: Recipe = build(catalog, "preprocess", spec["preprocess"])
    is_table = declaration.shape is not None and len(declaration.shape) == 1
    if is_table and declaration.columns is None:  # what the columns are called is not known yet
        return []
    return list(recipe.problems(declaration.columns))


def shape_behind(spec: Mapping[str, Any], declaration: Declaration, catalog: Catalog) -> tuple[int, ...] | None:
    """The shape of a sample as the model's layers get it, as far as its dimensions go; None where it is not known."""
    columns = declaration.columns or ()
    if len(columns) != 1 or columns[0].kind != "text":
        return declaration.shape
    recipe: Recipe = build(catalog, "preprocess", spec["preprocess"])
    text, is_read = recipe.of(columns[0]).text, reads_sequences(spec, catalog)
    if text in ("tokens", "characters") or (text == "auto" and is_read):
        return (recipe.length, 1) if is_read else (recipe.length,)
    return declaration.shape
