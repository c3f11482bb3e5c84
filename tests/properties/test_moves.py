"""However pods come and go: no accelerator twice, gangs whole, nobody robbed, nobody moved too often.

Fleets live through many cycles here: plans are carried out as the operator would, pods are bound as kube-scheduler
would, and those that must go take their time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.model.decision import Mode, Move, MoveKind, Plan
from stellwerk.model.placement import PlacedSet, Placement, seats
from stellwerk.model.resources import Resources
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import PodSet, PodShape, Workload
from stellwerk.placement.planner import plan
from tests.builders import GPU, NOW, gang, nodes, policy, pool, resources, snapshot

CAP = 2
MOVING = {"preempts": True, "migrates": True, "max_moves_per_hour": CAP, "minimum_saving": 0}
RULES = (policy(**MOVING), policy("loyal", providers=("onprem",), **MOVING))
"""Who is loyal stays in the dear pool, whatever the cheap one would save."""
STEP = timedelta(minutes=7)
LOADER = PodSet("loader", 2, PodShape(resources(cpu="12", memory="8Gi", pods=1)))
"""What some gangs have beside their main pods."""


@dataclass
class Life:
    """A workload and its pods."""

    workload: Workload
    placement: Placement | None = None
    pods: list[str] = field(default_factory=list)
    """Node of each pod, by index."""
    beside: list[str] = field(default_factory=list)
    """Node of each pod of the further pod set."""
    since: int = 0
    changed: int | None = None

    @property
    def leaving(self) -> bool:
        return self.placement is None and bool(self.pods or self.beside)

    @property
    def settled(self) -> bool:
        place = self.placement
        return place is not None and (len(self.pods), len(self.beside)) == (place.replicas, self.loaders)

    @property
    def loaders(self) -> int:
        return sum(one.replicas for one in self.workload.others)

    @property
    def request(self) -> Resources:
        gpus = self.workload.accelerators[0].count
        return self.workload.pod.requests + Resources.of({GPU: gpus})

    @property
    def uses(self) -> list[tuple[str, Resources]]:
        return [*((node, self.request) for node in self.pods), *((node, LOADER.pod.requests) for node in self.beside)]


@dataclass
class World:
    """A fleet over time."""

    lives: dict[str, Life]
    cheap: int
    dear: int
    step: int = 0
    moved: dict[str, list[int]] = field(default_factory=lambda: {rule.name: [] for rule in RULES})
    """Steps in which something was moved, by policy."""

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.nodes)

    @property
    def nodes(self) -> tuple:  # type: ignore[type-arg]
        return (*nodes(self.cheap, "cheap"), *nodes(self.dear, "dear"))

    def moment(self, step: int) -> str:
        return (NOW + step * STEP).strftime("%Y-%m-%dT%H:%M:%SZ")

    def usage(self) -> dict[str, Resources]:
        used: dict[str, Resources] = {}
        for life in self.lives.values():
            for node, request in life.uses:
                used[node] = used.get(node, Resources()) + request
        return used

    def running(self, life: Life) -> Running:
        counted = Counter(life.pods), Counter(life.beside)
        requests = (life.request, LOADER.pod.requests)
        return Running(
            life.workload,
            life.placement,
            tuple((node, pods) for one in counted for node, pods in sorted(one.items())),
            tuple(
                (node, each * pods)
                for one, each in zip(counted, requests, strict=True)
                for node, pods in sorted(one.items())
            ),
            self.moment(life.since),
            "" if life.changed is None else self.moment(life.changed),
            tuple((index, node, life.request) for index, node in enumerate(life.pods)),
            settled=life.settled,
            leaving=life.leaving,
        )

    def look(self) -> tuple[list[Workload], Snapshot]:
        pending = [life.workload for life in self.lives.values() if life.placement is None and not life.leaving]
        seen = snapshot(
            [pool("cheap", price="16", provider="aws"), pool("dear", price="32")],
            self.nodes,
            policies=RULES,
            usage=self.usage(),
            running=tuple(self.running(life) for uid, life in sorted(self.lives.items()) if life.uses),
            moved={name: tuple(map(self.moment, steps)) for name, steps in self.moved.items()},
        )
        return pending, seen

    def cycle(self) -> Plan:
        pending, seen = self.look()
        made = plan(pending, seen, NOW + self.step * STEP, self.step, settle=True)
        for move in made.moves:
            self.judge(move)
            self.carry_out(move)
        for decision in made.decisions:
            life = self.lives[decision.uid]
            if decision.mode is Mode.FIT and decision.chosen is not None:
                life.placement, life.since = decision.chosen, self.step
                self.bind(life, decision.chosen.replicas)
                assert [one.replicas for one in decision.chosen.pod_sets] == [
                    one.replicas for one in life.workload.others
                ]
        self.step += 1
        return made

    def judge(self, move: Move) -> None:
        """Nobody is moved who must not be."""
        life = self.lives[move.uid]
        assert life.settled, "who has no place or is on the move is left alone"
        if move.kind in (MoveKind.PREEMPT, MoveKind.SHRINK):
            assert life.workload.preemptible
            assert life.workload.priority < self.lives[move.cause].workload.priority
        if move.kind is MoveKind.MIGRATE:
            assert life.workload.movable
        if move.kind in (MoveKind.SHRINK, MoveKind.GROW):
            assert move.placement is not None
            assert life.workload.min_replicas is not None
            assert life.workload.min_replicas <= move.placement.replicas <= life.workload.replicas

    def carry_out(self, move: Move) -> None:
        life = self.lives[move.uid]
        if move.kind in (MoveKind.PREEMPT, MoveKind.MIGRATE):
            life.placement = None
            self.moved[life.workload.policy] += [self.step] if move.kind is MoveKind.MIGRATE else []
            return
        assert move.placement is not None
        life.placement, life.changed = move.placement, self.step
        if move.kind is MoveKind.GROW:
            self.bind(life, move.placement.replicas)

    def bind(self, life: Life, pods: int) -> None:
        """As kube-scheduler does: on nodes of the pool with room, the preferred ones first; there must be room."""
        assert life.placement is not None
        self.seat(life, life.pods, life.placement, pods)
        for placed in life.placement.pod_sets:
            self.seat(life, life.beside, placed, placed.replicas)

    def seat(self, life: Life, there: list[str], place: Placement | PlacedSet, pods: int) -> None:
        members = [node for node in self.nodes if node.labels["pool"] == place.pool]
        rank = {name: at for at, name in enumerate(place.preferred_nodes)}
        members.sort(key=lambda node: (rank.get(node.name, len(rank)), node.name))
        told = [node for node, count in seats(place) for _ in range(count)] if place.nodes_required else []
        request = life.request if there is life.pods else LOADER.pod.requests
        while len(there) < pods:
            used = self.usage()
            free = [one.name for one in members if request.fits_in(one.allocatable - used.get(one.name, Resources()))]
            home = next((name for name in free if not told or name == told[len(there)]), None)
            assert home is not None, f"{life.workload.key} was given room that is not there"
            there.append(home)

    def let_go(self) -> None:
        """Pods that must go are gone."""
        for life in self.lives.values():
            del life.pods[life.placement.replicas if life.placement else 0 :]
            del life.beside[life.loaders if life.placement else 0 :]

    def check(self) -> None:
        """S1, S2 and S5, at any moment."""
        used = self.usage()
        for node in self.nodes:
            assert used.get(node.name, Resources()).fits_in(node.allocatable), f"{node.name} is booked twice"
        for life in self.lives.values():
            if life.placement is not None:
                assert len(life.pods) >= life.placement.replicas, "a gang is whole"
                assert len(life.beside) == life.loaders, "with all its pod sets"
                pools = {life.placement.pool, *(one.pool for one in life.placement.pod_sets)}
                assert life.workload.policy != "loyal" or pools == {"dear"}, "a rule holds wherever its pods go"
        for steps in self.moved.values():
            recent = [step for step in steps if (self.step - 1 - step) * STEP < timedelta(hours=1)]
            assert len(recent) <= CAP, "too many moves within an hour"


def crowd(dice: Random) -> dict[str, Life]:
    """Some workloads, of all kinds."""
    found = {}
    for number in range(dice.randint(4, 9)):
        replicas = dice.randint(1, 3)
        made = gang(
            f"w{number}",
            replicas,
            dice.choice([1, 2, 4, 8]),
            priority=dice.choice([0, 0, 5, 9]),
            min_replicas=dice.choice([None, 1, dice.randint(1, replicas)]),
            preemptible=dice.random() < 0.8,
            movable=dice.random() < 0.8,
            expected_runtime_s=864_000,
            checkpoint_interval_s=dice.choice([None, 600]),
            others=dice.choice([(), (LOADER,)]),
            policy="loyal" if dice.random() < 0.2 else "default",
        )
        found[made.uid] = Life(made)
    return found


EVENTS = ["cycle"] * 6 + ["late"] * 3 + ["go"] * 3 + ["end"] * 2
SEEDS = st.integers(0, 2**32)
"""What hypothesis draws by itself are small fleets in which nobody competes."""


def lived(seed: int) -> tuple[World, Counter[tuple[str, int]]]:
    """Let a fleet live and check it at every step; returns it, and how often what of how many pod sets moved how."""
    dice = Random(seed)
    waiting = crowd(dice)
    world = World({}, dice.randint(0, 2), dice.randint(1, 2))
    moves: Counter[tuple[str, int]] = Counter()
    for _ in range(40):
        kind = dice.choice(EVENTS)
        if kind == "cycle":
            made = world.cycle().moves
            moves.update((move.kind.value, 1 + len(world.lives[move.uid].workload.others)) for move in made)
        elif kind == "late" and waiting:
            uid = dice.choice(sorted(waiting))
            world.lives[uid] = waiting.pop(uid)
        elif kind == "end" and world.lives:
            del world.lives[dice.choice(sorted(world.lives))]
        elif kind == "go":
            world.let_go()
        world.check()
    return world, moves


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_fleets_stay_sound_through_all_moves(seed: int) -> None:
    lived(seed)


def test_these_fleets_move_in_every_way_and_gangs_of_several_pod_sets_too() -> None:
    total: Counter[tuple[str, int]] = Counter()
    for seed in range(200):
        total += lived(seed)[1]
        if {kind for kind, sets in total if sets > 1} == {kind.value for kind in MoveKind}:
            return
    raise AssertionError(f"only {total}")


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_with_nothing_new_moves_come_to_an_end(seed: int) -> None:
    """And everybody who was promised room has got it."""
    world, _ = lived(seed)
    for _ in range(30):
        made = world.cycle()
        world.let_go()
        world.check()
        if not made.moves and all(one.mode is not Mode.PREEMPT for one in made.decisions):
            return
    raise AssertionError("moves without end")
