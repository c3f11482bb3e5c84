"""The format of `stellwerk plan -o json`: these models are what docs/reference/plan-report.schema.json is made from.

Amounts of money, grams and kWh are decimal strings with at most six decimals, or `unknown`; a field
that is absent is not known or does not apply. Nothing is ever zero for want of data.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from stellwerk.api.money import KnownOrNot

Mode = Literal["Fit", "Preempt", "Wait", "Never"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, defer_build=True)


class ReportSum(_Part):
    """Sums of what is placed, in one currency."""

    currency: Annotated[str, Field(description="ISO 4217 code.")]
    per_hour: Annotated[KnownOrNot, Field(description="Cost per hour while all of it runs.")]
    total: Annotated[KnownOrNot, Field(description="Expected cost until all of it has ended.")]


class ReportBound(_Part):
    """How near the plan is to the cheapest one that places the same workloads."""

    currency: Annotated[str, Field(description="ISO 4217 code.")]
    cost: Annotated[KnownOrNot, Field(description="Expected cost of all that is placed at a known cost.")]
    least: Annotated[KnownOrNot, Field(description="No way to place the same costs less.")]
    gap: Annotated[str, Field(description="How much more than that it costs: 0.02 is two per cent.")]


class ReportSummary(_Part):
    """How many workloads fare how."""

    workloads: Annotated[int, Field(description="All that were planned.")]
    placed: Annotated[int, Field(description="Those that fit.")]
    preempting: Annotated[int, Field(description="Those for whom others would make room.")] = 0
    waiting: Annotated[int, Field(description="Those that fit once others have ended.")]
    never_fits: Annotated[int, Field(description="Those that no waiting helps; the exit code is 2 if there is one.")]
    unpriced: Annotated[int, Field(description="Placed, but of unknown cost: not in the sums.")]
    costs: Annotated[list[ReportSum], Field(description="Sums by currency.")]
    bound: Annotated[
        ReportBound | None,
        Field(description="Absent where nothing is placed at a known cost, or costs are in several currencies."),
    ] = None


class ReportSource(_Part):
    """Where a workload is written."""

    file: Annotated[str, Field(description="As it was named on the command line; `<stdin>` for `-`.")]
    line: Annotated[int, Field(description="Where the object begins, from 1.")]
    kind: Annotated[Literal["AIWorkload", "Job"], Field(description="Job: one that the operator would adopt.")]


class ReportAccelerator(_Part):
    """The accelerators of each pod."""

    model: Annotated[str, Field(description="Model of the pool.")]
    count: Annotated[int, Field(description="Per pod.")]
    resource: Annotated[str, Field(description="Resource that the pods request.")]
    units: Annotated[int | None, Field(description="Of the resource per pod, where that is not the count.")] = None


class ReportToleration(_Part):
    """A toleration that the pods get."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class ReportPodSet(_Part):
    """Where a further pod set would run, in the cluster of the main one."""

    name: Annotated[str, Field(description="Name of the pod set.")]
    pool: Annotated[str, Field(description="Name of the pool.")]
    capacity_type: Annotated[Literal["Owned", "Reserved", "Spot", "OnDemand"], Field(description="How it is paid for.")]
    replicas: Annotated[int, Field(description="Pods of this set.")]
    accelerator: Annotated[ReportAccelerator | None, Field(description="Absent for CPU only.")] = None
    node_selector: Annotated[dict[str, str], Field(description="Labels of the nodes that the pods select.")] = {}
    preferred_nodes: Annotated[list[str], Field(description="Nodes that the plan filled, made-up names.")] = []
    pods_per_node: Annotated[list[int], Field(description="Pods that the plan put on each of them.")] = []
    nodes_required: Annotated[bool, Field(description="The pods may run on these nodes only.")] = False
    new_nodes: Annotated[int, Field(description="Nodes that the pool has yet to get for it.")] = 0
    tolerations: Annotated[list[ReportToleration], Field(description="Of the taints that the pool declares.")] = []


