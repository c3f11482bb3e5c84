"""How many writes may be in flight."""

from __future__ import annotations

from stellwerk.cluster.window import Window


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_it_starts_wide_open_and_admits_no_more() -> None:
    window = Window(32, Clock())
    assert window.admits(31)
    assert not window.admits(32)


def test_a_burst_of_429_halves_once_and_the_next_burst_again() -> None:
    clock = Clock()
    window = Window(32, clock)
    for _ in range(20):
        window.throttled(0.5)
    assert window.size == 16
    clock.time += 1.0
    window.throttled(0.5)
    assert window.size == 8


def test_it_never_closes_for_good() -> None:
    clock = Clock()
    window = Window(4, clock)
    for _ in range(10):
        window.throttled(0.0)
        clock.time += 1.0
    assert window.size == 1
    assert window.admits(0)


def test_nothing_goes_out_while_the_server_asked_to_wait() -> None:
    clock = Clock()
    window = Window(32, clock)
    window.throttled(3.0)
    window.throttled(1.0)
    assert window.pause() == 3.0
    assert not window.admits(0)
    clock.time += 3.0
    assert window.pause() == 0.0
    assert window.admits(0)


def test_a_hundred_successes_open_it_by_one_up_to_where_it_started() -> None:
    window = Window(3, Clock())
    window.throttled(0.0)
    assert window.size == 1
    for expected in (2, 3, 3):
        for _ in range(100):
            window.succeeded()
        assert window.size == expected
