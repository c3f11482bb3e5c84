"""From the kinds on the wire to the values that the planner works on."""

from __future__ import annotations

from decimal import Decimal

from stellwerk.api import duration, money, quantity
from stellwerk.api.v1alpha1.computepool import ComputePoolSpec, PoolAccelerator
from stellwerk.api.v1alpha1.computepool_price import PoolPrice
from stellwerk.api.v1alpha1.growth import PoolGrowth
from stellwerk.api.v1alpha1.placementpolicy import EgressPrices, PlacementPolicySpec
from stellwerk.model.accelerators import memory_of, model_of
from stellwerk.model.capacity import Accelerator, CapacityType, Growth, OnPrem, Pool, Price, Taint
from stellwerk.model.offered import part_milli_of
from stellwerk.model.policy import EgressPrice, Policy, QueueOrder
from stellwerk.model.resources import Resources


def pool_from(name: str, spec: ComputePoolSpec) -> Pool:
    """Return the declared pool `name`."""
    return Pool(
        name=name,
        node_selector=dict(spec.node_selector),
        cluster=spec.cluster,
        taints=tuple(Taint(t.key, t.effect, t.value) for t in spec.taints),
        provider=spec.provider,
        region=spec.region,
        zone=spec.zone,
        jurisdiction=spec.jurisdiction,
        certifications=tuple(spec.certifications),
        labels=dict(spec.labels),
        capacity_type=CapacityType(spec.capacity_type),
        accelerator=_accelerator(spec.accelerator),
        price=_price(spec),
        on_prem=_on_prem(spec.price),
        interruption_rate_per_hour=_decimal(spec.interruption_rate_per_hour),
        growth=_growth(spec.growth),
        pue=_decimal(spec.pue),
        grid_carbon=_decimal(spec.grid_carbon_grams_per_kwh),
        node_power_watts=_decimal(spec.node_power_watts),
    )


def policy_from(name: str, spec: PlacementPolicySpec) -> Policy:
    """Return the policy `name`."""
    require = spec.require
    return Policy(
        name=name,
        namespaces=tuple(spec.namespaces),
        jurisdictions=tuple(require.jurisdictions),
        certifications=tuple(require.certifications),
        providers=tuple(require.providers),
        regions=tuple(require.regions),
        capacity_types=tuple(require.capacity_types),
        pool_labels=dict(require.pool_labels),
        carbon_price_per_tonne=money.decimal(spec.carbon_price_per_tonne),
        currency=spec.currency,
        restart_overhead_s=duration.seconds(spec.restart_overhead),
        waiting_price_per_hour=money.decimal(spec.waiting_price_per_hour),
        max_cost_per_hour=_decimal(spec.max_cost_per_hour),
        waits_for_prices=spec.unpriced_pools == "Wait",
        preempts=spec.preemption.mode == "LowerPriority",
        minimum_runtime_s=duration.seconds(spec.preemption.minimum_runtime),
        migrates=spec.migration.enabled,
        max_moves_per_hour=spec.migration.max_moves_per_hour,
        minimum_saving=money.decimal(spec.migration.minimum_saving),
        queue_order=QueueOrder(spec.queueing.order),
        egress_prices={one.provider: _egress(one) for one in spec.egress_prices},
    )


def _egress(declared: EgressPrices) -> EgressPrice:
    out = money.decimal(declared.price)
    within = declared.between_regions
    return EgressPrice(out, out if within is None else money.decimal(within))


def _accelerator(declared: PoolAccelerator | None) -> Accelerator | None:
    if declared is None:
        return None
    memory = declared.memory
    return Accelerator(
        model=model_of(declared.model),
        count=declared.count,
        resource=declared.resource,
        memory_bytes=memory_of(declared.model, {}) if memory is None else quantity.whole(memory),
        slices=declared.slices,
        part_milli=part_milli_of(declared.resource),
    )


def _growth(declared: PoolGrowth | None) -> Growth | None:
    if declared is None:
        return None
    return Growth(
        max_nodes=declared.max_nodes,
        provision_s=duration.seconds(declared.provision_time),
        node=Resources.from_quantities(declared.node) if declared.node else None,
        labels=dict(declared.labels),
    )


def _price(spec: ComputePoolSpec) -> Price | None:
    declared = spec.price
    if declared is None or declared.per_node_hour is None:
        return None
    return Price(
        per_node_hour=money.decimal(declared.per_node_hour),
        currency=declared.currency,
        source=declared.source or "",
        valid_from=declared.valid_from or "",
        origin="Pool",
    )


def _on_prem(price: PoolPrice | None) -> OnPrem | None:
    if price is None or price.on_prem is None:
        return None
    declared = price.on_prem
    return OnPrem(
        purchase=money.decimal(declared.purchase_price),
        lifetime_months=declared.lifetime_months,
        per_kwh=money.decimal(declared.electricity_per_kwh),
        rack_per_month=money.decimal(declared.rack_per_month),
        staff_per_month=money.decimal(declared.staff_per_month),
        currency=price.currency,
        source=price.source or "",
        valid_from=price.valid_from or "",
    )


def _decimal(value: str | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
