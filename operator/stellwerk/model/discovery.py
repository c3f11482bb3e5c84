"""Pools that nobody declared, found from the labels that drivers, clouds and autoscalers set."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from stellwerk.model.accelerators import PRODUCT_LABELS, accelerators_in
from stellwerk.model.capacity import Accelerator, CapacityType, Node, Pool, Taint
from stellwerk.model.offered import SHARING_LABELS, accelerators_of

REGION_LABEL: Final = "topology.kubernetes.io/region"
ZONE_LABEL: Final = "topology.kubernetes.io/zone"
INSTANCE_LABEL: Final = "node.kubernetes.io/instance-type"
HOSTNAME_LABEL: Final = "kubernetes.io/hostname"

CAPACITY_LABELS: Final[Mapping[str, Mapping[str, CapacityType]]] = {
    "karpenter.sh/capacity-type": {
        "spot": CapacityType.SPOT,
        "on-demand": CapacityType.ON_DEMAND,
        "reserved": CapacityType.RESERVED,
    },
    "eks.amazonaws.com/capacityType": {
        "SPOT": CapacityType.SPOT,
        "ON_DEMAND": CapacityType.ON_DEMAND,
        "CAPACITY_BLOCK": CapacityType.RESERVED,
    },
    "cloud.google.com/gke-spot": {"true": CapacityType.SPOT},
    "cloud.google.com/gke-preemptible": {"true": CapacityType.SPOT},
    "kubernetes.azure.com/scalesetpriority": {
        "spot": CapacityType.SPOT,
        "regular": CapacityType.ON_DEMAND,
    },
}
"""What labels of autoscalers and clouds say of how a node is paid."""

PROVIDER_PREFIXES: Final = (
    ("eks.amazonaws.com/", "aws"),
    ("karpenter.k8s.aws/", "aws"),
    ("cloud.google.com/", "gcp"),
    ("kubernetes.azure.com/", "azure"),
)
"""Whose labels a node carries tells whose node it is."""

_SYSTEM_LABELS: Final = ("kubernetes.io/arch", "kubernetes.io/os")


class _Group(msgspec.Struct, frozen=True, order=True):
    """What nodes of one discovered pool have in common."""

    cluster: str
    resources: tuple[str, ...]
    """Of accelerators."""
    selector: tuple[tuple[str, str], ...]


def discover_pools(nodes: Iterable[Node], declared: Sequence[Pool]) -> tuple[Pool, ...]:
    """Group the nodes that no declared pool selects into pools of unknown price.

    Like nodes have the same product, instance type, region, zone and capacity type. A pool's
    selector picks exactly its own nodes among all that offer its accelerator; where labels cannot
    tell nodes apart, each node becomes a pool of its own by its host name. Names and order depend
    on the nodes' labels alone.
    """
    everything = sorted(nodes, key=lambda node: (node.cluster, node.name))
    groups: defaultdict[_Group, list[Node]] = defaultdict(list)
    for node in everything:
        if not any(pool.selects(node) for pool in declared):
            groups[_group(node)].append(node)
    pools: dict[tuple[str, str], Pool] = {}
    for group, members in sorted(groups.items(), key=lambda item: item[0]):
        for pool in _pools_of(group, members, everything):
            pools[pool.cluster, pool.name] = pool
    return tuple(pools[key] for key in sorted(pools))


def _group(node: Node) -> _Group:
    labels = (_product_label(node), INSTANCE_LABEL, REGION_LABEL, ZONE_LABEL, *CAPACITY_LABELS, *SHARING_LABELS)
    present = tuple(sorted((key, node.labels[key]) for key in labels if _tells(node, key)))
    return _Group(node.cluster, _resources(node), present)


def _tells(node: Node, key: str) -> bool:
    return key in node.labels and node.labels[key] != SHARING_LABELS.get(key)


def _resources(node: Node) -> tuple[str, ...]:
    """Name the node's accelerator resources, the main one first."""
    return tuple(name for name, _ in accelerators_in(node.allocatable))


def _product_label(node: Node) -> str:
    return next((key for key in PRODUCT_LABELS if key in node.labels), "")


