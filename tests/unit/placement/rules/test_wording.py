"""Words for numbers."""

from __future__ import annotations

from stellwerk.model.decision import Cost
from stellwerk.model.workload import AcceleratorOption
from stellwerk.placement.rules import wording
from tests.builders import gang, resources


def test_needs_are_written_with_all_alternatives_once() -> None:
    options = (AcceleratorOption("H100", 8), AcceleratorOption("A100", 8), AcceleratorOption("H100", 8, memory_bytes=1))
    assert wording.need(gang(replicas=2, accelerators=options)) == "16 x H100 or 16 x A100"
    assert wording.need(gang(accelerators=(AcceleratorOption("any", 2),))) == "2 x accelerator"
    assert wording.need(gang(replicas=1, gpus=0)) == "1 pod of 8 CPU, 64Gi memory"


def test_requests_are_written_in_units_that_people_read() -> None:
    assert (
        wording.resources(resources(cpu="1500m", memory="64Gi", pods=1, gpu=8))
        == "1500m CPU, 64Gi memory, 8 nvidia.com/gpu"
    )
    assert wording.resources(resources(pods=1)) == "nothing"


def test_small_amounts_keep_their_digits() -> None:
    assert wording.amount(16_050_000, "EUR") == "16.05 EUR"
    assert wording.amount(1_234, "EUR") == "0.001234 EUR"
    assert wording.amount(1_234_567_890, "EUR") == "1,234.57 EUR"


def test_a_choice_says_what_it_costs_and_how_many_others_there_were() -> None:
    cost = Cost("EUR", 16_050_000, 96_400_000)
    assert (
        wording.chosen("own", cost, 0) == "own is the only candidate that fits: 16.05 EUR per hour, 96.40 EUR in total"
    )
    assert wording.chosen("own", cost, 2).startswith("own is the cheapest of 3 candidates that fit: ")
