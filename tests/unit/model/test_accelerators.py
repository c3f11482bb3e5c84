"""From what vendors and clouds call accelerators to one short name."""

from __future__ import annotations

import pytest

from stellwerk.model.accelerators import GIB, accelerators_in, memory_of, model_of
from tests.builders import resources


@pytest.mark.parametrize(
    ("product", "model", "gib"),
    [
        ("NVIDIA-H100-80GB-HBM3", "H100", 80),
        ("NVIDIA-A100-SXM4-40GB", "A100", 40),
        ("NVIDIA-A100-SXM4-80GB", "A100", 80),
        ("Tesla-T4", "T4", 16),
        ("Tesla-V100-SXM2-16GB", "V100", 16),
        ("NVIDIA-L40S", "L40S", 48),
        ("NVIDIA-H200", "H200", 141),
        ("nvidia-h100-mega-80gb", "H100", 80),
        ("nvidia-tesla-t4", "T4", 16),
        ("AMD_Instinct_MI300X_OAM", "MI300X", 192),
        ("Max_1550", "MAX1550", 128),
        ("HL-225", "GAUDI2", 96),
        ("h100", "H100", 80),
    ],
)
def test_products_of_all_vendors_get_their_model_and_memory(product: str, model: str, gib: int) -> None:
    assert model_of(product) == model
    assert memory_of(product, {}) == gib * GIB


def test_an_unknown_product_keeps_its_name_and_has_no_memory() -> None:
    assert model_of("NVIDIA-X900-Ultra") == "X900-ULTRA"
    assert memory_of("NVIDIA-X900-Ultra", {}) is None


def test_the_drivers_figure_fills_in_and_is_rounded_up_to_what_is_sold() -> None:
    assert memory_of("NVIDIA-X900", {"nvidia.com/gpu.memory": "81559"}) == 80 * GIB


def test_a_model_that_is_sold_in_several_sizes_has_no_size_of_its_own() -> None:
    assert memory_of("NVIDIA-A100", {}) is None


def test_any_stays_any() -> None:
    assert model_of("any") == "any"


def test_whole_devices_come_before_parts_of_them() -> None:
    offer = resources(gpu=2, cpu="1", **{"nvidia.com/mig-1g.10gb": 7})
    assert accelerators_in(offer) == (("nvidia.com/gpu", 2), ("nvidia.com/mig-1g.10gb", 7))
