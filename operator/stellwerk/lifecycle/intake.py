"""From decoded objects to the values that are planned, or to the sentence that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from stellwerk.api import duration, moment, quantity
from stellwerk.api.labels import (
    DEFAULT_POLICY,
    FORBIDDEN_NAMESPACES,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    POLICY_LABEL,
    WORKLOAD_LABEL,
)
from stellwerk.api.reasons import Reason
from stellwerk.api.v1alpha1.computepool import ComputePoolSpec
from stellwerk.api.v1alpha1.placementpolicy import PlacementPolicySpec
from stellwerk.lifecycle.observed import JobView
from stellwerk.lifecycle.restoring import as_asked
from stellwerk.model import declared
from stellwerk.model.accelerators import accelerators_in
from stellwerk.model.capacity import Pool, Toleration
from stellwerk.model.podask import ask_of
from stellwerk.model.podrules import Labels, rules_of
from stellwerk.model.policy import Policy
from stellwerk.model.requirements import requirements_of
from stellwerk.model.resources import Resources
from stellwerk.model.workload import (
    AcceleratorOption,
    DataAt,
    Identity,
    InvalidWorkload,
    PodFacts,
    PodSet,
    PodShape,
    Workload,
    WorkloadKey,
)

Spec = Mapping[str, Any]
"""A decoded spec, camelCase, with the schema's defaults or without."""


def pool_from(name: str, spec: Spec) -> Pool:
    """Return the declared pool of a decoded ComputePool spec.

    Raises:
        ValueError: If the spec breaks its schema or rules.
    """
    return declared.pool_from(name, ComputePoolSpec.model_validate(spec))


def policy_from(name: str, spec: Spec) -> Policy:
    """Return the policy of a decoded PlacementPolicy spec.

    Raises:
        ValueError: If the spec breaks its schema or rules.
    """
    return declared.policy_from(name, PlacementPolicySpec.model_validate(spec))


def workload_from(identity: Identity, spec: Spec, job: JobView | None = None) -> Workload | InvalidWorkload:
    """Return the workload of a decoded AIWorkload spec.

    Args:
        identity: Which object it is.
        spec: Its spec, checked against the schema by whoever stored it.
        job: The Job that `workloadRef` names, if it was found; ignored where there is a template.
    """
    if identity.key.namespace in FORBIDDEN_NAMESPACES:
        message = f"nothing is ever placed in namespace {identity.key.namespace}"
        return InvalidWorkload(identity, Reason.NOT_OPTED_IN, message)
    try:
        if "workloadRef" in spec:
            return _of_job(identity, spec, job)
        return _workload(identity, spec, spec["template"], "template")
    except ValueError as error:
        return InvalidWorkload(identity, Reason.INVALID_SPEC, str(error))


def _of_job(identity: Identity, spec: Spec, job: JobView | None) -> Workload | InvalidWorkload:
    name = spec["workloadRef"]["name"]
    if job is None:
        message = f"there is no Job {name} with the label {POLICY_LABEL} in namespace {identity.key.namespace}"
        return InvalidWorkload(identity, Reason.WORKLOAD_REF_NOT_FOUND, message)
    if POLICY_LABEL not in job.labels:
        return InvalidWorkload(identity, Reason.NOT_OPTED_IN, f"Job {name} lacks the label {POLICY_LABEL}")
    workload = _workload(identity, spec, as_asked(job), "job")
    size = job.parallelism if job.completions is None else min(job.parallelism, job.completions)
    return msgspec.structs.replace(workload, replicas=max(1, size))


