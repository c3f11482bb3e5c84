"""What the quotas of a namespace leave, and what they demand of each container."""

from __future__ import annotations

import msgspec
import pytest

from stellwerk.api.reasons import Reason
from stellwerk.model.decision import Mode, Rejection
from stellwerk.model.namespaces import NamespaceRules, Quota, Scope, limits_of
from stellwerk.model.podask import ContainerAsk, PodAsk
from stellwerk.model.resources import UNBOUNDED
from stellwerk.model.workload import PodFacts, PodSet, PodShape
from stellwerk.placement.fleet.quota import Allowance, Short, exceeded
from stellwerk.placement.planner import plan
from tests.builders import GIB, NOW, gang, nodes, pool, resources, snapshot

CPU = (("cpu", 1000),)
ASKS = ContainerAsk(requests=CPU)
LIMITED = ContainerAsk(limits=CPU)
SILENT = ContainerAsk()


def told(name: str, ask: PodAsk) -> str | None:
    """What a quota on one name says to such pods."""
    allowance = Allowance({"team": NamespaceRules(quotas=(Quota("q", ((name, 8000),)),))})
    rejection = allowance.violated("team", ask)
    assert rejection is None or rejection.reason == Reason.QUOTA_EXCEEDED
    return None if rejection is None else rejection.change


@pytest.mark.parametrize("name", ["cpu", "requests.cpu"])
def test_a_request_is_stated_by_each_container_as_request_or_limit(name: str) -> None:
    assert told(name, PodAsk((ASKS, LIMITED))) is None
    assert told(name, PodAsk((ASKS, SILENT))) == f"state {name} for each container"
    assert told(name, PodAsk((ASKS,), (SILENT,))) == f"state {name} for each container"


def test_a_limit_is_stated_as_a_limit() -> None:
    assert told("limits.cpu", PodAsk((LIMITED,))) is None
    assert told("limits.cpu", PodAsk((LIMITED, ASKS))) == "state limits.cpu for each container"


def test_what_the_pod_as_a_whole_states_no_container_has_to() -> None:
    assert told("requests.cpu", PodAsk((SILENT,), pod=ASKS)) is None
    assert told("limits.cpu", PodAsk((SILENT,), pod=LIMITED)) is None
    assert told("requests.memory", PodAsk((SILENT,), pod=ASKS)) == "state requests.memory for each container"


def test_a_quota_on_other_things_demands_nothing() -> None:
    assert told("count/pods", PodAsk((SILENT,))) is None
    assert told("requests.nvidia.com/gpu", PodAsk((SILENT,))) is None


def test_a_namespace_without_rules_says_nothing() -> None:
    assert Allowance({}).violated("team", PodAsk((SILENT,))) is None
    assert Allowance({"team": NamespaceRules()}).violated("team", PodAsk((SILENT,))) is None


def rules(*quotas: Quota) -> Allowance:
    return Allowance({"team": NamespaceRules(quotas=quotas)})


POD = PodAsk(containers=(ContainerAsk(requests=(("cpu", 500), ("memory", GIB))),))


def test_a_quota_leaves_what_is_neither_used_nor_taken_and_the_tightest_one_is_told() -> None:
    wide = Quota("wide", (("pods", 20), ("requests.cpu", 9000)), (("pods", 2),))
    tight = Quota("tight", (("requests.cpu", 4000),), (("requests.cpu", 1000),))
    there = rules(wide, tight)
    assert there.room("team", POD) == (6, Short(tight, "requests.cpu", 500, 3000, 4000))
    there.take("team", POD, 2)
    assert there.room("team", POD) == (4, Short(tight, "requests.cpu", 500, 2000, 4000))
    there.take("team", POD, -2)
    there.take("elsewhere", POD, 5)
    assert there.room("team", POD)[0] == 6
    there.take("team", POD, 6)
    assert there.room("team", POD) == (0, Short(tight, "requests.cpu", 500, 0, 4000))


def test_what_is_overused_leaves_nothing_and_not_less() -> None:
    over = Quota("q", (("pods", 2),), (("pods", 5),))
    assert rules(over).room("team", POD) == (0, Short(over, "pods", 1, 0, 2))


