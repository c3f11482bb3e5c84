"""How amounts look to people; machines get the exact strings of the wire format."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from stellwerk.api import money, quantity
from stellwerk.model.decision import MICROS, Carbon
from stellwerk.model.workload import AcceleratorOption, PodSet, Workload

NONE: Final = "-"


def exact(micros: int | None) -> str:
    """Write micro-units as the wire does, such as `24.14`, or `unknown`."""
    return money.UNKNOWN if micros is None else money.text(Decimal(micros) / MICROS)


def rounded(micros: int | None) -> str:
    """Write micro-units with two decimals and thousands marked, such as `1,024.50`."""
    return money.UNKNOWN if micros is None else f"{Decimal(micros) / MICROS:,.2f}"


def carbon(value: Carbon | None) -> str:
    """Write emissions in kilograms, or a dash where data is missing."""
    return NONE if value is None else f"{Decimal(value.milligrams) / MICROS:,.1f} kg"


def gang(workload: Workload, option: AcceleratorOption | None) -> str:
    """Write what a workload asks for, such as `2 x 8 H100`, or `2 to 8 x 1 H100` where it is elastic."""
    least, most = workload.least(option), workload.size(option)
    size = str(most) if least == most else f"{least} to {most}"
    return f"{size} x {_each(option)}"


def asked(workload: Workload) -> str:
    """Write all alternatives of a workload, such as `1 x 4 A100 or 1 x 2 H100`, and its further pod sets."""
    main = " or ".join(gang(workload, option) for option in workload.options)
    return ", ".join([main, *(pod_set(one) for one in workload.others)])


def pod_set(one: PodSet) -> str:
    """Write what a further pod set asks for, such as `actors 4 x CPU`."""
    return f"{one.name} {one.replicas} x " + " or ".join(_each(option) for option in one.options)


def _each(option: AcceleratorOption | None) -> str:
    """Write what one pod asks for."""
    if option is None:
        return "CPU"
    if option.share_milli is not None:
        return f"{option.share_milli / 1000:g} {option.model}"
    if option.share_bytes is not None:
        return f"{quantity.text(option.share_bytes, binary=True)} {option.model}"
    return f"{option.count} {option.model}"
