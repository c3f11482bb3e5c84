"""Nothing in a spec is ignored: each field, changed alone, changes what is planned or what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from stellwerk.api.crd import Node, structural_schema
from stellwerk.api.v1alpha1 import KINDS
from stellwerk.api.validation import validate
from stellwerk.cluster import accounts
from stellwerk.control.tenants import rule_of
from stellwerk.lifecycle.intake import policy_from, pool_from, workload_from
from stellwerk.lifecycle.job import build_job
from stellwerk.lifecycle.podsets import build_set_job
from stellwerk.model.placement import PlacedSet
from stellwerk.model.workload import Workload
from tests.builders import decision, identity
from tests.integration.api.mutations import Keys, Mutation, mutations
from tests.unit.api.samples import SAMPLES, sample

SCHEMAS = {kind.info.kind: structural_schema(kind) for kind in KINDS}
LEFT_OUT = {
    "AIWorkload.spec.workloadRef",  # asked of the cluster: tests/integration/operator/test_labelled_jobs.py
    "AIWorkload.spec.template.spec.volumes.[].name",  # cannot be changed alone: mounts name it
    "AIWorkload.spec.template.spec.containers.[].volumeMounts.[].name",
    "AIWorkload.spec.template.spec.initContainers.[].volumeMounts.[].name",
}

Place = tuple[str, Keys, Any, Node]
"""A sample, where in it a field is, its value and its schema."""


def leaves(value: Any, schema: Node, keys: Keys) -> Iterator[tuple[Keys, Any, Node]]:
    """Every field that a manifest sets, with its schema; lists and maps are entered at their first entry."""
    if isinstance(value, dict) and "properties" in schema:
        for key, item in value.items():
            yield from leaves(item, schema["properties"][key], (*keys, key))
    elif isinstance(value, list) and "properties" in schema["items"]:
        for index, item in enumerate(value):
            yield from leaves(item, schema["items"], (*keys, index))
    else:
        yield keys, value, schema


def fields() -> Mapping[str, list[Place]]:
    """All places in the samples of each field that a user can set."""
    found: dict[str, list[Place]] = {}
    for name, manifest in SAMPLES.items():
        schema = SCHEMAS[manifest["kind"]]["properties"]["spec"]
        for keys, value, node in leaves(manifest["spec"], schema, ("spec",)):
            path = ".".join([manifest["kind"], *("[]" if isinstance(key, int) else key for key in keys)])
            only_one_value = len(node.get("enum", ())) == 1
            if not only_one_value and not any(path.startswith(one) for one in LEFT_OUT):
                found.setdefault(path, []).append((name, keys, value, node))
    return found


def changes(place: Place) -> Iterator[Mutation]:
    """Other values for a field, whether they are allowed or not."""
    _, keys, value, schema = place
    yield from (Mutation(keys, other) for other in schema.get("enum", ()))
    yield from mutations(value, schema, keys)


def meaning(manifest: Mapping[str, Any]) -> object:
    """What the operator makes of a manifest, as stored with its defaults."""
    name, spec = manifest["metadata"]["name"], manifest["spec"]
    if manifest["kind"] == "ComputePool":
        return pool_from(name, spec)
    if manifest["kind"] == "PlacementPolicy":
        return policy_from(name, spec)
    if manifest["kind"] == "Tenant":
        return tenant_from(name, spec)
    workload = workload_from(identity(name), spec)
    assert isinstance(workload, Workload), workload
    placement = decision().chosen
    assert placement is not None
    sets = [PlacedSet(one.name, placement.pool, placement.capacity_type, one.replicas) for one in workload.others]
    return workload, build_job(workload, spec, placement), [build_set_job(workload, spec, placement, s) for s in sets]


def tenant_from(name: str, spec: Mapping[str, Any]) -> object:
    """What the operator makes of a tenant, or what it has against it: not every name of a time zone is one."""
    try:
        return rule_of(msgspec.convert({"metadata": {"name": name, "uid": "u"}, "spec": spec}, accounts.Tenant))
    except ValueError as error:
        return str(error)


FIELDS = fields()


@pytest.mark.parametrize("path", FIELDS)
def test_a_field_that_is_changed_alone_changes_what_is_done(path: str) -> None:
    tried = 0
    for place in FIELDS[path]:
        before = meaning(validate(sample(place[0])).manifest)
        for one in changes(place):
            verdict = validate(one.of(sample(place[0])))
            if not verdict.errors:
                tried += 1
                if meaning(verdict.manifest) != before:
                    return
    pytest.fail(f"{path} is obeyed by nothing: {tried} other valid values changed nothing")


def test_most_of_the_schema_is_looked_at() -> None:
    assert set(SCHEMAS) == {path.partition(".")[0] for path in FIELDS}
    assert len(FIELDS) > 80