class ReportPlacement(_Part):
    """Where a workload would run; the same as status.placement of an AIWorkload."""

    cluster: Annotated[str, Field(description="Name of the cluster.")]
    pool: Annotated[str, Field(description="Name of the pool.")]
    capacity_type: Annotated[Literal["Owned", "Reserved", "Spot", "OnDemand"], Field(description="How it is paid for.")]
    replicas: Annotated[int, Field(description="Pods of the gang.")]
    provider: Annotated[str, Field(description="Who runs the nodes.")] = ""
    region: Annotated[str, Field(description="Region of the nodes.")] = ""
    zone: Annotated[str | None, Field(description="Zone of the nodes.")] = None
    accelerator: Annotated[ReportAccelerator | None, Field(description="Absent for CPU only.")] = None
    node_selector: Annotated[dict[str, str], Field(description="Labels of the nodes that the pods select.")] = {}
    preferred_nodes: Annotated[list[str], Field(description="Nodes that the plan filled, made-up names.")] = []
    pods_per_node: Annotated[list[int], Field(description="Pods that the plan put on each of them.")] = []
    nodes_required: Annotated[bool, Field(description="The pods may run on the preferred nodes only.")] = False
    pod_sets: Annotated[list[ReportPodSet], Field(description="Where the further pod sets would run.")] = []
    new_nodes: Annotated[int, Field(description="Nodes that the pool has yet to get for it.")] = 0
    tolerations: Annotated[list[ReportToleration], Field(description="Of the taints that the pool declares.")] = []


class ReportPart(_Part):
    """One addend of the total."""

    name: Annotated[str, Field(description="Compute, SpotRisk, Carbon, Egress, Waiting or Disruption.")]
    amount: Annotated[KnownOrNot, Field(description="In the currency of the cost.")]
    per_hour: Annotated[
        KnownOrNot | None, Field(description="What of the cost per hour it is; absent for what is paid once.")
    ] = None


class ReportCost(_Part):
    """What a workload is expected to cost."""

    currency: Annotated[str, Field(description="ISO 4217 code.")]
    per_hour: Annotated[KnownOrNot, Field(description="While it runs.")]
    total: Annotated[KnownOrNot, Field(description="Of the whole run: the sum of the parts.")]
    parts: Annotated[list[ReportPart], Field(description="What the total is made of.")]
    room_taken: Annotated[
        KnownOrNot | None, Field(description="What its room would be worth to others; nobody pays it.")
    ] = None


class ReportCarbon(_Part):
    """Energy and emissions of the whole run."""

    grams_co2e: Annotated[str, Field(alias="gramsCO2e", description="Grams of CO2 equivalent.")]
    kwh: Annotated[str, Field(alias="kWh", description="Energy with the site's overhead.")]


class ReportRejection(_Part):
    """One thing that speaks against a candidate."""

    reason: Annotated[str, Field(description="A constant of docs/reference/reasons.md.")]
    message: Annotated[str, Field(description="One sentence with the numbers.")]
    change: Annotated[str, Field(description="The smallest change that would lift it.")]
    permanent: Annotated[bool, Field(description="False if it goes when other work ends.")]


class ReportChange(_Part):
    """A change of a workload or its policy that was tried by the same engine, and that admits it."""

    change: Annotated[str, Field(description="What to do.")]
    then: Annotated[
        Literal["Runs", "Evicts", "Waits"],
        Field(description="Runs: there is room. Evicts: others make room first. Waits: it could run once there is."),
    ]
    cluster: Annotated[str, Field(description="Cluster of the pool.")]
    pool: Annotated[str, Field(description="Where it would run then; with `elsewhere` the cheapest as things stand.")]
    currency: Annotated[str, Field(description="ISO 4217 code of the amounts.")]
    per_hour: Annotated[KnownOrNot, Field(description="What it would cost per hour.")]
    total: Annotated[KnownOrNot, Field(description="What the whole run would cost.")]
    contested: Annotated[bool, Field(description="Others wait under the policy that it changes: they may be first.")]
    elsewhere: Annotated[bool, Field(description="Other pools would do, too: which it gets is decided then.")]


class ReportCandidate(_Part):
    """A pool with one alternative of accelerators."""

    cluster: Annotated[str, Field(description="Name of the cluster.")]
    pool: Annotated[str, Field(description="Name of the pool.")]
    accelerator: Annotated[str | None, Field(description="Model that is asked for; absent for CPU only.")] = None
    count: Annotated[int | None, Field(description="Accelerators per pod that are asked for.")] = None
    verdict: Annotated[Literal["Chosen", "Feasible", "Rejected"], Field(description="What became of it.")]
    currency: Annotated[str | None, Field(description="Absent, as the amounts, if the pool has no such one.")] = None
    per_hour: Annotated[KnownOrNot | None, Field(description="What it would cost per hour.")] = None
    total: Annotated[KnownOrNot | None, Field(description="What the whole run would cost.")] = None
    parts: Annotated[list[ReportPart], Field(description="What the total is made of; empty if it is not known.")] = []
    rejections: Annotated[list[ReportRejection], Field(description="All that speaks against it.")]