def _workload(identity: Identity, spec: Spec, template: Spec, source: Literal["template", "job"]) -> Workload:
    pod_spec: Spec = template.get("spec") or {}
    facts = PodFacts(_labels(template, identity.key.name, source), ask_of(pod_spec))
    requests = facts.ask.requests
    options = tuple(_option(option) for option in spec.get("accelerators") or ())
    if source == "job":
        asked = accelerators_in(requests)
        options = _options_of_job(options, asked[:1])
        requests = requests.without(*(name for name, _ in asked[:1]))
    interval, deadline = spec.get("checkpointInterval"), spec.get("deadline")
    disruption = spec.get("disruption") or {}
    return Workload(
        identity=identity,
        class_=spec["class"],
        policy=spec.get("policy", DEFAULT_POLICY),
        replicas=spec.get("replicas", 1),
        pod=_pod_shape(pod_spec, requests, identity.key.namespace, facts),
        accelerators=options,
        min_replicas=spec.get("minReplicas"),
        others=tuple(_pod_set(one, identity.key) for one in spec.get("podSets") or ()),
        priority=spec.get("priority", 0),
        expected_runtime_s=duration.seconds(spec.get("expectedRuntime", "1h")),
        checkpoint_interval_s=None if interval is None else duration.seconds(interval),
        source=source,
        deadline=None if deadline is None else moment.utc(deadline),
        data=_data(spec.get("data")),
        preemptible=disruption.get("preemptible", True),
        movable=disruption.get("migratable", True),
        facts=facts,
    )


def _pod_shape(pod_spec: Spec, requests: Resources, namespace: str, facts: PodFacts) -> PodShape:
    tolerations = tuple(_toleration(item) for item in pod_spec.get("tolerations") or ())
    rules = rules_of(pod_spec, namespace, dict(facts.labels))
    return PodShape(requests, requirements_of(pod_spec), tolerations, rules)


def _pod_set(one: Spec, key: WorkloadKey) -> PodSet:
    pod_spec = one["template"]["spec"]
    facts = PodFacts(_labels(one["template"], key.name, "template"), ask_of(pod_spec))
    return PodSet(
        name=one["name"],
        replicas=one.get("replicas", 1),
        pod=_pod_shape(pod_spec, facts.ask.requests, key.namespace, facts),
        accelerators=tuple(_option(option) for option in one.get("accelerators") or ()),
        facts=facts,
    )


def _labels(template: Spec, name: str, source: Literal["template", "job"]) -> Labels:
    """Return the labels that the pods will have, apart from those that only their Job's uid or their index tells."""
    own = (template.get("metadata") or {}).get("labels") or {}
    ours = {MANAGED_BY_LABEL: MANAGED_BY, WORKLOAD_LABEL: name} if source == "template" else {}
    return tuple(sorted({**own, **ours}.items()))


def _option(option: Spec) -> AcceleratorOption:
    memory, runtime = option.get("memory"), option.get("expectedRuntime")
    share = option.get("share") or {}
    return AcceleratorOption(
        model=option["model"],
        count=option.get("count", 1),
        memory_bytes=None if memory is None else quantity.whole(memory),
        speed=Decimal(option.get("speed", "1")),
        share_milli=int(Decimal(share["fraction"]) * 1000) if "fraction" in share else None,
        share_bytes=quantity.whole(share["memory"]) if "memory" in share else None,
        replicas=option.get("replicas"),
        runtime_s=None if runtime is None else duration.seconds(runtime),
    )


def _data(data: Spec | None) -> DataAt | None:
    return None if data is None else DataAt(quantity.whole(data["size"]), data["provider"], data["region"])


def _options_of_job(
    options: tuple[AcceleratorOption, ...], asked: tuple[tuple[str, int], ...]
) -> tuple[AcceleratorOption, ...]:
    """Bring the models that will do together with what the Job's pods really ask for."""
    if not asked:
        if options:
            models = ", ".join(option.model for option in options)
            raise ValueError(f"accelerators names {models}, and the pods of the Job ask for no accelerator")
        return ()
    resource, count = asked[0]
    return tuple(
        msgspec.structs.replace(option, count=count, resource=resource) for option in options or (AcceleratorOption(),)
    )


def _toleration(item: Spec) -> Toleration:
    return Toleration(
        key=item.get("key") or "",
        operator=item.get("operator") or "Equal",
        value=item.get("value") or "",
        effect=item.get("effect") or "",
    )
