"""The cheapest set of sacrifices that is enough, and none of it in vain: the search, apart from what is sacrificed.

Each victim offers steps, each dearer than the one before it and freeing more: an elastic gang loses one pod, two pods,
then its whole place. A combination takes so many steps of each victim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Final

import msgspec

EXACT_TRIES: Final = 128
"""So many combinations are tried in the order of their price; where none of them is enough, the search is greedy."""

Levels = tuple[int, ...]
"""How many steps of each victim are taken."""


class Price(msgspec.Struct, frozen=True, order=True):
    """What a step costs; the order is the one in which combinations are preferred."""

    unknown: int
    """How many losses in it are not known; nothing is as bad."""
    loss: int
    """Known losses in micro-units."""
    victims: int
    """How many workloads lose something."""
    pods: int
    """How many pods lose their place."""

    def __add__(self, other: Price) -> Price:
        return Price(
            self.unknown + other.unknown,
            self.loss + other.loss,
            self.victims + other.victims,
            self.pods + other.pods,
        )


NOTHING: Final = Price(0, 0, 0, 0)


def cheapest(steps: Sequence[Sequence[Price]], enough: Callable[[Levels], bool]) -> Levels | None:
    """Return the steps to take of each victim, or None if even all of them are not enough.

    The result is the cheapest if few combinations are cheaper than it. It is always minimal: with one step
    less of any victim it would not be enough.

    Args:
        steps: For each victim the price of taking one step, two steps and so on; never falling.
        enough: Whether a combination frees enough; more steps never free less.
    """
    every = tuple(len(prices) for prices in steps)
    if not every or not enough(every):
        return None
    return _first_that_is_enough(steps, enough) or _trimmed(steps, enough)


def price_of(steps: Sequence[Sequence[Price]], levels: Levels) -> Price:
    """Return what a combination costs."""
    total = NOTHING
    for prices, level in zip(steps, levels, strict=True):
        total = total + prices[level - 1] if level else total
    return total


def _first_that_is_enough(steps: Sequence[Sequence[Price]], enough: Callable[[Levels], bool]) -> Levels | None:
    """Try combinations, the cheapest first."""
    for tried, levels in enumerate(_by_price(steps)):
        if tried > EXACT_TRIES:
            return None
        if enough(levels):
            return levels
    return None


def _by_price(steps: Sequence[Sequence[Price]]) -> Iterator[Levels]:
    """Yield all combinations, each once, the cheapest first; of equally cheap ones the victims named first."""
    none = (0,) * len(steps)
    heap: list[tuple[Price, tuple[int, ...], int]] = [(NOTHING, none, 0)]
    while heap:
        _, reversed_levels, first = heappop(heap)
        levels = tuple(-level for level in reversed_levels)
        yield levels
        for at in range(first, len(steps)):  # only here or further on: each is reached in one way
            if levels[at] < len(steps[at]):
                further = (*levels[:at], levels[at] + 1, *levels[at + 1 :])
                heappush(heap, (price_of(steps, further), tuple(-level for level in further), at))


def _trimmed(steps: Sequence[Sequence[Price]], enough: Callable[[Levels], bool]) -> Levels:
    """Take the cheapest victims until it is enough, then give back what can be spared, the dearest first."""
    ranked = sorted(range(len(steps)), key=lambda at: (steps[at][-1], at))
    count = _least(len(ranked), lambda count: enough(_of(steps, ranked[:count])))
    levels = list(_of(steps, ranked[:count]))
    for at in reversed(ranked[:count]):

        def enough_with(level: int, at: int = at) -> bool:
            return enough((*levels[:at], level, *levels[at + 1 :]))

        levels[at] = _least(levels[at], enough_with)
    return tuple(levels)


def _of(steps: Sequence[Sequence[Price]], chosen: Sequence[int]) -> Levels:
    taken = frozenset(chosen)
    return tuple(len(prices) if at in taken else 0 for at, prices in enumerate(steps))


def _least(most: int, holds: Callable[[int], bool]) -> int:
    """Return the least number up to `most` that holds; `most` does, and what holds goes on holding."""
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return high