class ReportWorkload(_Part):
    """A workload and the decision on it."""

    namespace: Annotated[str, Field(description="As in the manifest, else that of `--namespace`.")]
    name: Annotated[str, Field(description="Name of the AIWorkload or Job.")]
    source: Annotated[ReportSource, Field(description="Where it is written.")]
    class_: Annotated[str, Field(alias="class", description="Training or Batch.")]
    policy: Annotated[str, Field(description="The PlacementPolicy that it obeys.")]
    priority: Annotated[int, Field(description="Higher goes first.")]
    replicas: Annotated[int, Field(description="Pods of the gang.")]
    mode: Annotated[Mode, Field(description="What can be done with it.")]
    reason: Annotated[str, Field(description="A constant of docs/reference/reasons.md.")]
    message: Annotated[str, Field(description="The decision in one sentence.")]
    unblock: Annotated[str | None, Field(description="The smallest change that would admit it, in words.")] = None
    changes: Annotated[list[ReportChange], Field(description="Changes that would admit it, the smallest first.")] = []
    placement: Annotated[ReportPlacement | None, Field(description="Absent if it is not placed.")] = None
    cost: Annotated[ReportCost | None, Field(description="Absent if it is not placed.")] = None
    carbon: Annotated[ReportCarbon | None, Field(description="Absent where power or grid data is missing.")] = None
    considered: Annotated[int, Field(description="How many candidates were looked at.")]
    candidates: Annotated[list[ReportCandidate], Field(description="All of them, the best first.")]


class ReportPoolPrice(_Part):
    """What a node of a pool costs, and who says so."""

    cluster: Annotated[str, Field(description="Cluster of the pool.")]
    pool: Annotated[str, Field(description="The pool.")]
    fresh: Annotated[bool, Field(description="Whether the price is what its source names, and not too old.")]
    reason: Annotated[str, Field(description="Of that, in one word.")]
    message: Annotated[str, Field(description="Of that, in a sentence.")]
    per_node_hour: Annotated[str | None, Field(description="Amount per node and hour; absent if not known.")] = None
    currency: Annotated[str | None, Field(description="ISO 4217 code of the amount.")] = None
    origin: Annotated[
        Literal["Pool", "Catalogue", "Annotation", "BuiltIn"] | None, Field(description="Which source named it.")
    ] = None
    source: Annotated[str | None, Field(description="The same in words.")] = None
    of: Annotated[str | None, Field(description="Since when it holds, or was written; RFC 3339.")] = None
    age_days: Annotated[int | None, Field(description="How old that is, in whole days.")] = None


class ReportPriceTable(_Part):
    """A table of prices or exchange rates."""

    name: Annotated[str, Field(description="catalogue, currencies or built-in.")]
    of: Annotated[str | None, Field(description="Of when its oldest row is, or it was written; RFC 3339.")] = None
    age_days: Annotated[int | None, Field(description="How old that is, in whole days.")] = None


class ReportPrices(_Part):
    """Where the prices of the plan come from."""

    pools: Annotated[list[ReportPoolPrice], Field(description="All pools.")]
    tables: Annotated[list[ReportPriceTable], Field(description="All tables.")]


class PlanReport(_Part):
    """The plan: workloads in the order in which they were decided."""

    api_version: Annotated[Literal["stellwerk.dev/v1alpha1"], Field(description="Version of this format.")]
    kind: Annotated[Literal["PlanReport"], Field(description="Always `PlanReport`.")]
    decided_at: Annotated[str, Field(description="The moment of the decision, RFC 3339 in UTC; see `--now`.")]
    summary: Annotated[ReportSummary, Field(description="Counts and sums of the whole plan.")]
    workloads: Annotated[list[ReportWorkload], Field(description="All, or those that `--explain` names.")]
    prices: Annotated[ReportPrices | None, Field(description="What nodes cost, and who says so.")] = None
    notes: Annotated[list[str], Field(description="What was left out of the plan, and why.")]
