"""What accelerators a node offers, read from its resources and labels by tables of what vendors' drivers write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from stellwerk.api.labels import ANY_MODEL
from stellwerk.model.accelerators import GIB, PRODUCT_LABELS, accelerators_in, memory_of, model_of
from stellwerk.model.capacity import Accelerator, Node

_MIB: Final = 2**20
_WHOLE: Final = 1000


class Partition(msgspec.Struct, frozen=True):
    """Names of partitions of devices, and how much of a device one is."""

    pattern: str
    """Of a resource or product name, in lower case; `parts` and `gib` are read from the groups of these names."""
    per_device: int
    """A device has so many of the smallest partitions."""


PARTITIONS: Final = (
    # NVIDIA MIG: `nvidia.com/mig-1g.10gb`, or the product suffix `-MIG-1g.10gb`; a device has seven compute slices
    Partition(r"mig-(?P<parts>\d+)g\.(?P<gib>\d+)gb", 7),
    # AMD compute partitions of the Instinct MI300 family under the naming strategy `mixed`: `amd.com/cpx_nps4`
    Partition(r"amd\.com/cpx(_nps\d)?", 8),
    Partition(r"amd\.com/qpx(_nps\d)?", 4),
    Partition(r"amd\.com/tpx(_nps\d)?", 3),
    Partition(r"amd\.com/dpx(_nps\d)?", 2),
)

SHARED_SUFFIX: Final = ".shared"
"""NVIDIA's plugin renames a resource so where it hands devices out in slices and is told to rename."""

SLICES_LABELS: Final[Mapping[str, str]] = {"nvidia.com/": "{resource}.replicas"}
"""By vendor prefix: the label that says in how many slices one device of a resource is handed out."""

DEVICES_LABELS: Final[Mapping[str, str]] = {"nvidia.com/": "{resource}.count"}
"""By vendor prefix: the label that says how many devices of a resource a node has."""

MEMORY_MIB_LABELS: Final[Mapping[str, str]] = {"nvidia.com/": "{resource}.memory"}
"""By vendor prefix: the label with the memory of one device of a resource in MiB."""

APART_LABELS: Final[Mapping[str, str]] = {"nvidia.com/gpu.sharing-strategy": "mps"}
"""Labels and values of nodes on which each slice is kept to its part of the device. A slice of MPS has an equal part of
the memory, the plugin refuses requests for several, and none of its devices is handed out whole: it is a partition."""

SHARING_LABELS: Final[Mapping[str, str]] = {
    "nvidia.com/gpu.replicas": "1",
    "nvidia.com/gpu.sharing-strategy": "none",
}
"""Labels by whose values nodes differ in what they offer, although their resources have the same names, and the value
of those that share nothing."""


def accelerators_of(node: Node) -> tuple[Accelerator, ...]:
    """Return the accelerators that a node offers, whole devices first."""
    product = next((node.labels[key] for key in PRODUCT_LABELS if key in node.labels), "")
    found = accelerators_in(node.allocatable)
    return tuple(_accelerator(resource, units, product, node.labels) for resource, units in found)


def part_milli_of(resource: str) -> int:
    """Return thousandths of a whole device that one unit of a resource is, by its name."""
    found = _partition(resource)
    return _WHOLE if found is None else found[0]


def _accelerator(resource: str, units: int, product: str, labels: Mapping[str, str]) -> Accelerator:
    model = model_of(product) if product else ANY_MODEL
    memory = memory_of(product, labels)
    slices = _slices(resource, units, labels)
    count = max(1, units // slices) if slices else units
    split = _partition(resource) or (None if _is_mixed(labels) else _partition(product))
    if split is not None:
        part, of_device = split
        own = _number(MEMORY_MIB_LABELS, resource, labels)
        gib = of_device or (memory * part // _WHOLE // GIB if memory else None)
        size = gib * GIB if gib else own * _MIB if own else None
        return Accelerator(model, count, resource, size, slices or 1, part)
    if slices and slices > 1 and any(labels.get(key) == value for key, value in APART_LABELS.items()):
        part_memory = None if memory is None else memory // slices
        return Accelerator(model, units, resource, part_memory, 1, _WHOLE // slices)
    if slices is None:  # slices of unknown size: good for the smallest share alone
        return Accelerator(model, count, resource, None, 1, 1)
    return Accelerator(model, count, resource, memory, slices)


def _slices(resource: str, units: int, labels: Mapping[str, str]) -> int | None:
    """Return in how many slices one device is handed out; None if it is, and nothing says in how many."""
    told = _number(SLICES_LABELS, resource, labels)
    if told and told > 1 and units % told == 0:
        return told
    if not resource.endswith(SHARED_SUFFIX):
        return 1
    devices = _number(DEVICES_LABELS, resource, labels)
    return units // devices if devices and units % devices == 0 else None


def _number(table: Mapping[str, str], resource: str, labels: Mapping[str, str]) -> int | None:
    """Read a whole number from the label that a table names for a resource."""
    plain = resource.removesuffix(SHARED_SUFFIX)
    template = next((label for prefix, label in table.items() if resource.startswith(prefix)), "")
    text = labels.get(template.format(resource=plain), "")
    return int(text) if text.isdecimal() else None


def _partition(name: str) -> tuple[int, int | None] | None:
    """Return the thousandths of a device that a partition of this name is and its memory in GiB, if it tells."""
    for kind in PARTITIONS:
        match = re.search(kind.pattern, name.lower())
        if match is not None:
            told = match.groupdict()
            return _WHOLE * int(told.get("parts") or 1) // kind.per_device, int(told.get("gib") or 0) or None
    return None


def _is_mixed(labels: Mapping[str, str]) -> bool:
    """Whether the product label is of whole devices even where the node offers partitions, too."""
    return labels.get("nvidia.com/mig.strategy") == "mixed"
