"""Asking for actions again after they took effect yields none, from any state."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.lifecycle.actions import PatchJob, PatchStatus
from stellwerk.lifecycle.job import build_job
from stellwerk.lifecycle.merging import merge_patch
from stellwerk.lifecycle.observed import WorkloadState
from stellwerk.lifecycle.transactions import actions_for, needs_decision
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.planner import plan
from tests.builders import LATER, NOW, SPEC, identity, merged, nodes, own_job, pool, resources, state, user_job

REF = {"class": "Batch", "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "report"}}

specs = st.sampled_from(
    [
        SPEC,
        {**SPEC, "replicas": 99},
        {**SPEC, "policy": "absent"},
        {**SPEC, "accelerators": []},
        {**SPEC, "expectedRuntime": "soon"},
        REF,
    ]
)
progress = st.sampled_from([{}, {"ready": 1}, {"ready": 2}, {"finished": "Complete"}, {"finished": "Failed"}])


def cycle(seen: WorkloadState, fleet: Snapshot, number: int) -> tuple[Any, ...]:
    """Plan and ask for actions, as the control loop does."""
    pending = [seen.workload] if isinstance(seen.workload, Workload) and needs_decision(seen) else []
    moment = NOW if number == 1 else LATER
    found = actions_for(plan(pending, fleet, moment, number), [seen], moment)
    return found[0].actions if found else ()


def after(seen: WorkloadState, actions: tuple[Any, ...]) -> WorkloadState:
    """Let actions take effect, as the API server and the watches would."""
    status, job = seen.status, seen.job
    for action in actions:
        if isinstance(action, PatchStatus):
            status = msgspec.convert(merged(msgspec.to_builtins(status), action.body["status"]), type(status))
        elif type(action).__name__ == "CreateJob":
            job = own_job(identity(), action.manifest["metadata"]["name"])
        elif isinstance(action, PatchJob):
            job = user_job(suspend=False, annotations=action.body["metadata"]["annotations"])
    return msgspec.structs.replace(seen, status=status, job=job)


@settings(max_examples=150)
@given(spec=specs, later=progress, full=st.booleans())
def test_actions_that_took_effect_are_not_asked_for_again(
    spec: dict[str, Any],
    later: dict[str, Any],
    *,
    full: bool,
) -> None:
    members = nodes(2)
    usage = {member.name: resources(gpu=8) for member in members} if full else {}
    fleet = Snapshot(members, (pool(),), {}, usage)
    seen = state(spec, job=user_job() if spec is REF else None)
    seen = after(seen, cycle(seen, fleet, 1))
    assert cycle(seen, fleet, 2) == ()
    if seen.job is not None and not seen.job.suspend:
        moved = msgspec.structs.replace(seen, job=msgspec.structs.replace(seen.job, started=True, **later))
        settled = after(moved, cycle(moved, fleet, 3))
        assert cycle(settled, fleet, 4) == ()


@given(specs)
def test_the_child_is_the_same_each_time_it_is_built(spec: dict[str, Any]) -> None:
    seen = state(spec)
    fleet = Snapshot(nodes(2), (pool(),))
    if isinstance(seen.workload, Workload) and needs_decision(seen):
        chosen = plan([seen.workload], fleet, NOW, 1).decisions[0].chosen
        if chosen is not None:
            assert build_job(seen.workload, spec, chosen) == build_job(seen.workload, spec, chosen)


json = st.recursive(
    st.integers(0, 3) | st.sampled_from(["x", "y"]) | st.lists(st.integers(0, 3), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("abc"), json, max_size=3)


@given(objects, objects)
def test_a_merge_patch_leads_from_the_old_object_to_the_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(old, merge_patch(old, new)) == new
