"""Version v1alpha1 of the kinds."""

from stellwerk.api.v1alpha1.aiworkload import AIWorkload, AIWorkloadSpec, WorkloadRef
from stellwerk.api.v1alpha1.aiworkload_status import (
    AIWorkloadStatus,
    CandidateStatus,
    CarbonStatus,
    ChildStatus,
    CostPart,
    CostStatus,
    DecisionStatus,
)
from stellwerk.api.v1alpha1.asks import AcceleratorOption
from stellwerk.api.v1alpha1.computepool import (
    ComputePool,
    ComputePoolSpec,
    ComputePoolStatus,
    PoolAccelerator,
    Taint,
)
from stellwerk.api.v1alpha1.computepool_price import OnPremPrice, PoolPrice, PriceStatus
from stellwerk.api.v1alpha1.kind import Column, Kind, KindInfo
from stellwerk.api.v1alpha1.placement_status import AcceleratorStatus, PlacementStatus
from stellwerk.api.v1alpha1.placementpolicy import (
    PlacementPolicy,
    PlacementPolicySpec,
    PlacementPolicyStatus,
    Requirements,
)
from stellwerk.api.v1alpha1.podtemplate import PodTemplate
from stellwerk.api.v1alpha1.tenant import Tenant, TenantSpec, TenantSpend, TenantStatus

KINDS: tuple[type[Kind], ...] = (AIWorkload, PlacementPolicy, ComputePool, Tenant)
"""All kinds, in the order in which they are documented."""

__all__ = [
    "KINDS",
    "AIWorkload",
    "AIWorkloadSpec",
    "AIWorkloadStatus",
    "AcceleratorOption",
    "AcceleratorStatus",
    "CandidateStatus",
    "CarbonStatus",
    "ChildStatus",
    "Column",
    "ComputePool",
    "ComputePoolSpec",
    "ComputePoolStatus",
    "CostPart",
    "CostStatus",
    "DecisionStatus",
    "Kind",
    "KindInfo",
    "OnPremPrice",
    "PlacementPolicy",
    "PlacementPolicySpec",
    "PlacementPolicyStatus",
    "PlacementStatus",
    "PodTemplate",
    "PoolAccelerator",
    "PoolPrice",
    "PriceStatus",
    "Requirements",
    "Taint",
    "Tenant",
    "TenantSpec",
    "TenantSpend",
    "TenantStatus",
    "WorkloadRef",
]
