"""Signals while a model trains: the first waits for good order, the second does not."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from dlrun.errors import OutOfTime, Terminated
from dlrun.training.interrupts import Deadline, Interrupts, deferred

BOTH = pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])


@BOTH
def test_the_first_signal_waits_and_the_second_does_not(number: int, kind: type[BaseException]) -> None:
    reached = []
    with pytest.raises(kind), deferred() as interrupts:
        os.kill(os.getpid(), number)
        assert interrupts.is_asked
        reached.append("behind the first")
        os.kill(os.getpid(), number)  # sent to every process of a group, and passed on by the command: one request
        reached.append("behind the same")
        interrupts._when -= 2.0
        os.kill(os.getpid(), number)
        reached.append("behind the second")
    assert reached == ["behind the first", "behind the same"]


@BOTH
def test_acting_raises_what_was_asked_for(number: int, kind: type[BaseException]) -> None:
    with pytest.raises(kind) as caught, deferred() as interrupts:
        interrupts.act()  # nothing yet
        os.kill(os.getpid(), number)
        interrupts.act()
    assert type(caught.value) is kind


def test_what_nobody_acted_upon_comes_at_the_end_and_the_handlers_are_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), deferred():
        os.kill(os.getpid(), signal.SIGTERM)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred() as interrupts:
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupts.is_asked
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_handles_no_signals() -> None:
    found: list[Interrupts] = []

    def train() -> None:
        with deferred() as interrupts:
            found.append(interrupts)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert not found[0].is_asked and signal.getsignal(signal.SIGINT) is before


def test_a_deadline_waits_like_a_signal_and_another_alarm_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGALRM)
    try:
        signal.signal(signal.SIGALRM, Deadline(0.5))
        with pytest.raises(OutOfTime, match=r"launcher\.trial_timeout=0\.5 seconds"), deferred() as interrupts:
            os.kill(os.getpid(), signal.SIGALRM)
            assert interrupts.is_asked
        heard = []
        signal.signal(signal.SIGALRM, lambda *_: heard.append("theirs"))
        with deferred() as interrupts:
            os.kill(os.getpid(), signal.SIGALRM)
            assert heard == ["theirs"] and not interrupts.is_asked
    finally:
        signal.signal(signal.SIGALRM, before)
