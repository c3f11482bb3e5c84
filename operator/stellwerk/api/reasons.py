"""Every reason that Stellwerk writes into conditions, decisions and events: one constant each.

The reference page `docs/reference/reasons.md` is generated from this module; a reason's anchor there
is its name in lower case.
"""

from __future__ import annotations

from stellwerk.api.reason_groups import Group, Word, anchor

__all__ = ["Group", "Reason", "anchor"]


class Reason(Word):
    """A reason of workloads and of what people write by hand; `pool_reasons` has those of prices."""

    # ------------------------------------------------------------ Accepted
    VALID = ("Valid", Group.ACCEPTED, "The spec is valid and everything that it names exists.")
    INVALID_SPEC = (
        "InvalidSpec",
        Group.ACCEPTED,
        "The spec breaks a rule; the message names the field and says what is allowed.",
    )
    POLICY_NOT_FOUND = (
        "PolicyNotFound",
        Group.ACCEPTED,
        "No PlacementPolicy has the name that the workload gives; create it or name another.",
    )
    POLICY_NOT_ALLOWED = (
        "PolicyNotAllowed",
        Group.ACCEPTED,
        "The policy's list of namespaces does not hold the namespace of this workload.",
    )
    WORKLOAD_REF_NOT_FOUND = (
        "WorkloadRefNotFound",
        Group.ACCEPTED,
        "The Job that spec.workloadRef names does not exist in the workload's namespace.",
    )
    NOT_OPTED_IN = (
        "NotOptedIn",
        Group.ACCEPTED,
        "The Job lacks the label stellwerk.dev/policy, runs already or lies in kube-system: it is left alone.",
    )
    JOB_TAKEN = ("JobTaken", Group.ACCEPTED, "The Job that spec.workloadRef names runs for another AIWorkload already.")

    # ------------------------------------------------------------ Decision
    CHEAPEST_FEASIBLE = (
        "CheapestFeasible",
        Group.DECISION,
        "Of all pools that obey the rules and have room, this one has the lowest expected cost.",
    )
    CHEAPEST_TOGETHER = (
        "CheapestTogether",
        Group.DECISION,
        "A cheaper pool has room, but given to another workload of the batch it saves more in total.",
    )
    CHEAPEST_WITH_ROOM = (
        "CheapestWithRoom",
        Group.DECISION,
        "A cheaper pool has room, but that room is worth more to others than it would save.",
    )
    CAPACITY_FULL = (
        "CapacityFull",
        Group.DECISION,
        "A pool that fits has too little room now; the workload waits until others finish.",
    )
    NEVER_FITS = ("NeverFits", Group.DECISION, "Every pool is ruled out for a reason that waiting cannot change.")
    NO_POOL = ("NoPool", Group.DECISION, "There is no pool at all: none is declared and no ready node was discovered.")
    NOT_DECIDED = ("NotDecided", Group.DECISION, "The workload has been seen and waits for the next planning cycle.")
    NOT_ACCEPTED = (
        "NotAccepted",
        Group.DECISION,
        "The workload is not placed because it is not accepted; see the condition Accepted.",
    )
    RELEASED = ("Released", Group.DECISION, "The workload has finished and its place is free for others.")

    PREEMPTING = (
        "Preempting",
        Group.DECISION,
        "Workloads of lower priority make room, as the policy allows; the workload is placed once they are gone.",
    )
    MAKING_ROOM = (
        "MakingRoom",
        Group.DECISION,
        "Workloads move to other nodes or pools, as their policy allows; the workload is placed once they have.",
    )

    GIVEN_UP = (
        "GivenUp",
        Group.DECISION,
        "The place was given up (see the condition Evicted); once its pods are gone, the workload is planned anew.",
    )

    # ------------------------------------------------------------ Filters
    CLUSTER_UNAVAILABLE = (
        "ClusterUnavailable",
        Group.FILTER,
        "The pool's cluster does not answer, so nothing new is placed there.",
    )
    PROVIDER_NOT_ALLOWED = (
        "ProviderNotAllowed",
        Group.FILTER,
        "The policy's require.providers does not list the pool's provider.",
    )
    JURISDICTION_NOT_ALLOWED = (
        "JurisdictionNotAllowed",
        Group.FILTER,
        "The pool lies in none of the policy's require.jurisdictions, or its jurisdiction is not known.",
    )
    CERTIFICATION_MISSING = (
        "CertificationMissing",
        Group.FILTER,
        "The pool lacks a certification of the policy's require.certifications.",
    )
    REGION_NOT_ALLOWED = (
        "RegionNotAllowed",
        Group.FILTER,
        "The policy's require.regions does not list the pool's region.",
    )
    CAPACITY_TYPE_NOT_ALLOWED = (
        "CapacityTypeNotAllowed",
        Group.FILTER,
        "The policy's require.capacityTypes does not list the pool's capacity type.",
    )
    POOL_LABELS_MISMATCH = (
        "PoolLabelsMismatch",
        Group.FILTER,
        "The pool's labels do not hold all of the policy's require.poolLabels.",
    )
    CURRENCY_MISMATCH = (
        "CurrencyMismatch",
        Group.FILTER,
        "The pool's price is in another currency than the policy's, and no exchange rate between the two is known.",
    )
    PRICE_UNKNOWN = (
        "PriceUnknown",
        Group.FILTER,
        "The policy's unpricedPools is Wait, and no source names a price of the pool.",
    )
    ACCELERATOR_MISMATCH = (
        "AcceleratorMismatch",
        Group.FILTER,
        "The pool's accelerator is none of the models that the workload accepts.",
    )
    ACCELERATOR_MEMORY_TOO_SMALL = (
        "AcceleratorMemoryTooSmall",
        Group.FILTER,
        "The pool's accelerators have less memory than the workload asks for, or how much they have is not known.",
    )
    ACCELERATOR_PARTITION_TOO_SMALL = (
        "AcceleratorPartitionTooSmall",
        Group.FILTER,
        "The pool has partitions of accelerators (such as MIG devices) that are smaller than what a pod asks for.",
    )
    ACCELERATORS_PER_NODE_TOO_FEW = (
        "AcceleratorsPerNodeTooFew",
        Group.FILTER,
        "No node of the pool has as many accelerators as one pod needs.",
    )
    NODE_SELECTOR_MISMATCH = (
        "NodeSelectorMismatch",
        Group.FILTER,
        "No node of the pool has the labels that the pods' node selector or affinity requires.",
    )
    TAINT_NOT_TOLERATED = (
        "TaintNotTolerated",
        Group.FILTER,
        "All nodes of the pool carry a taint that neither the pods nor the pool's declaration tolerates.",
    )
    POOL_HAS_NO_NODES = ("PoolHasNoNodes", Group.FILTER, "The pool has no ready node that accepts pods.")
    TOO_BIG_FOR_POOL = ("TooBigForPool", Group.FILTER, "The workload would not fit even if the pool were empty.")
    LIMIT_RANGE_VIOLATED = (
        "LimitRangeViolated",
        Group.FILTER,
        "The API server would refuse the pods for their requests or limits, as a LimitRange of the namespace has it.",
    )
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        Group.FILTER,
        "A ResourceQuota of the namespace leaves too little for the pods, or demands that they state something.",
    )
    HOST_PORT_TAKEN = (
        "HostPortTaken",
        Group.FILTER,
        "On too many nodes of the pool a host port that the pods want is taken.",
    )
    POD_AFFINITY_UNMET = (
        "PodAffinityUnmet",
        Group.FILTER,
        "Too few nodes of the pool have the pods near that the pods' required affinity names.",
    )
    POD_ANTI_AFFINITY_UNMET = (
        "PodAntiAffinityUnmet",
        Group.FILTER,
        "Required anti-affinity, of the pods or of pods that are there, leaves too few nodes of the pool.",
    )
    TOPOLOGY_SPREAD_UNMET = (
        "TopologySpreadUnmet",
        Group.FILTER,
        "A topology spread constraint of the pods leaves too few nodes of the pool.",
    )
    COST_ABOVE_LIMIT = (
        "CostAboveLimit",
        Group.FILTER,
        "The workload would cost more per hour than the policy's maxCostPerHour, or its cost is not known.",
    )

    STOCKED_OUT = (
        "StockedOut",
        Group.FILTER,
        "The pool did not get its new nodes in time, so for a while nothing is placed on nodes that it has not got.",
    )
    DEADLINE_INFEASIBLE = (
        "DeadlineInfeasible",
        Group.FILTER,
        "A run that began there now would be expected to end after the workload's deadline.",
    )

    # ------------------------------------------------------------ Ready
    NOT_PLACED = ("NotPlaced", Group.READY, "There are no pods because the workload has no place.")
    PODS_PENDING = ("PodsPending", Group.READY, "The workload is placed and not all of its pods run yet.")
    PODS_READY = ("PodsReady", Group.READY, "All pods of the workload run.")
    PODS_UNSCHEDULABLE = (
        "PodsUnschedulable",
        Group.READY,
        "The scheduler found no node for a pod in the chosen pool; the message quotes it.",
    )
    PODS_NOT_CREATED = (
        "PodsNotCreated",
        Group.READY,
        "The Job has started and none of its pods exists: the API server refuses to create them.",
    )
    PODS_DONE = ("PodsDone", Group.READY, "No pods run any more because the workload has finished.")

    # ------------------------------------------------------------ Evicted
    NOT_EVICTED = ("NotEvicted", Group.EVICTED, "The workload was not taken from its place.")

    PREEMPTED = (
        "Preempted",
        Group.EVICTED,
        "A workload of higher priority needed its room; it waits in its old place of the queue to be placed again.",
    )
    MIGRATED = ("Migrated", Group.EVICTED, "It was stopped to go on elsewhere, which saves more than the move costs.")

    STOCK_OUT = (
        "StockOut",
        Group.EVICTED,
        "The pool was to grow for the workload and its nodes did not come in time; it is planned anew.",
    )
    INTERRUPTED = (
        "Interrupted",
        Group.EVICTED,
        "Nodes of the workload went away and the pool had no room for their pods in time; it is planned anew.",
    )

    # ------------------------------------------------------------ Finished
    NOT_FINISHED = ("NotFinished", Group.FINISHED, "The workload still waits or runs.")
    JOB_COMPLETE = ("JobComplete", Group.FINISHED, "The Job completed.")
    JOB_FAILED = ("JobFailed", Group.FINISHED, "The Job failed; the message quotes the Job's own reason.")
    CHILD_DELETED = (
        "ChildDeleted",
        Group.FINISHED,
        "Somebody deleted the Job; the workload is not started again, create a new one to run it.",
    )

    # ------------------------------------------------------------ Events
    PLACED = ("Placed", Group.EVENT, "The workload was given a place; the message says where.")
    WAITING = ("Waiting", Group.EVENT, "The workload has no place yet; the message says why.")
    CHILD_EDITED = ("ChildEdited", Group.EVENT, "Somebody changed the Job so that it no longer follows the decision.")
    WRITE_REFUSED = ("WriteRefused", Group.EVENT, "The API server refused a write of Stellwerk; the message quotes it.")
    SHRUNK = ("Shrunk", Group.EVENT, "The elastic workload goes on with fewer pods; the message says for whom.")
    GROWN = ("Grown", Group.EVENT, "The elastic workload goes on with more pods, because room appeared.")
    INVALID_ANNOTATION = (
        "InvalidAnnotation",
        Group.EVENT,
        "An annotation of the labelled Job cannot be understood, so the Job is not placed.",
    )
