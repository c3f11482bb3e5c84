"""What of a node's price is its CPU, its memory and its accelerators."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

import msgspec

from stellwerk.model.capacity import Accelerator
from stellwerk.model.decision import MICROS
from stellwerk.model.resources import CPU, MEMORY, Resources

CPU_CORE_HOUR: Final = Decimal("0.031611")
"""Market rate of one core for an hour. Source: OpenCost, configs/default.json (list prices of
general-purpose nodes); only its ratio to the price of a node matters, in any currency."""

MEMORY_GIB_HOUR: Final = Decimal("0.004237")
"""Market rate of one GiB for an hour, from the same source."""

HOST_SHARE_LIMIT: Final = Fraction(1, 2)
"""CPU and memory of an accelerator node are never more than this part of its price: a spot node may
cost less than its host would at market rates."""

GIB: Final = 2**30


class Split(msgspec.Struct, frozen=True):
    """The price of one node for an hour in micro-units; the three add up to it exactly."""

    cpu: int
    memory: int
    accelerators: int

    @property
    def total(self) -> int:
        """The price of the node."""
        return self.cpu + self.memory + self.accelerators


@lru_cache(maxsize=4096)
def split_price(price: Decimal, node: Resources, accelerator: Accelerator | None) -> Split:
    """Split the hourly `price` of a node that offers `node`.

    CPU and memory count at market rates and the accelerators carry the rest; on a node without
    accelerators, CPU and memory carry everything in the ratio of their market rates.
    """
    micros = int((price * MICROS).to_integral_value())
    cpu = Fraction(CPU_CORE_HOUR) * MICROS * node.get(CPU) / 1000
    memory = Fraction(MEMORY_GIB_HOUR) * MICROS * node.get(MEMORY) / GIB
    market = cpu + memory
    host = Fraction(micros) if accelerator is None else min(market, micros * HOST_SHARE_LIMIT)
    scale = host / market if market else Fraction(0)
    cpu_micros = round(cpu * scale)
    if accelerator is None:
        return Split(cpu_micros, micros - cpu_micros, 0)
    memory_micros = round(memory * scale)
    return Split(cpu_micros, memory_micros, micros - cpu_micros - memory_micros)
