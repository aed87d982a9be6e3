"""The newest of what comes: never a queue."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from aimis.live.newest import Newest


@dataclass(frozen=True)
class Thing:
    number: int


@given(st.integers(1, 50), st.integers(0, 60))
def test_taker_gets_the_last_that_was_put_or_nothing_new(puts: int, after: int) -> None:
    newest: Newest[Thing] = Newest()
    for number in range(1, puts + 1):
        newest.put(Thing(number))
    assert newest.take(after, 0.0) == (Thing(puts) if puts > after else None)


def test_each_taker_gets_it_and_numbers_only_rise() -> None:
    newest: Newest[Thing] = Newest()
    got: list[list[int]] = [[], []]

    def take(into: list[int]) -> None:
        while (thing := newest.take(into[-1] if into else 0, 5.0)) is not None:
            into.append(thing.number)

    takers = [threading.Thread(target=take, args=(into,)) for into in got]
    for taker in takers:
        taker.start()
    for number in range(1, 300):
        newest.put(Thing(number))
    newest.close()
    for taker in takers:
        taker.join()
    for numbers in got:
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == 299


def test_closing_lets_go_of_who_waits() -> None:
    newest: Newest[Thing] = Newest()
    waiting = threading.Thread(target=newest.take, args=(0, 60.0))
    waiting.start()
    newest.close()
    waiting.join(5)
    assert not waiting.is_alive()
