"""The one objective: what a gang is expected to cost on a pool, as a number to check by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import msgspec

from stellwerk.economics.egress import egress
from stellwerk.economics.split import split_price
from stellwerk.model.capacity import CapacityType, Pool, Price
from stellwerk.model.decision import MICROS, Carbon, Cost, CostPart
from stellwerk.model.policy import Policy
from stellwerk.model.resources import CPU, MEMORY, Resources
from stellwerk.model.shares import part_of_node, units_of
from stellwerk.model.workload import AcceleratorOption, Workload

COMPUTE: Final = "Compute"
SPOT_RISK: Final = "SpotRisk"
CARBON: Final = "Carbon"
EGRESS: Final = "Egress"
WAITING: Final = "Waiting"
ROOM_TAKEN: Final = "RoomTaken"

_GRAMS_PER_TONNE: Final = 1_000_000


class Site(msgspec.Struct, frozen=True):
    """A pool with what its nodes offer."""

    pool: Pool
    node: Resources | None
    """Allocatable resources of a typical node; None if the pool has no nodes."""
    wait_s: int = 0
    """Seconds until nodes come that the pool has yet to get; 0 for those that are there."""


def expected_cost(
    workload: Workload, option: AcceleratorOption | None, site: Site, policy: Policy, replicas: int | None = None
) -> Cost:
    """Return the expected cost of running `workload` with `option` on `site` under `policy`.

    Whatever is not known makes the sums that need it unknown, and `unknown` says what is missing:
    absent data is never read as cheap.

    Args:
        workload: What runs.
        option: With which alternative of accelerators.
        site: Where.
        policy: Whose prices hold.
        replicas: On how many pods; None for as many as the alternative has. On fewer it runs longer.
    """
    pool = site.pool
    pods = workload.size(option) if replicas is None else replicas
    hours = run_hours(workload, option, pods)
    carbon = _carbon(workload, option, site, pods * hours)
    if pool.price is None:
        return Cost(policy.currency, None, None, (), carbon, "it has no price")
    price = pool.price.counted_in(policy.currency) or pool.price
    if site.node is None:
        return Cost(price.currency, None, None, (), carbon, "it has no nodes")
    rate = pods * _pod_rate(workload, option, site, price)
    parts = [CostPart(COMPUTE, round(rate * hours), round(rate))]
    missing = _add_risk(parts, interruption_hours(workload, option, pool, policy, pods), rate, pool)
    emission_rate = Fraction(0)
    if policy.carbon_price_per_tonne and carbon is None:
        missing = missing or "it lacks power, PUE or grid carbon data and carbon has a price"
    elif policy.carbon_price_per_tonne and carbon is not None:
        emitted = Fraction(carbon.milligrams, 1000 * _GRAMS_PER_TONNE)
        amount = emitted * Fraction(policy.carbon_price_per_tonne) * MICROS
        emission_rate = amount / hours
        parts.append(CostPart(CARBON, round(amount), round(rate + emission_rate) - round(rate)))
    missing = missing or _add_egress(parts, workload, pool, policy)
    if site.wait_s and policy.waiting_price_per_hour:
        parts.append(CostPart(WAITING, round(Fraction(policy.waiting_price_per_hour) * MICROS * site.wait_s / 3600)))
    if missing:
        return Cost(price.currency, round(rate), None, (), carbon, missing)
    total = sum(part.amount for part in parts)
    return Cost(price.currency, round(rate + emission_rate), total, tuple(parts), carbon)


def expected(cost: Cost) -> int | None:
    """Return what is really expected to be paid, in micro-units: the total without the worth of the room to others."""
    if cost.total is None:
        return None
    return cost.total - sum(part.amount for part in cost.parts if part.name == ROOM_TAKEN)


def run_hours(workload: Workload, option: AcceleratorOption | None, replicas: int | None = None) -> Fraction:
    """Return how long the run is expected to take with this alternative.

    Args:
        workload: What runs.
        option: With which alternative of accelerators.
        replicas: On how many pods; None for as many as the alternative has. The work is taken to divide evenly:
            half the pods take twice as long.
    """
    if option is not None and option.runtime_s is not None:
        hours = Fraction(option.runtime_s, 3600)
    else:
        hours = Fraction(workload.expected_runtime_s, 3600) / (Fraction(option.speed) if option else 1)
    return hours if replicas is None else hours * workload.size(option) / replicas


def interruption_hours(
    workload: Workload, option: AcceleratorOption | None, pool: Pool, policy: Policy, replicas: int | None = None
) -> Fraction | None:
    """Return the hours that interruptions are expected to add; None if their rate is unknown.

    Expected interruptions x (work lost + restart), where the loss of any one node stops the whole
    gang. On average half a checkpoint interval of work is lost, and half of the run where there are
    no checkpoints: the first-order term of J. W. Young, "A first order approximation to the optimum
    checkpoint interval", CACM 17(9), 1974. That a repeated part may be interrupted again is left out.
    """
    if pool.capacity_type is not CapacityType.SPOT:
        return Fraction(0)
    if pool.interruption_rate_per_hour is None:
        return None
    pods = workload.size(option) if replicas is None else replicas
    hours = run_hours(workload, option, pods)
    at_stake = hours
    if workload.checkpoint_interval_s is not None:
        at_stake = min(hours, Fraction(workload.checkpoint_interval_s, 3600))
    nodes = _nodes_used(option, pool, pods)
    expected = Fraction(pool.interruption_rate_per_hour) * nodes * hours
    return expected * (at_stake / 2 + Fraction(policy.restart_overhead_s, 3600))


def _nodes_used(option: AcceleratorOption | None, pool: Pool, pods: int) -> int:
    """Return how many nodes the gang spreads over when packed tightly by accelerators."""
    units = None if option is None or pool.accelerator is None else units_of(option, pool.accelerator)
    if not units or pool.accelerator is None:
        return pods
    pods_per_node = max(1, pool.accelerator.count * pool.accelerator.slices // units)
    return -(-pods // pods_per_node)


def _add_risk(parts: list[CostPart], hours: Fraction | None, rate: Fraction, pool: Pool) -> str:
    """Append the spot risk; return what is missing to know it, or nothing."""
    if hours is None:
        return "its interruption rate is not known"
    if pool.capacity_type is CapacityType.SPOT:
        parts.append(CostPart(SPOT_RISK, round(rate * hours)))
    return ""


def _add_egress(parts: list[CostPart], workload: Workload, pool: Pool, policy: Policy) -> str:
    """Append what moving the data costs, if there is any; return what is missing to know it, or nothing."""
    if workload.data is None:
        return ""
    amount, missing = egress(workload.data, pool, policy)
    if not missing:
        parts.append(CostPart(EGRESS, amount))
    return missing


def _pod_rate(workload: Workload, option: AcceleratorOption | None, site: Site, price: Price) -> Fraction:
    """Return micro-units per hour for one pod: its shares of what the node's price is split into."""
    pool, node = site.pool, site.node
    if node is None:
        raise ValueError(f"pool {pool.name} has no nodes, so a pod there has no rate")
    split = split_price(price.per_node_hour, node, pool.accelerator)
    requests = workload.pod.requests
    rate = split.cpu * _share(requests, node, CPU) + split.memory * _share(requests, node, MEMORY)
    part = _accelerator_part(option, pool)
    return rate if part is None else rate + split.accelerators * part


