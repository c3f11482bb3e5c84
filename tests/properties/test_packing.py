"""Packing by buckets gives what packing pod by pod gives."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.model.resources import Resources
from stellwerk.placement.packing.bins import Bins
from tests.builders import GPU

AXIS = (GPU, "cpu")

frees = st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 6), st.integers(0, 1)), max_size=7)
asks = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 6), st.sampled_from([{0}, {1}, {0, 1}])).filter(
        lambda ask: ask[0] + ask[1] > 0
    ),
    max_size=6,
)


def vector(gpu: int, cpu: int) -> Resources:
    return Resources.of({GPU: gpu, "cpu": cpu})


def one_by_one(
    free: dict[str, tuple[int, int]], kinds: dict[str, int], ask: tuple[int, int, int, set[int]]
) -> dict[str, int] | None:
    """Place each pod on the node with the least room that takes it; give everything back if one finds none."""
    gpu, cpu, pods, accepted = ask
    before, placed = dict(free), dict.fromkeys(free, 0)
    for _ in range(pods):
        fitting = [
            n for n, (g, c) in free.items() if kinds[n] in accepted and (g >= gpu or not gpu) and (c >= cpu or not cpu)
        ]
        if not fitting:
            free.update(before)
            return None
        best = min(fitting, key=lambda n: (free[n], kinds[n], n))
        free[best] = (free[best][0] - gpu, free[best][1] - cpu)
        placed[best] += 1
    return {name: count for name, count in placed.items() if count}


@settings(max_examples=300)
@given(frees, asks)
def test_buckets_place_what_one_pod_after_the_other_would(
    there: list[tuple[int, int, int]], gangs: list[tuple[int, int, int, set[int]]]
) -> None:
    names = [f"n{number}" for number in range(len(there))]
    free = {name: (gpu, cpu) for name, (gpu, cpu, _) in zip(names, there, strict=True)}
    kinds = {name: kind for name, (_, _, kind) in zip(names, there, strict=True)}
    bins = Bins(AXIS, [(name, vector(*free[name]), kinds[name]) for name in reversed(names)])
    for ask in gangs:
        accepted = frozenset(ask[3])
        fits = bins.fits(vector(ask[0], ask[1]), ask[2], accepted)
        room = bins.room(vector(ask[0], ask[1]), accepted)
        placed = bins.place(vector(ask[0], ask[1]), ask[2], accepted)
        expected = one_by_one(free, kinds, ask)
        assert (None if placed is None else {one.node: one.pods for one in placed}) == expected
        assert fits is (expected is not None)
        assert (room >= ask[2]) is fits
