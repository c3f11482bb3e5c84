"""Names that Stellwerk puts on objects: API group, labels, annotations."""

from typing import Final

GROUP: Final = "stellwerk.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "stellwerk"
"""`kubectl get stellwerk` lists all kinds of this category."""

POLICY_LABEL: Final = "stellwerk.dev/policy"
"""On a user's suspended Job: opts in, and names the PlacementPolicy. On every Job that we create too,
so that one selector watches them all."""

WORKLOAD_LABEL: Final = "stellwerk.dev/workload"
"""On Jobs and pods: the name of their AIWorkload."""

POD_SET_LABEL: Final = "stellwerk.dev/pod-set"
"""On Jobs and pods of a further pod set: its name in the AIWorkload."""

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "stellwerk"
"""Value of `MANAGED_BY_LABEL` on what we create."""

EXPECTED_RUNTIME_ANNOTATION: Final = "stellwerk.dev/expected-runtime"
"""On a user's Job: `spec.expectedRuntime` of its AIWorkload, such as `6h`."""

CHECKPOINT_INTERVAL_ANNOTATION: Final = "stellwerk.dev/checkpoint-interval"
"""On a user's Job: `spec.checkpointInterval` of its AIWorkload, such as `30m`."""

CLASS_ANNOTATION: Final = "stellwerk.dev/class"
"""On a user's Job: `spec.class` of its AIWorkload, `Training` or `Batch` (the default)."""

ACCELERATORS_ANNOTATION: Final = "stellwerk.dev/accelerators"
"""On a user's Job: models that will do, joined by commas, such as `H100,A100`."""

PLACEMENT_ANNOTATION: Final = "stellwerk.dev/placement"
"""On every Job that was placed: cluster, pool and the AIWorkload's uid, such as `local/onprem-h100/0c2e…`. Written
together with the placement, so that a Job which somebody suspends again is told from one that has not been released
yet; the uid tells it from a copy."""

ORIGINAL_ANNOTATION: Final = "stellwerk.dev/before-placement"
"""On a user's Job that was placed: node selector, tolerations and affinity of its template as they were before, as
JSON. They are put back when the Job loses its place, so that it can get another one."""

PRICE_ANNOTATION: Final = "stellwerk.dev/price-per-hour"
"""On a node: what it costs per hour, a decimal such as `31.5`."""

PRICE_CURRENCY_ANNOTATION: Final = "stellwerk.dev/price-currency"
"""On a node: ISO 4217 code of its price; required beside the price."""

PRICE_VALID_FROM_ANNOTATION: Final = "stellwerk.dev/price-valid-from"
"""On a node: since when its price holds (RFC 3339)."""

PRICE_SOURCE_ANNOTATION: Final = "stellwerk.dev/price-source"
"""On a node: who says so, in words."""

PRICE_ANNOTATIONS: Final = frozenset(
    {PRICE_ANNOTATION, PRICE_CURRENCY_ANNOTATION, PRICE_VALID_FROM_ANNOTATION, PRICE_SOURCE_ANNOTATION}
)
"""The annotations of nodes that count."""

ACCEPT_PRICE_ANNOTATION: Final = "stellwerk.dev/accept-price"
"""On a ComputePool: the amount of a price that was refused for its step, such as `315`; exactly this one is taken."""

LEDGER_LABEL: Final = "stellwerk.dev/ledger"
"""On a ConfigMap: it is a page of the ledger of the cluster that the value names."""

SEAT_GATE: Final = "stellwerk.dev/seat"
"""Scheduling gate of pods whose node must be exact: taken away while the node is named."""

FORBIDDEN_NAMESPACES: Final = frozenset({"kube-system"})
"""Nothing there is ever touched, labelled or not."""

ANY_MODEL: Final = "any"
"""The accelerator model that matches every model of the resource asked for."""

LOCAL_CLUSTER: Final = "local"
"""The name of the cluster in which the operator runs."""

DEFAULT_POLICY: Final = "default"
"""The PlacementPolicy of those who name none; built in where no object of this name exists."""

ACCELERATOR_RESOURCE_PREFIXES: Final = (
    "nvidia.com/",
    "amd.com/",
    "gpu.intel.com/",
    "habana.ai/",
    "aws.amazon.com/neuron",
    "google.com/tpu",
)
"""Resource names that begin like this are accelerators."""
