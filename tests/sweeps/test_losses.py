"""What is done about a run whose worker died."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.identity import run_id
from dlrun.job import Job
from dlrun.planning import Planner
from dlrun.sweeps.losses import half_of, is_tried_again
from dlrun.sweeps.queueing import Order, likeness
from dlrun.training.causes import KINDS, cause
from dlrun.training.settings import Settings


@pytest.fixture
def order(work: Any) -> Order:
    (planned,) = Planner(work).plan(["data=iris", "trainer.batch_size=9"], sweep=False).runs
    start = {
        "name": "rate=1",
        "command": "dlrun data=iris",
        "params": {"seed": "0"},
        "trial": {"id": "t", "name": "rate=1"},
    }
    settings = Settings.of(planned.spec["trainer"])
    return Order(Job(planned.id, planned.spec, start, in_sweep=True), settings, likeness(planned.spec))


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_crash_is_tried_again_and_only_so_often(order: Order, kind: str) -> None:
    tried = []
    for order.crashes in (1, 2, 3):
        tried.append(is_tried_again(cause(kind, "-"), order, {"crash_retries": 2}))
    assert tried == ([True, True, False] if kind == "crash" else [False] * 3)


def test_half_the_batch_is_a_run_of_its_own(order: Order, catalog: Catalog) -> None:
    half = half_of(order, catalog)
    assert half is not None and half.is_half
    assert half.job.spec["trainer"]["batch_size"] == 4
    assert half.job.id == run_id(half.job.spec, catalog) != order.job.id
    assert half.job.start["name"] == "rate=1 batch_size=4"
    assert half.job.start["command"] == "dlrun data=iris trainer.batch_size=4"
    assert half.job.start["trial"]["id"] != "t"
    assert order.job.spec["trainer"]["batch_size"] == 9
    assert half_of(half, catalog) is None


@pytest.mark.parametrize("size", [1, "full"])
def test_one_row_and_all_rows_have_no_half(order: Order, catalog: Catalog, size: int | str) -> None:
    order.job.spec.content["trainer"]["batch_size"] = size
    assert half_of(order, catalog) is None
