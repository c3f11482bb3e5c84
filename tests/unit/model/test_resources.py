"""Vectors of resources."""

from __future__ import annotations

import pytest

from stellwerk.model.resources import UNBOUNDED, Resources
from tests.builders import resources


def test_cpu_counts_in_milli_and_the_rest_in_base_units() -> None:
    vector = Resources.from_quantities({"cpu": "1500m", "memory": "2Gi", "nvidia.com/gpu": 8})
    assert dict(vector.amounts) == {"cpu": 1500, "memory": 2**31, "nvidia.com/gpu": 8}


def test_amounts_are_sorted_and_zeros_are_dropped_so_that_equal_vectors_are_equal() -> None:
    assert Resources.of({"b": 1, "a": 2, "c": 0}) == Resources.of({"a": 2, "b": 1})
    assert resources(cpu="1") - resources(cpu="1") == Resources()


def test_more_may_be_used_than_there_is() -> None:
    assert (resources(gpu=1) - resources(gpu=3)).get("nvidia.com/gpu") == -2


def test_a_request_fits_only_if_every_part_of_it_does() -> None:
    free = resources(cpu="4", memory="8Gi")
    assert resources(cpu="4", memory="8Gi").fits_in(free)
    assert not resources(cpu="4", memory="9Gi").fits_in(free)
    assert not resources(gpu=1).fits_in(free)


@pytest.mark.parametrize(
    ("request_", "copies"),
    [(resources(gpu=2), 4), (resources(gpu=3), 2), (resources(gpu=2, cpu="30"), 3), (resources(gpu=9), 0)],
)
def test_copies_are_counted_by_the_scarcest_part(request_: Resources, copies: int) -> None:
    assert request_.copies_in(resources(gpu=8, cpu="96")) == copies


def test_nothing_fits_into_what_is_overused() -> None:
    assert resources(gpu=1).copies_in(resources(gpu=1) - resources(gpu=2)) == 0


def test_an_empty_request_fits_as_often_as_one_likes() -> None:
    assert Resources().copies_in(Resources()) == UNBOUNDED


def test_most_takes_the_larger_amount_of_each() -> None:
    assert resources(cpu="1", gpu=2).most(resources(cpu="3")) == resources(cpu="3", gpu=2)
