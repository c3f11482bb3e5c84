"""The cheapest set of sacrifices that is enough, and none of it in vain: the search, apart from what is sacrificed.

Each victim offers steps, each dearer than the one before it and freeing more: an elastic gang loses one pod, two pods,
then its whole place. A combination takes so many steps of each victim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final

import msgspec

EXACT_TRIES: Final = 128
"""So many combinations are tried in the order of their price; where none of them is enough, the search is greedy."""

MOST_VICTIMS: Final = 256
"""Nobody takes the room of more workloads than that."""

_CROWDS: Final = (8, 64, 512)
"""So many of the cheapest victims are looked at first; the dearer ones only where they could matter."""

Levels = tuple[tuple[int, int], ...]
"""Steps that are taken: number of the victim, and how many of its steps; in order, nobody with none."""


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


def cheapest(steps: Sequence[Sequence[Price]], enough: Callable[[Levels], bool], fewest: int = 0) -> Levels | None:
    """Return the steps to take of each victim, or None if even all of them are not enough.

    The result is the cheapest if few combinations are cheaper than it. It is always minimal: with one step
    less of any victim it would not be enough. Of equally cheap ones it takes the victims that are named first.

    Args:
        steps: For each victim the price of taking one step, two steps and so on; never falling.
        enough: Whether a combination frees enough; more steps never free less.
        fewest: Fewer victims than that are never enough: what is known of it saves tries.
    """
    ranked = sorted(range(len(steps)), key=lambda at: (steps[at][0], at))
    found: Levels | None = None
    for size in (*(one for one in _CROWDS if fewest <= one < len(ranked)), len(ranked)):
        found = _among(ranked[:size], steps, enough, fewest)
        if found is not None and (
            size == len(ranked) or price_of(steps, found) <= _beyond(steps, ranked, size, fewest)
        ):
            return found
    return found


def everything(steps: Sequence[Sequence[Price]]) -> Levels:
    """Return all steps of all victims."""
    return tuple((at, len(one)) for at, one in enumerate(steps))


def least_price(steps: Sequence[Sequence[Price]], fewest: int) -> Price:
    """Return what so many victims cost at least; they come in the order of their first steps."""
    return sum((one[0] for one in steps[:fewest]), NOTHING)


def _beyond(steps: Sequence[Sequence[Price]], ranked: Sequence[int], size: int, fewest: int) -> Price:
    """Return what it costs at least to ask anybody but the first `size`: that one, and as many others as it takes."""
    return least_price([steps[at] for at in (*ranked[: max(0, fewest - 1)], ranked[size])], max(1, fewest))


def price_of(steps: Sequence[Sequence[Price]], levels: Levels) -> Price:
    """Return what a combination costs."""
    total = NOTHING
    for at, level in levels:
        total = total + steps[at][level - 1]
    return total


def _among(
    ranked: Sequence[int], steps: Sequence[Sequence[Price]], enough: Callable[[Levels], bool], fewest: int
) -> Levels | None:
    """Search among some victims, the cheapest first."""
    every = tuple(sorted((at, len(steps[at])) for at in ranked))
    if not every or not enough(every):
        return None
    exact = _first_that_is_enough(ranked, steps, enough, fewest)
    if exact is not None:
        return exact
    several = _trimmed(ranked, steps, enough)
    if several is None or fewest > 1:
        return several
    return _alone(ranked, steps, enough, price_of(steps, several)) or several


def _first_that_is_enough(
    ranked: Sequence[int], steps: Sequence[Sequence[Price]], enough: Callable[[Levels], bool], fewest: int
) -> Levels | None:
    """Try combinations, the cheapest first."""
    if 2**fewest - 1 > EXACT_TRIES:
        return None  # all parts of a combination come before it
    for tried, levels in enumerate(_by_price(ranked, steps)):
        if tried > EXACT_TRIES:
            return None
        if len(levels) >= fewest and enough(levels):
            return levels
    return None


def _by_price(ranked: Sequence[int], steps: Sequence[Sequence[Price]]) -> Iterator[Levels]:
    """Yield all combinations, each once, the cheapest first.

    Each follows from one that is not dearer, in one way only: its last victim takes a step more, or hands its only
    step on to the next one, or the next one joins. So few are kept that it does not matter how many victims there are.
    """
    heap: list[tuple[Price, Levels]] = [(NOTHING, ())]
    while heap:
        _, levels = heappop(heap)
        yield tuple(sorted((ranked[rank], level) for rank, level in levels))
        for more in _following(levels, ranked, steps):
            heappush(heap, (price_of(steps, tuple((ranked[rank], level) for rank, level in more)), more))


def _following(levels: Levels, ranked: Sequence[int], steps: Sequence[Sequence[Price]]) -> Iterator[Levels]:
    """Yield what follows a combination; victims are numbered by rank."""
    if not levels:
        if ranked:
            yield ((0, 1),)
        return
    *before, (rank, level) = levels
    if level < len(steps[ranked[rank]]):
        yield (*before, (rank, level + 1))
    if rank + 1 < len(ranked):
        yield (*levels, (rank + 1, 1))
        if level == 1:
            yield (*before, (rank + 1, 1))


def _trimmed(
    ranked: Sequence[int], steps: Sequence[Sequence[Price]], enough: Callable[[Levels], bool]
) -> Levels | None:
    """Take the cheapest victims until it is enough, then give back what can be spared, the dearest first."""
    order = sorted(ranked, key=lambda at: (steps[at][-1], at))
    whole = [(at, len(steps[at])) for at in order]
    count = _least(len(order), lambda count: enough(tuple(sorted(whole[:count]))))
    if count > MOST_VICTIMS:
        return None
    levels = dict(whole[:count])
    for at in reversed(order[:count]):

        def enough_with(level: int, at: int = at) -> bool:
            return enough(_taken({**levels, at: level}))

        levels[at] = _least(levels[at], enough_with)
    return _taken(levels)


def _alone(
    ranked: Sequence[int], steps: Sequence[Sequence[Price]], enough: Callable[[Levels], bool], below: Price
) -> Levels | None:
    """Return the cheapest victim that is enough by itself for less than a price; only so many are tried."""
    order = sorted((steps[at][-1], at) for at in ranked)
    for price, at in order[:EXACT_TRIES]:
        if price >= below:
            return None
        if enough(((at, len(steps[at])),)):
            return _taken({at: _least_of(at, len(steps[at]), enough)})
    return None


def _least_of(at: int, most: int, enough: Callable[[Levels], bool]) -> int:
    """Return how many steps of one victim are enough by themselves."""
    return _least(most, lambda level: enough(_taken({at: level})))


def _taken(levels: Mapping[int, int]) -> Levels:
    return tuple((at, level) for at, level in sorted(levels.items()) if level)


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
