"""Names of accelerators: from what vendors and clouds call them to one short model name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from stellwerk.api.labels import ACCELERATOR_RESOURCE_PREFIXES, ANY_MODEL
from stellwerk.model.resources import Resources

GIB: Final = 2**30

MEMORY_GIB: Final[Mapping[str, int | None]] = {
    # NVIDIA; None where a model is sold with several sizes
    "A2": 16,
    "A10": 24,
    "A10G": 24,
    "A16": 16,
    "A30": 24,
    "A40": 48,
    "A100": None,
    "A6000": 48,
    "B200": None,
    "B300": None,
    "GB200": None,
    "GB300": None,
    "GH200": None,
    "H20": None,
    "H100": 80,
    "H200": 141,
    "K80": 12,
    "L4": 24,
    "L40": 48,
    "L40S": 48,
    "P4": 8,
    "P40": 24,
    "P100": None,
    "T4": 16,
    "T4G": 16,
    "V100": None,
    # AMD
    "MI100": 32,
    "MI210": 64,
    "MI250": 128,
    "MI250X": 128,
    "MI300A": 128,
    "MI300X": 192,
    "MI325X": 256,
    "MI350X": 288,
    "MI355X": 288,
    # Intel
    "GAUDI2": 96,
    "GAUDI3": 128,
    "MAX1100": 48,
    "MAX1550": 128,
}
"""Known models and the memory of one device in GiB, as vendors' data sheets state it."""

_ALIASES: Final[Mapping[str, str]] = {
    "HL-225": "GAUDI2",
    "HL-325": "GAUDI3",
    "GAUDI-2": "GAUDI2",
    "GAUDI-3": "GAUDI3",
    "MAX-1100": "MAX1100",
    "MAX-1550": "MAX1550",
}
_VENDOR_WORDS: Final = frozenset({"NVIDIA", "TESLA", "AMD", "INSTINCT", "INTEL", "HABANA", "GPU", "SHARED"})
_SIZE: Final = re.compile(r"(\d+)GI?B")

PRODUCT_LABELS: Final = (
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
    "gpu.intel.com/product",
    "habana.ai/product",
    "cloud.google.com/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
)
"""Node labels that name the accelerator; the first one present counts."""

_MEMORY_LABELS: Final[Mapping[str, int]] = {"nvidia.com/gpu.memory": 2**20, "gpu.intel.com/memory.max": 1}
"""Node labels with the memory of one device as a whole number, and the bytes that it counts in."""

_VRAM_LABEL: Final = "amd.com/gpu.vram"
"""AMD's labels write the memory of one device like `192G`, and mean GiB."""


@lru_cache(maxsize=1024)
def model_of(product: str) -> str:
    """Return the short model of a product name: `NVIDIA-H100-80GB-HBM3` becomes `H100`.

    An unknown product keeps its name, without vendor words and in upper case; `any` stays `any`.
    """
    if product.lower() == ANY_MODEL:
        return ANY_MODEL
    name = re.sub(r"[\s_]+", "-", product.upper())
    for alias, model in _ALIASES.items():
        if alias in name:
            return model
    words = name.split("-")
    known = next((word for word in words if word in MEMORY_GIB), None)
    return known or "-".join(word for word in words if word not in _VENDOR_WORDS) or name


def memory_of(product: str, labels: Mapping[str, str]) -> int | None:
    """Return the nominal memory of one device in bytes, None if nothing says it.

    The product's name counts first (`80GB`), then the data sheet, then the driver's figure, which
    is a little below nominal and so rounded up to whole GiB.
    """
    size = _SIZE.search(product.upper())
    if size is not None:
        return int(size[1]) * GIB
    nominal = MEMORY_GIB.get(model_of(product)) if product else None
    if nominal is not None:
        return nominal * GIB
    vram = labels.get(_VRAM_LABEL, "").removesuffix("G")
    if vram.isdecimal():
        return int(vram) * GIB
    told = ((labels.get(name, ""), unit) for name, unit in _MEMORY_LABELS.items())
    return next((-(-int(text) * unit // GIB) * GIB for text, unit in told if text.isdecimal()), None)


NO_DEVICES: Final = (
    "nvidia.com/hostdev",
    "nvidia.com/ib",
    "nvidia.com/rdma",
    "nvidia.com/roce",
    "gpu.intel.com/i915_monitoring",
    "gpu.intel.com/xe_monitoring",
    "gpu.intel.com/memory.max",
    "gpu.intel.com/millicores",
    "gpu.intel.com/tiles",
)
"""Resources of the same vendors that are network devices, monitors of all devices, or parts counted beside them."""


def is_accelerator(resource: str) -> bool:
    """Tell whether a resource name stands for accelerators."""
    return resource.startswith(ACCELERATOR_RESOURCE_PREFIXES) and not resource.startswith(NO_DEVICES)


def accelerators_in(resources: Resources) -> tuple[tuple[str, int], ...]:
    """Return names and counts of the accelerators in a vector, whole devices before parts."""
    found = [(name, n) for name, n in resources.amounts if n > 0 and is_accelerator(name)]
    return tuple(sorted(found, key=lambda pair: ("mig" in pair[0], pair[0])))
