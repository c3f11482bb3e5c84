"""What pods demand of their neighbours, and what namespaces allow, holds wherever a plan puts them: worked out anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.model.decision import Mode, Plan
from stellwerk.model.namespaces import NamespaceRules, quota_of
from stellwerk.model.podask import ask_of
from stellwerk.model.podrules import HostPort, Neighbour, PodRules, Spread, Term, selector_of
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import PodFacts, PodShape, Workload
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, node, pool, resources, snapshot

HOST = "kubernetes.io/hostname"
RACK = "rack"
APPS = ("web", "train", "db")
NODES = ("a", "b", "c", "d")
some = settings(max_examples=40, deadline=None)

Pod = tuple[str, str, PodRules]
"""Its node, the value of its label `app`, and what it demands."""


def meaning(app: str) -> Any:
    return selector_of({"matchLabels": {"app": app}})


terms = st.builds(
    lambda key, app: Term(key, meaning(app), ("team",)), st.sampled_from([HOST, RACK]), st.sampled_from(APPS)
)
demands = st.one_of(
    st.just(PodRules()),
    st.builds(lambda port: PodRules(ports=(HostPort(port),)), st.integers(80, 81)),
    st.builds(lambda term: PodRules(anti_affinity=(term,)), terms),
    st.builds(lambda one, two: PodRules(anti_affinity=(one, two)), terms, terms),
    st.builds(lambda term: PodRules(affinity=(term,)), terms),
    st.builds(
        lambda key, app, skew: PodRules(spread=(Spread(skew, key, meaning(app)),)),
        st.sampled_from([HOST, RACK]),
        st.sampled_from(APPS),
        st.integers(1, 2),
    ),
)


@st.composite
def gangs(draw: st.DrawFn, number: int) -> Workload:
    """Draw a gang of pods of one core whose label and demands may be in the way of others."""
    app, rules = draw(st.sampled_from(APPS)), draw(demands)
    ask = ask_of({"containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}}]})
    made = gang(f"w{number}", draw(st.integers(1, 3)), 0, priority=draw(st.integers(0, 1)))
    shape = PodShape(ask.requests, rules=rules or None)
    return msgspec.structs.replace(made, pod=shape, facts=PodFacts((("app", app),), ask))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Snapshot, tuple[Workload, ...]]:
    """Draw four nodes in at most two racks, pods that run there, and up to four gangs."""
    racks = [draw(st.sampled_from(["r1", "r2"])) for _ in NODES]
    rooms = [draw(st.integers(0, 4)) for _ in NODES]
    members = [
        node(name, labels={RACK: rack}, allocatable=resources(cpu=room, memory="64Gi", pods=110))
        for name, rack, room in zip(NODES, racks, rooms, strict=True)
    ]
    there = tuple(
        Neighbour(
            "team", {"app": draw(st.sampled_from(APPS))}, draw(st.sampled_from(NODES)), rules.ports, rules.anti_affinity
        )
        for rules in draw(st.lists(demands, max_size=3))
    )
    quota = draw(st.none() | st.integers(1, 6))
    rules = (
        {} if quota is None else {"team": NamespaceRules(quotas=(quota_of("q", {"hard": {"pods": str(quota)}}, {}),))}
    )
    seen = snapshot([pool(accelerator=None)], members, neighbours=there, namespaces=rules)
    return seen, tuple(draw(gangs(number)) for number in range(draw(st.integers(1, 4))))


def placed(made: Plan, asked: tuple[Workload, ...]) -> Iterator[tuple[Workload, list[Pod]]]:
    """Yield each gang that was placed, in the order of the plan, with its pods where they would go."""
    by_uid = {one.uid: one for one in asked}
    for decision in made.decisions:
        if decision.mode is Mode.FIT and decision.chosen is not None:
            workload, place = by_uid[decision.uid], decision.chosen
            assert workload.facts is not None
            app = dict(workload.facts.labels)["app"]
            rules = workload.pod.rules or PodRules()
            spots = zip(place.preferred_nodes, place.pods_per_node, strict=True)
            yield workload, [(name, app, rules) for name, pods in spots for _ in range(pods)]


def everybody(seen: Snapshot, made: Plan, asked: tuple[Workload, ...]) -> list[Pod]:
    running = [
        (one.node, one.labels["app"], PodRules(ports=one.ports, anti_affinity=one.anti_affinity))
        for one in seen.neighbours
    ]
    return [*running, *(pod for _, pods in placed(made, asked) for pod in pods)]


def means(term: Term | Spread, app: str) -> bool:
    return term.selector == meaning(app)


def plans(scene: tuple[Snapshot, tuple[Workload, ...]]) -> tuple[Snapshot, Plan, tuple[Workload, ...]]:
    seen, asked = scene
    return seen, plan(asked, seen, NOW, 1, looks=0), asked


@some
@given(scenes())
def test_no_new_pod_shares_a_port_or_a_domain_with_one_that_must_be_away(
    scene: tuple[Snapshot, tuple[Workload, ...]],
) -> None:
    seen, made, asked = plans(scene)
    labels = {one.name: one.labels for one in seen.nodes}
    everyone = everybody(seen, made, asked)
    old = len(seen.neighbours)
    for at, (where, app, rules) in enumerate(everyone):
        for other, (there, its_app, its_rules) in enumerate(everyone):
            if at == other or max(at, other) < old:
                continue  # what runs already is as it is
            assert not (where == there and set(rules.ports) & set(its_rules.ports))
            for term in rules.anti_affinity:
                if means(term, its_app):
                    assert labels[where][term.topology_key] != labels[there][term.topology_key], (app, its_app)


@some
@given(scenes())
def test_who_wants_others_near_has_one_in_each_of_its_domains(
    scene: tuple[Snapshot, tuple[Workload, ...]],
) -> None:
    seen, made, asked = plans(scene)
    labels = {one.name: one.labels for one in seen.nodes}
    everyone = everybody(seen, made, asked)
    bound = everyone[: len(seen.neighbours)]
    for _, pods in placed(made, asked):
        for term in pods[0][2].affinity:
            wanted = {labels[there][term.topology_key] for there, app, _ in everyone if means(term, app)}
            mine = {labels[where][term.topology_key] for where, _, _ in pods}
            assert mine <= wanted, "if it is of that kind itself, it counts"
            if not any(means(term, app) for _, app, _ in bound):
                assert len(mine) == 1, "until what it wants near is bound, each of its pods may be the first"


@some
@given(scenes())
def test_pods_lie_as_even_as_the_last_of_them_demands(scene: tuple[Snapshot, tuple[Workload, ...]]) -> None:
    """The spread of the gang that was placed last holds over all pods: nobody came after it."""
    seen, made, asked = plans(scene)
    labels = {one.name: one.labels for one in seen.nodes}
    everyone = everybody(seen, made, asked)
    gangs_placed = list(placed(made, asked))
    for workload, pods in gangs_placed if len(gangs_placed) == 1 else ():
        rules = workload.pod.rules or PodRules()
        for spread in rules.spread:
            counts = Counter({one[spread.topology_key]: 0 for one in labels.values()})
            counts.update(labels[there][spread.topology_key] for there, app, _ in everyone if means(spread, app))
            mine = {labels[where][spread.topology_key] for where, _, _ in pods}
            own = any(means(spread, app) for _, app, _ in pods)
            least = min(counts.values())
            assert all(counts[value] - least <= spread.max_skew for value in mine) or not own


@some
@given(scenes())
def test_no_namespace_gets_more_than_its_quota(scene: tuple[Snapshot, tuple[Workload, ...]]) -> None:
    seen, made, asked = plans(scene)
    pods = sum(len(found) for _, found in placed(made, asked))
    rules = seen.namespaces.get("team")
    assert rules is None or pods <= dict(rules.quotas[0].hard)["pods"]


@some
@given(scenes())
def test_no_node_holds_more_than_it_has_and_no_gang_is_split(scene: tuple[Snapshot, tuple[Workload, ...]]) -> None:
    seen, made, asked = plans(scene)
    taken = Counter(where for _, pods in placed(made, asked) for where, _, _ in pods)
    assert all(taken[one.name] * 1000 <= one.allocatable.get("cpu") for one in seen.nodes)
    assert all(len(pods) == workload.replicas for workload, pods in placed(made, asked))


@some
@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_nodes_neighbours_and_gangs_changes_nothing(
    scene: tuple[Snapshot, tuple[Workload, ...]], order: Any
) -> None:
    seen, made, asked = plans(scene)
    mixed = [list(seen.nodes), list(seen.neighbours), list(asked)]
    for one in mixed:
        order.shuffle(one)
    other = msgspec.structs.replace(seen, nodes=tuple(mixed[0]), neighbours=tuple(mixed[1]))
    assert plan(mixed[2], other, NOW, 1, looks=0) == made
