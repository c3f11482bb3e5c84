"""Rules of namespaces, event by event."""

from __future__ import annotations

from typing import Any

from stellwerk.cluster import structs
from stellwerk.control.namespaces import Namespaces


def quota(hard: dict[str, Any], used: dict[str, str] | None = None) -> structs.ResourceQuota:
    meta = structs.ObjectMeta(name="budget", namespace="team", uid="uid-quota")
    return structs.ResourceQuota(metadata=meta, spec={"hard": hard}, status={"used": used or {}})


def test_a_quota_and_what_is_used_of_it_are_known_until_it_goes() -> None:
    known = Namespaces()
    assert known.set_quota(quota({"pods": "3"}, {"pods": "1"}), None)
    assert not known.set_quota(quota({"pods": "3"}, {"pods": "1"}), None)
    assert known.frozen["team"].quotas[0].used == (("pods", 1),)
    assert known.set_quota(None, quota({"pods": "3"}))
    assert known.frozen["team"].quotas == ()


def test_of_a_quota_that_cannot_be_read_the_last_good_version_rules_on() -> None:
    known = Namespaces()
    known.set_quota(quota({"pods": "3"}), None)
    assert not known.set_quota(quota({"pods": "three"}), None)
    assert known.frozen["team"].quotas[0].hard == (("pods", 3),)


def test_limits_and_labels_of_a_namespace_come_together() -> None:
    known = Namespaces()
    meta = structs.ObjectMeta(name="small", namespace="team")
    item = {"type": "Container", "max": {"cpu": "2"}}
    known.set_limits(structs.LimitRange(metadata=meta, spec={"limits": [item]}), None)
    known.set_namespace(structs.Namespace(metadata=structs.ObjectMeta(name="team", labels={"side": "a"})), None)
    rules = known.frozen["team"]
    assert rules.limits[0].most == (("cpu", 2000),)
    assert rules.labels == {"side": "a"}


def test_a_runtime_class_is_read_with_overhead_selector_and_tolerations() -> None:
    known = Namespaces()
    found = structs.RuntimeClass(
        metadata=structs.ObjectMeta(name="sandbox"),
        overhead={"podFixed": {"cpu": "250m"}},
        scheduling={"nodeSelector": {"runtime": "sandbox"}, "tolerations": [{"key": "batch", "operator": "Exists"}]},
    )
    assert known.set_runtime_class(found, None)
    sandbox = known.runtime_classes["sandbox"]
    assert sandbox.overhead.get("cpu") == 250
    assert sandbox.node_selector[0].key == "runtime"
    assert sandbox.tolerations[0].key == "batch"