def _accelerator_part(option: AcceleratorOption | None, pool: Pool) -> Fraction | None:
    """Return what part of all accelerators of a node one pod takes; None if it takes none, or that cannot be told.

    Accelerators of several kinds count by how many and how large they are.
    """
    if option is None or pool.accelerator is None:
        return None
    units = units_of(option, pool.accelerator)
    if units is None:
        return None
    weight = pool.accelerator.count * pool.accelerator.part_milli
    everything = weight + sum(one.count * one.part_milli for one in pool.further)
    return part_of_node(units, pool.accelerator) * weight / everything


def _share(requests: Resources, node: Resources, name: str) -> Fraction:
    there = node.get(name)
    return Fraction(requests.get(name), there) if there else Fraction(0)


def _carbon(workload: Workload, option: AcceleratorOption | None, site: Site, pod_hours: Fraction) -> Carbon | None:
    """Return energy (at the meter: PUE included) and emissions, None if any datum is missing."""
    pool = site.pool
    share = _power_share(workload, option, site)
    if share is None or pool.node_power_watts is None or pool.pue is None:
        return None
    if pool.grid_carbon is None:
        return None
    watt_hours = Fraction(pool.node_power_watts) * share * Fraction(pool.pue) * pod_hours
    grams = watt_hours / 1000 * Fraction(pool.grid_carbon)
    return Carbon(milligrams=round(grams * 1000), milliwatt_hours=round(watt_hours * 1000))


def _power_share(workload: Workload, option: AcceleratorOption | None, site: Site) -> Fraction | None:
    """Return the part of a node's power that one pod answers for, None if it cannot be told."""
    if option is not None and site.pool.accelerator is not None:
        return _accelerator_part(option, site.pool)
    if site.node is None:
        return None
    requests = workload.pod.requests
    return max(_share(requests, site.node, CPU), _share(requests, site.node, MEMORY))
