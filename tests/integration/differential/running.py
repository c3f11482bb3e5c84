"""Many rounds: worlds are made, asked and cleared in batches that share one cluster."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.integration.differential import gangs
from tests.integration.differential.bed import CLEARED, Bed
from tests.integration.differential.disagreeing import Disagreement
from tests.integration.differential.judging import Gang, Round, Trial
from tests.integration.differential.places import Object, Place
from tests.integration.differential.wider import widen
from tests.integration.differential.worlds import TIGHT, World, world_of

ROUNDS_PER_WORLD: Final = 3
BINDS: Final = 45.0
"""Seconds in which what fits must be bound; kube-scheduler needs milliseconds, but the machine may be busy."""
TELLS: Final = 30.0
"""Seconds in which kube-scheduler must say something of every pod of an attempt."""
HELPED: Final = 2.5
"""Seconds in which a pod that another one helps must be bound: kube-scheduler tries it again after one."""


@dataclass
class Figures:
    """What came out of it."""

    worlds: int = 0
    rounds: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    pods_bound: int = 0
    attempts: int = 0
    """At binding in one pool what `plan()` had no place for."""
    late: int = 0
    """Gangs that had to wait for a cycle: others of the round left the room that they were given."""
    disagreements: list[Disagreement] = field(default_factory=list)

    def add(self, done: Round) -> None:
        """Count a round."""
        self.rounds += 1
        for decision in done.plan.decisions:
            self.decisions[decision.mode.wire] += 1
            self.reasons[str(decision.reason)] += 1
        self.pods_bound += sum(len(gang.pods) for gang in done.gangs)
        self.late += done.late
        self.disagreements += done.disagreements


class Runner:
    """Runs worlds on a bed.

    Args:
        bed: the cluster.
        seed: of everything; the same seed gives the same worlds and gangs, whatever the number of places.
        figures: where results are counted.

    Attributes:
        tight: part of the worlds in which gangs compete for the same nodes.

    """

    def __init__(self, bed: Bed, seed: int, figures: Figures) -> None:
        self._bed, self._seed, self._figures = bed, seed, figures
        self.tight = TIGHT

    def run(self, worlds: range, told: Callable[[Figures], None] = lambda _: None) -> Figures:
        """Run these worlds, a batch after the other; `told` hears of progress after each."""
        places = self._bed.places
        numbers = list(worlds)
        for start in range(0, len(numbers), len(places)):
            self._batch(list(zip(places, numbers[start : start + len(places)], strict=False)))
            told(self._figures)
        return self._figures

    def _batch(self, chosen: list[tuple[Place, int]]) -> None:
        bed = self._bed
        randoms = {number: Random(f"{self._seed}/{number}") for _, number in chosen}
        worlds = {number: world_of(place, randoms[number], self.tight) for place, number in chosen}
        bed.each(bed.build, worlds.values())
        for turn in range(ROUNDS_PER_WORLD):
            rounds = [self._ask(worlds[number], number, turn, randoms[number]) for _, number in chosen]
            self._play(rounds, randoms)
            for one in rounds:
                self._figures.add(one)
        self._figures.worlds += len(chosen)
        bed.each(bed.clear, [place for place, _ in chosen])
        self._wait(lambda: all(bed.gone(name)() for place, _ in chosen for name in place.namespaces), "pods are gone")

    def _ask(self, world: World, number: int, turn: int, random: Random) -> Round:
        made: list[Object] = []
        for index in range(random.choice((2, 3, 4, 5) if world.tight else (1, 2, 3, 4))):
            kind = gangs.template_of if random.random() < 0.4 else gangs.job_of
            kind = gangs.tight_of if world.tight else kind
            made.append(widen(kind(world, f"g{turn}{index}", random), world, random))
        return Round(self._bed, world, (number, turn), made)

    def _play(self, rounds: list[Round], randoms: dict[int, Random]) -> None:
        bed = self._bed
        bed.each(lambda one: one.decide(), rounds)
        bed.watch.until(lambda: all(one.settled() for one in rounds), BINDS)
        for one in rounds:
            one.judge_fits()
        self._attempt(rounds)
        leaving = [
            (gang.namespace, name)
            for one in rounds
            for gang in one.gangs
            if randoms[one.numbers[0]].random() < 0.5
            for name in gang.names
        ]
        bed.each(lambda pod: rounds[0]._remove(*pod), leaving)
        self._wait(lambda: all(bed.gone(space, [name])() for space, name in leaving), "pods are gone")

    def _attempt(self, rounds: list[Round]) -> None:
        """Try what has no place, pool after pool, in all worlds at the same time."""
        bed = self._bed
        waiting = [one.trials() for one in rounds]
        while any(waiting):
            chosen = [trial for trials in waiting for trial in _at_once(trials)]
            now = bed.each(lambda trial: (trial.round, trial.begin()), chosen)
            self._figures.attempts += len(now)
            self._watch(now)
            bed.each(lambda pair: pair[0].judge_trial(pair[1]), now)
            self._wait(lambda now=now: all(bed.gone(g.namespace, g.names)() for _, g in now), "pods are gone")  # type: ignore[misc]
            bed.each(lambda one: one.judge_doubts(), rounds)

    def _watch(self, now: list[tuple[Round, Gang]]) -> None:
        watch = self._bed.watch
        if not watch.until(lambda: all(one.tried(gang) for one, gang in now), TELLS):
            silent = next(gang for one, gang in now if not one.tried(gang))
            seen = [self._bed.api.get(f"/api/v1/namespaces/{silent.namespace}/pods/{name}") for name in silent.names]
            raise AssertionError(f"kube-scheduler said nothing of {seen} within {TELLS:g} s")
        helped = [(one, gang) for one, gang in now if gang.sociable and not gang.refused]
        if any(not one.bound(gang) for one, gang in helped):
            watch.until(lambda: all(one.bound(gang) for one, gang in helped), HELPED)

    def _wait(self, met: Callable[[], bool], what: str) -> None:
        if not self._bed.watch.until(met, CLEARED):
            raise AssertionError(f"{what}: not so within {CLEARED:g} s")


def _at_once(trials: list[Trial]) -> list[Trial]:
    """Take those attempts of one world out of the list that can be made at the same time."""
    if not trials:
        return []
    first = trials.pop(0)
    chosen = {first.pool: first}
    for trial in [one for one in trials if first.alone and one.alone]:
        if trial.pool not in chosen and trial.gang not in {one.gang for one in chosen.values()}:
            chosen[trial.pool] = trial
            trials.remove(trial)
    return list(chosen.values())


def estimate(done: int, wanted: int, since: float) -> str:
    """Say how long the rest will take."""
    passed = time.monotonic() - since
    return f"{passed:.0f} s, about {passed / max(1, done) * (wanted - done):.0f} s to go"
