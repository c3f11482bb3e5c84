"""Pools that get more nodes when pods ask for them, and what was learned of how well they do."""

from __future__ import annotations

from typing import Annotated

from stellwerk.api.base import Labels, Rule, Timestamp, WireModel, doc, key_rule
from stellwerk.api.duration import Duration
from stellwerk.api.money import Amount
from stellwerk.api.quantity import Quantity, exact


class PoolGrowth(WireModel):
    """How an autoscaler, or a person, adds nodes to the pool when pods that select it find no room."""

    rules = (
        key_rule("node", "node"),
        key_rule("labels", "labels"),
        Rule(
            name="node-positive",
            cel="!has(self.node) || self.node.all(k, quantity(string(self.node[k])).isGreaterThan(quantity('0')))",
            message="amounts of node must be above zero",
            holds=lambda g: all(exact(amount) > 0 for amount in g.node.values()),
            field="node",
        ),
    )

    max_nodes: Annotated[
        int, doc("The most nodes that the pool can have, those that are there included.", 16, ge=1, le=10_000)
    ]
    provision_time: Annotated[
        Duration,
        doc(
            "How long a new node takes from the first pending pod until it is ready. Pods that have found no node after"
            " twice this time (setting supply.provision_times) are placed elsewhere.",
            "5m",
        ),
    ]
    node: Annotated[
        dict[str, Quantity],
        doc(
            "What the pods of a new node may use in total, by resource; if it is left out, new nodes are like those"
            " that are there, and a pool without any cannot be planned with. A kubelet's own words, such as"
            " 2113423488Ki, may be copied from a node's allocatable. `pods` is 110 and the accelerators those"
            " of spec.accelerator where nothing is said.",
            {"cpu": "192", "memory": "2Ti", "nvidia.com/gpu": "8"},
            max_length=16,
        ),
    ] = {}
    labels: Annotated[
        Labels,
        doc(
            "Labels of a new node besides the nodeSelector, for pods that require some; if no node is there to show"
            " them.",
            {"topology.kubernetes.io/zone": "eu-central-1a"},
            max_length=32,
        ),
    ] = {}


class PoolSupply(WireModel):
    """What was learned of the pool's nodes: whether new ones come, and how often they are taken away."""

    stock_outs: Annotated[
        int, doc("Times in a row that new nodes did not come in time; 0 after a success.", 2, ge=0, le=2**31 - 1)
    ] = 0
    last_stock_out: Annotated[
        Timestamp | None, doc("When new nodes last did not come in time (RFC 3339).", "2026-11-22T12:20:00Z")
    ] = None
    until: Annotated[
        Timestamp | None,
        doc("Until then nothing is placed on nodes that the pool has not got (RFC 3339).", "2026-11-22T12:40:00Z"),
    ] = None
    interruptions: Annotated[
        int | None,
        doc("Nodes that were taken away while pods of Stellwerk ran there; Spot only.", 3, ge=0, le=2**31 - 1),
    ] = None
    node_hours: Annotated[
        Amount | None, doc("Hours that nodes were watched with pods of Stellwerk on them; Spot only.", "412.5")
    ] = None
    rate_per_hour: Annotated[
        Amount | None,
        doc(
            "Interruptions per node and hour that decisions count with: the declared rate, corrected by what was seen.",
            "0.031",
        ),
    ] = None
