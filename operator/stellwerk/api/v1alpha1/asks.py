"""What a gang may ask for besides its pods: accelerators and shares of them, further pod sets, data, patience."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from stellwerk.api.base import DNS_LABEL, LIST_ATOMIC, Rule, Token, WireModel, doc
from stellwerk.api.duration import Duration
from stellwerk.api.money import PositiveAmount
from stellwerk.api.quantity import Quantity, positive_rule
from stellwerk.api.v1alpha1.computepool import Provider
from stellwerk.api.v1alpha1.podtemplate import PodTemplate

MAX_POD_SETS = 4
"""Further pod sets of one workload: a rule of a template is checked once for each."""

Fraction = Annotated[str, Field(min_length=3, max_length=5, pattern=r"^0\.([1-9][0-9]{0,2}|0[1-9][0-9]?|00[1-9])$")]
"""A decimal above 0 and below 1 with at most three decimals."""


class AcceleratorShare(WireModel):
    """A part of one accelerator."""

    rules = (
        Rule(
            name="fraction-or-memory",
            cel="has(self.fraction) != has(self.memory)",
            message="share needs exactly one of fraction and memory",
            holds=lambda s: (s.fraction is None) != (s.memory is None),
        ),
        positive_rule("memory"),
    )

    fraction: Annotated[
        Fraction | None,
        doc("Part of one accelerator, above 0 and below 1, rounded up to whole slices of it.", "0.5"),
    ] = None
    memory: Annotated[
        Quantity | None,
        doc(
            "Memory of one accelerator, in bytes with an optional suffix, rounded up to whole slices of it.",
            "10Gi",
        ),
    ] = None


_SHARE_OF_ONE = Rule(
    name="share-of-one",
    cel="!has(self.share) || !has(self.count) || self.count == 1",
    message="count must be 1 with share: a share is of one accelerator",
    holds=lambda a: a.share is None or a.count == 1,
    field="count",
)


class SomeAccelerators(WireModel):
    """Accelerators that one pod gets."""

    rules: ClassVar[tuple[Rule, ...]] = (positive_rule("memory"), _SHARE_OF_ONE)

    model: Annotated[
        Token,
        doc(
            "Model, compared without regard to case; `any` for every model of the pool's resource.",
            "H100",
        ),
    ]
    count: Annotated[
        int,
        doc("Accelerators per pod; with a workloadRef what the Job's pods ask for counts.", 8, ge=1, le=64),
    ] = 1
    memory: Annotated[
        Quantity | None,
        doc("Least memory per accelerator, in bytes with an optional suffix.", "80Gi"),
    ] = None
    share: Annotated[
        AcceleratorShare | None,
        doc(
            "A part of one accelerator instead of whole ones. Where nodes offer slices of it (time-slicing, MPS,"
            " MIG) other pods use the rest; elsewhere a whole one is taken, and paid for.",
            {"fraction": "0.5"},
        ),
    ] = None


class AcceleratorOption(SomeAccelerators):
    """One kind of accelerator that will do."""

    rules = (
        *SomeAccelerators.rules,
        Rule(
            name="speed-or-runtime",
            cel="!has(self.expectedRuntime) || !has(self.speed) || self.speed == '1'",
            message="speed must be left out when expectedRuntime is set: the runtime says it already",
            holds=lambda a: a.expected_runtime is None or a.speed == "1",
            field="speed",
        ),
    )

    speed: Annotated[
        PositiveAmount,
        doc(
            "How fast the work runs on it; spec.expectedRuntime is divided by this factor.",
            "0.5",
        ),
    ] = "1"
    replicas: Annotated[
        int | None,
        doc(
            "Pods of the gang with this alternative, such as 2 pods of 4 instead of 1 pod of 8; absent takes"
            " spec.replicas.",
            2,
            ge=1,
            le=10_000,
        ),
    ] = None
    expected_runtime: Annotated[
        Duration | None,
        doc(
            "How long it runs with this alternative, in days, hours, minutes and seconds; absent divides"
            " spec.expectedRuntime by speed.",
            "3h",
        ),
    ] = None


class GangPodSet(WireModel):
    """Further pods of the gang that differ from the main ones."""

    name: Annotated[
        str,
        doc("Name of the pod set, unique in the workload.", "loader", min_length=1, max_length=20, pattern=DNS_LABEL),
    ]
    replicas: Annotated[int, doc("Pods of this set.", 2, ge=1, le=10_000)] = 1
    accelerators: Annotated[
        tuple[SomeAccelerators, ...],
        doc(
            "Alternatives for each pod of this set, any of which will do; none for CPU only.",
            [{"model": "L4", "count": 1}],
            max_length=8,
            json_schema_extra=LIST_ATOMIC,
        ),
    ] = ()
    template: Annotated[
        PodTemplate,
        doc(
            "The pods of this set, for which Stellwerk creates a Job of their own.",
            {"spec": {"containers": [{"name": "load", "image": "registry.example.com/load:1.4"}]}},
        ),
    ]


class DataLocation(WireModel):
    """Where the data that the work reads lies."""

    rules = (positive_rule("size"),)

    size: Annotated[
        Quantity,
        doc("How much is read from there in all, in bytes with an optional suffix.", "2Ti"),
    ]
    provider: Annotated[Provider, doc("Provider that holds the data.", "aws")]
    region: Annotated[Token, doc("Region of the data, as the provider names it.", "eu-central-1")]


class Disruption(WireModel):
    """What may be done to the work while it runs."""

    preemptible: Annotated[
        bool,
        doc("Whether more important work may take its place; it then starts again from its last checkpoint.", False),
    ] = True
    migratable: Annotated[
        bool,
        doc("Whether it may be stopped and started again elsewhere to save money or to make room.", False),
    ] = True
