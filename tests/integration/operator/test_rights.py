"""The role in deploy/ is the least that the operator needs: no wildcard, no secret, no verb without a use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests import operator_process
from tests.faults.proxy import FaultProxy
from tests.faults.rules import DropReply, Fault, Match, Seen
from tests.integration.operator import objects
from tests.integration.operator.conftest import Ground
from tests.integration.operator.replicas import HURRIED, PATIENT
from tests.integration.operator.site import Site
from tests.operator_process import Operator
from tests.testbed.waiting import eventually

Rights = set[tuple[str, str, str]]
"""API group, resource with subresource, verb."""

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_PATH = re.compile(
    r"^/(?:api|apis/(?P<group>[^/]+))/v\w+(?:/namespaces/[^/]+)?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>\w+))?$"
)


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((operator_process.ROOT / "deploy" / "rbac.yaml").read_text()))


def rules() -> Iterator[dict[str, Any]]:
    for document in documents():
        yield from document.get("rules", ())


def granted() -> Rights:
    return {
        (group, resource, verb)
        for rule in rules()
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(seen: Seen) -> tuple[str, str, str] | None:
    """The right that a request needs; None for paths that are no resource, such as discovery."""
    found = _PATH.match(seen.path)
    if found is None:
        return None
    resource = found["plural"] + (f"/{found['sub']}" if found["sub"] else "")
    reading = "watch" if seen.is_watch else "get" if found["name"] else "list"
    return found["group"] or "", resource, _VERBS.get(seen.method, reading)


def test_the_role_has_no_wildcard_no_secret_and_no_escalation() -> None:
    for rule in rules():
        everything = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert not [word for word in everything if "*" in word], rule
        assert not {"secrets", "serviceaccounts", "roles", "clusterroles"} & set(rule["resources"]), rule
        assert not {"escalate", "bind", "impersonate", "deletecollection"} & set(rule["verbs"]), rule
        assert "delete" not in rule["verbs"] or rule["resources"] in (["jobs"], ["configmaps"]), rule
    whole = [rule for one in documents() if one["kind"] == "ClusterRole" for rule in one["rules"]]
    assert not [rule for rule in whole if "configmaps" in rule["resources"]], "only those of the operator's namespace"
    assert "nodes" not in {resource for _, resource, verb in granted() if verb in ("patch", "update", "create")}


def test_the_account_can_do_what_the_role_says_and_no_more(site: Site, operator: Operator) -> None:
    account = f"system:serviceaccount:{operator_process.NAMESPACE}:{operator_process.SERVICE_ACCOUNT}"

    def can(verb: str, resource: str) -> bool:
        return site.kubectl.run("auth", "can-i", verb, resource, "--as", account).returncode == 0

    listed = site.kubectl("auth", "can-i", "--list", "--as", account)
    assert "aiworkloads.stellwerk.dev/status" in listed
    assert can("patch", "jobs.batch")
    assert not can("get", "secrets")
    assert can("delete", "jobs.batch")
    assert not can("delete", "aiworkloads.stellwerk.dev")
    assert not can("delete", "pods")
    assert not can("list", "configmaps")
    assert not can("patch", "aiworkloads.stellwerk.dev")
    assert not can("patch", "nodes")
    assert not can("create", "pods")
    assert not can("*", "*")


def test_every_right_is_used_and_nothing_is_forbidden(
    ground: Ground, fault_site: Site, proxy: FaultProxy, proxied: Path, start: Callable[..., Operator]
) -> None:
    site = fault_site
    lease = "/apis/coordination.k8s.io/v1/namespaces/stellwerk-system/leases/stellwerk"
    ground.cluster.kubectl("delete", "lease", "stellwerk", "-n", "stellwerk-system", "--ignore-not-found")
    ground.cluster.kubectl("delete", "configmaps", "--all", "-n", "stellwerk-system")  # so that a page has to be made
    for path in (
        "/aiworkloads/.*/status$",
        "/jobs$",
        "/placementpolicies/.*/status$",
        "/computepools/.*/status$",
        "/tenants/.*/status$",
    ):
        proxy.inject(Fault(Match(write=True, path=path), DropReply(), times=1))  # so that it must look
    proxy.inject(Fault(Match(method="POST", path="/aiworkloads$"), DropReply(), times=1))
    proxy.inject(Fault(Match(write=True, path="/configmaps"), DropReply(), times=1))
    proxy.inject(Fault(Match(method="DELETE", path="/jobs/"), DropReply(), times=1))
    ledger = {"LEDGER__WRITE_SECONDS": "1", "LEDGER__EXTEND_SECONDS": "2"}
    operator = start(proxied, **PATIENT, **HURRIED, **ledger)
    eventually(operator.leads)
    tenant = {"apiVersion": "stellwerk.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": site.name}}
    site.kubectl("apply", "-f", "-", stdin=json.dumps({**tenant, "spec": {}}))
    site.growing("dry", provision="2s", price={"perNodeHour": "8", "currency": "EUR"})
    site.workload("starved", gpus=8)  # gives its place up, and its Job
    site.waits("starved", "StockedOut")
    site.pool()
    site.delete("aiworkloads", "starved")
    site.workload("train", gpus=4, steer={"duration": "2s"})
    site.submit(objects.user_job("nightly", site.name, gpus=4))
    site.ended("train")
    site.running("nightly")
    site.patch("placementpolicies", site.name, {"spec": {"restartOverhead": "6m"}})

    def all_used() -> bool:
        needed = {right for one in list(proxy.seen) if (right := used(one))}
        missing = granted() - needed - REPEATED
        assert not missing, f"granted and not used: {sorted(missing)}"
        return True

    eventually(all_used)
    assert site.api.get(lease)["spec"]["holderIdentity"] == operator.name
    needed = {right for one in list(proxy.seen) if (right := used(one))}
    assert needed - granted() == set(), "asked for more than is granted"
    assert not [line for line in operator.lines() if " cannot " in str(line)], "the API server said so"


REPEATED: Rights = {
    ("", "events", "patch"),
    ("", "pods", "patch"),
    ("", "configmaps", "delete"),
    ("batch", "jobs/status", "patch"),
}
"""Used only when the same thing happens again after minutes (tests/integration/cluster shows it), where pods need a
certain node (test_seats.py shows it), where pages of the ledger are more than 35 days old, and on Kubernetes before
1.36, which keeps the start time of a suspended Job."""