def _pools_of(group: _Group, members: list[Node], everything: list[Node]) -> list[Pool]:
    own = {node.name for node in members}
    rivals = [
        node
        for node in everything
        if node.cluster == group.cluster and node.name not in own and _are_alike(_resources(node), group.resources)
    ]
    selector = _telling_selector(dict(group.selector), members, rivals)
    if selector is not None:
        return [_pool(selector, members)]
    return [
        _pool({**dict(group.selector), HOSTNAME_LABEL: node.labels[HOSTNAME_LABEL]}, [node])
        for node in members
        if HOSTNAME_LABEL in node.labels
    ]


def _are_alike(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Whether a pod for the one would find its accelerator on the other as well, or needs none on either."""
    return bool(set(ours) & set(theirs)) or not (ours or theirs)


def _telling_selector(base: dict[str, str], members: list[Node], rivals: list[Node]) -> dict[str, str] | None:
    """Extend `base` by labels that all members share until it picks no rival; None if none can."""
    shared = set(members[0].labels.items()).intersection(*(n.labels.items() for n in members))
    selector = base or {key: value for key, value in shared if key in _SYSTEM_LABELS}
    left = [node for node in rivals if selector.items() <= node.labels.items()]
    for key, value in sorted(shared - selector.items()):
        if not left:
            break
        narrowed = [node for node in left if node.labels.get(key) == value]
        if len(narrowed) < len(left) and key != HOSTNAME_LABEL:
            selector[key], left = value, narrowed
    return None if left or not selector else selector


def _pool(selector: dict[str, str], members: list[Node]) -> Pool:
    first = members[0]
    accelerators = _accelerators(members)
    accelerator = next(iter(accelerators), None)
    capacity = _capacity_type(first.labels)
    return Pool(
        name=_name(accelerator, capacity, selector),
        node_selector=dict(sorted(selector.items())),
        cluster=first.cluster,
        taints=_own_taints(members, accelerator),
        provider=next((who for prefix, who in PROVIDER_PREFIXES if _has(first, prefix)), ""),
        region=first.labels.get(REGION_LABEL, ""),
        zone=first.labels.get(ZONE_LABEL),
        capacity_type=capacity,
        accelerator=accelerator,
        further=accelerators[1:],
        discovered=True,
    )


def _accelerators(members: list[Node]) -> tuple[Accelerator, ...]:
    """Return what most of the nodes offer; of equally many, the more."""
    offers = Counter(accelerators_of(node) for node in members)
    return max(offers, key=lambda offer: (offers[offer], tuple(one.count for one in offer)))


def _capacity_type(labels: Mapping[str, str]) -> CapacityType:
    """Read how the node is paid; without a word about it, the dearest kind is assumed."""
    for key, meanings in CAPACITY_LABELS.items():
        if labels.get(key) in meanings:
            return meanings[labels[key]]
    return CapacityType.ON_DEMAND


def _own_taints(members: list[Node], accelerator: Accelerator | None) -> tuple[Taint, ...]:
    """Return the taints that only keep work without accelerators away, by their well-known key."""
    if accelerator is None:
        return ()
    taints = {taint for node in members for taint in node.guards}
    named = (taint for taint in taints if taint.key == accelerator.resource)
    return tuple(sorted(named, key=lambda taint: (taint.key, taint.value, taint.effect)))


def _has(node: Node, prefix: str) -> bool:
    return any(key.startswith(prefix) for key in node.labels)


def _name(accelerator: Accelerator | None, capacity: CapacityType, selector: dict[str, str]) -> str:
    """Name a pool after its facts and, by a short hash, after the exact selector."""
    where = selector.get(ZONE_LABEL) or selector.get(REGION_LABEL) or ""
    what = accelerator.model if accelerator else "cpu"
    resource = accelerator.resource if accelerator else ""
    words = ["auto", what, capacity.value, where, selector.get(INSTANCE_LABEL, "")]
    text = re.sub(r"[^a-z0-9]+", "-", "-".join(word for word in words if word).lower()).strip("-")
    exact = "\n".join([resource, *(f"{k}={v}" for k, v in sorted(selector.items()))])
    return f"{text[:54].rstrip('-')}-{hashlib.sha256(exact.encode()).hexdigest()[:6]}"
