"""The world at one moment, frozen: what one planning cycle decides on."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from stellwerk.model.capacity import Node, Pool
from stellwerk.model.demand import Demand
from stellwerk.model.namespaces import NamespaceRules, RuntimeClass
from stellwerk.model.podrules import Neighbour
from stellwerk.model.policy import Policy
from stellwerk.model.resources import Resources
from stellwerk.model.running import Running
from stellwerk.model.supply import Supply


class Reservation(msgspec.Struct, frozen=True):
    """Pods that are placed but not bound yet: their room is taken before anything else is planned."""

    uid: str
    """Of the workload, or of the sum of alike ones; only tells reservations apart."""
    cluster: str
    pool: str
    pod: Resources
    """Request of one pod, accelerators included."""
    pods: int
    """How many are not bound yet."""
    preferred_nodes: tuple[str, ...] = ()
    others: tuple[Reservation, ...] = ()
    """What goes with it for further pod sets; a snapshot holds these beside it, not in it."""


class Snapshot(msgspec.Struct, frozen=True):
    """Nodes, pools, policies, and what is taken. Order of the parts does not matter."""

    nodes: tuple[Node, ...] = ()
    pools: tuple[Pool, ...] = ()
    """Declared and discovered ones."""
    policies: Mapping[str, Policy] = {}
    """By name; the built-in policy rules where there is no `default`."""
    usage: Mapping[str, Resources] = {}
    """What bound, unfinished pods use, by node name; `pods` included."""
    reserved: tuple[Reservation, ...] = ()
    running: tuple[Running, ...] = ()
    """Workloads with bound pods, by uid."""
    promised: frozenset[str] = frozenset()
    """Uids of pending workloads for whom others make room or have made it: they go first among their priority."""
    moved: Mapping[str, tuple[str, ...]] = {}
    """When workloads of a policy were moved to save money, by the policy's name; RFC 3339 in UTC."""
    namespaces: Mapping[str, NamespaceRules] = {}
    """What namespaces allow, by name; nothing is known to be forbidden where a name is absent."""
    runtime_classes: Mapping[str, RuntimeClass] = {}
    """By name."""
    neighbours: tuple[Neighbour, ...] = ()
    """Bound pods that keep others away; all bound pods where some pending one looks at the labels of others."""
    demand: Demand | None = None
    """Shapes of pods that have asked for accelerators so far, those of what waits included; None counts what waits."""
    supply: Mapping[tuple[str, str], Supply] = {}
    """What was learned of pools, by cluster and name."""
    cluster_health: Mapping[str, str] = {}
    """Why a cluster must not be used now, by cluster name; a healthy one is absent."""
