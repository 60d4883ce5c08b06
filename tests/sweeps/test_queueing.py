"""Which run a worker gets next."""

from __future__ import annotations

from dlrun.config.spec import Spec
from dlrun.job import Job
from dlrun.sweeps.queueing import Order, Queue, likeness
from dlrun.training.settings import Settings

ONE, TWO = Settings(True, 1, "auto"), Settings(False, 1, "auto")


def order(name: str, like: str = "a", settings: Settings = ONE) -> Order:
    return Order(Job(name, Spec({}), {}), settings, like)


def test_a_worker_keeps_to_what_it_has_compiled_and_takes_the_rest_in_order() -> None:
    queue = Queue([order("a1"), order("b1", "b"), order("a2"), order("b2", "b"), order("b3", "b")])
    taken = []
    while (each := queue.take(ONE, {"a"}, set())) is not None:
        taken.append(each.job.id)
    assert taken == ["a1", "a2", "b1", "b2", "b3"]
    assert len(queue) == 0


def test_a_new_worker_takes_what_no_other_one_holds_and_of_that_the_most() -> None:
    queue = Queue([*(order(f"a{i}") for i in range(9)), order("b1", "b"), order("c1", "c"), order("c2", "c")])
    taken = queue.take(None, (), {"a"})
    assert taken is not None and taken.job.id == "c1"


def test_settings_are_for_ever() -> None:
    queue = Queue([order("b1", settings=TWO)])
    assert queue.take(ONE, {"a"}, set()) is None
    fresh = queue.take(None, (), set())
    assert fresh is not None and fresh.settings == TWO


def test_what_is_put_back_first_comes_first() -> None:
    queue = Queue([order("a1"), order("a2")])
    crashed = queue.take(ONE, (), set())
    assert crashed is not None
    queue.put(crashed, first=True)
    again = queue.take(ONE, (), set())
    assert again is crashed


def test_runs_are_alike_that_differ_in_seeds_and_fractions() -> None:
    spec = {"seed": 1, "model": {"option": "mlp", "dropout": 0.1, "units": 32}, "optimizer": {"learning_rate": 0.1}}
    other = {"seed": 2, "model": {"option": "mlp", "dropout": 0.3, "units": 32}, "optimizer": {"learning_rate": 0.2}}
    assert likeness(spec) == likeness(other)
    assert likeness(spec) != likeness(spec | {"model": {"option": "mlp", "dropout": 0.1, "units": 64}})
    # a rate of zero leaves its layer out of the graph
    assert likeness(spec) != likeness(spec | {"model": {"option": "mlp", "dropout": 0.0, "units": 32}})