def test_quotas_on_other_things_other_pods_and_other_namespaces_limit_nothing() -> None:
    other = Quota("q", (("requests.nvidia.com/gpu", 0), ("limits.cpu", 0)))
    ending = Quota("scoped", (("pods", 0),), scopes=(Scope("Terminating"),))
    assert rules(other, ending).room("team", POD) == (UNBOUNDED, None)
    assert rules(Quota("q", (("pods", 0),))).room("else", POD) == (UNBOUNDED, None)
    assert rules(Quota("q", (("pods", 0),))).room("team", None) == (UNBOUNDED, None)
    scoped = rules(ending)
    scoped.take("team", POD, 3)
    ends = msgspec.structs.replace(POD, ends=True)
    assert scoped.room("team", ends)[0] == 0
    counted = rules(Quota("scoped", (("pods", 4),), scopes=(Scope("NotTerminating"),)))
    counted.take("team", ends, 3)
    assert counted.room("team", POD)[0] == 4, "pods that do not count take nothing of it"


def test_what_is_too_little_is_told_in_numbers_with_what_to_wait_for_or_to_raise() -> None:
    quota = Quota("q", (("pods", 10),))
    soon = exceeded("team", Short(quota, "pods", 2, 3, 10), 4)
    assert soon == Rejection(
        Reason.QUOTA_EXCEEDED,
        "quota q of namespace team leaves 3 pods of 10 pods, and 8 pods are needed",
        "wait until pods of namespace team end, or raise quota q to 15 pods",
        permanent=False,
        effort=5,
    )
    never = exceeded("team", Short(quota, "pods", 2, 3, 10), 6)
    assert (never.permanent, never.change, never.effort) == (True, "raise quota q of namespace team to 12 pods", 9)
    unused = exceeded("team", Short(quota, "pods", 2, 10, 10), 6)
    assert (unused.permanent, unused.change, unused.effort) == (True, "raise quota q of namespace team to 12 pods", 2)
    just = exceeded("team", Short(quota, "pods", 2, 3, 10), 5)
    assert just.permanent is False


def test_namespaces_tell_workloads_apart_only_where_they_have_rules() -> None:
    asked = msgspec.structs.replace(gang(), facts=PodFacts((), POD))
    assert rules(Quota("q", (("pods", 1),))).concern(asked) == ("team", (POD,))
    assert rules(Quota("q", (("pods", 1),))).concern(gang()) == ("team", ())
    assert rules().concern(asked) is None
    assert Allowance({}).concern(asked) is None
    limits = limits_of("small", {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]})
    assert Allowance({"team": NamespaceRules(limits=limits)}).concern(asked) is not None


def test_what_a_quota_wants_stated_is_told_by_name_with_the_quota() -> None:
    silent = PodAsk(containers=(SILENT,))
    assert rules(Quota("q", (("limits.memory", 1),))).violated("team", silent) == Rejection(
        Reason.QUOTA_EXCEEDED,
        "quota q of namespace team wants each container to state limits.memory",
        "state limits.memory for each container",
    )
    scoped = Quota("scoped", (("limits.memory", 1),), scopes=(Scope("Terminating"),))
    assert rules(scoped).violated("team", silent) is None
    assert rules(scoped).violated("team", None) is None


def test_a_gang_that_cannot_have_all_its_sets_gives_its_quota_back() -> None:
    """The second set finds no room after the first was placed: nothing of the quota may stay taken."""
    facts = PodFacts((), POD)
    sets = tuple(
        PodSet(name, 1, PodShape(resources(cpu="60", memory="8Gi", pods=1)), facts=facts) for name in ("one", "two")
    )
    broken = msgspec.structs.replace(gang("broken", gpus=1, priority=1, others=sets), facts=facts)
    fits = msgspec.structs.replace(gang("fits", replicas=3, gpus=1), facts=facts)
    seen = snapshot([pool()], nodes(1), namespaces={"team": NamespaceRules(quotas=(Quota("q", (("pods", 3),)),))})
    assert [one.mode for one in plan([broken, fits], seen, NOW, 1).decisions] == [Mode.WAIT, Mode.FIT]
