"""A fleet over a month, and replicas that see it late, twice, out of order, with wrong clocks, and that crash."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import msgspec

from stellwerk.economics.ledger.book import Book, Page
from stellwerk.economics.ledger.facts import Billing, Entry, NodeFacts, Party, PodSpan
from stellwerk.economics.ledger.observed import Observed
from stellwerk.economics.ledger.pages import decode, encode
from stellwerk.economics.ledger.rates import SplitMode
from stellwerk.economics.ledger.settling import settle
from stellwerk.model.capacity import Accelerator
from stellwerk.model.resources import Resources

BEGIN = 1_793_000_000
DAY = 86_400
GPU = "nvidia.com/gpu"
H100 = Accelerator("H100", 8, GPU)
OFFERS = Resources.of({"cpu": 192_000, "memory": 2**41, GPU: 8})


def facts(price: int | None, pool: str = "p") -> NodeFacts:
    return NodeFacts(
        Billing("local", pool, currency="EUR" if price else "", price=price, accelerators=8000), OFFERS, (H100,)
    )


@dataclass
class TrueNode:
    uid: str
    name: str
    start: int
    end: int
    prices: list[tuple[int, int]]

    def bill(self, start: int, end: int) -> int:
        """Price times seconds, second by second in principle."""
        total = 0
        moments = [since for since, _ in self.prices] + [10**12]
        for (since, price), until in zip(self.prices, moments[1:], strict=True):
            total += price * max(0, min(end, until, self.end) - max(start, since, self.start))
        return total


@dataclass
class TruePod:
    uid: str
    node: TrueNode
    party: Party
    gpus: int
    start: int
    end: int

    @property
    def span(self) -> PodSpan:
        requests = Resources.of({"cpu": 24_000 * self.gpus, "memory": 2**38 * self.gpus, GPU: self.gpus})
        return PodSpan(self.uid, self.node.name, self.party, requests, self.start)


@dataclass
class Fleet:
    """What really happened."""

    nodes: list[TrueNode]
    pods: list[TruePod]

    @staticmethod
    def random(rng: Random, *, nodes: int, days: int, changes: bool) -> Fleet:
        found, pods = [], []
        for n in range(nodes):
            start = BEGIN + (0 if rng.random() < 0.5 else rng.randrange(days * DAY))
            end = start + rng.randrange(60, days * DAY) if rng.random() < 0.5 else BEGIN + 10 * days * DAY
            prices = [(0, rng.randrange(1, 10**8))]
            while changes and rng.random() < 0.6:
                prices.append((max(prices[-1][0] + 1, BEGIN + rng.randrange(days * DAY)), rng.randrange(1, 10**8)))
            node = TrueNode(f"n{n}", f"node-{n % (nodes - 1 or 1)}" if end < BEGIN else f"node-{n}", start, end, prices)
            found.append(node)
            pods += _pods(rng, node, days)
        return Fleet(found, pods)


def _pods(rng: Random, node: TrueNode, days: int) -> list[TruePod]:
    pods = []
    until = min(node.end, BEGIN + days * DAY)
    for lane in (1, 2, 5):  # devices, one after the other: never more than there are
        at = max(node.start, BEGIN)
        while at < until:
            at += rng.randrange(0, 2 * DAY)
            end = min(until, at + rng.randrange(1, 3 * DAY))
            if at < end:
                team = rng.choice(["a", "b", "c"])
                party = Party(f"team-{team}", "Training", f"w{len(pods) % 7}", f"u-{team}-{len(pods) % 7}", "1")
                pods.append(TruePod(f"{node.uid}-{lane}-{len(pods)}", node, party, lane, at, end))
            at = end
    return pods


@dataclass
class Storage:
    """The API server: pages by name, each with a version."""

    pages: dict[str, tuple[int, bytes, bool]] = field(default_factory=dict)
    writes: int = 0

    def put(self, page: Page, version: int | None, *, full: bool) -> int | None:
        known = self.pages.get(page.name)
        if (None if known is None else known[0]) != version or (known is not None and known[2]):
            return None
        self.writes += 1
        self.pages[page.name] = (self.writes, encode(page), full)
        return self.writes

    @property
    def since(self) -> int:
        """When the ledger began: with the first page that was stored."""
        found = {decode(data).since for _, data, _ in self.pages.values()}
        assert len(found) == 1
        return found.pop()

    def entries(self) -> list[Entry]:
        return [entry for _, data, _ in self.pages.values() for entry in decode(data).entries]


class Replica:
    """One process: it watches from its start on, with a clock of its own."""

    lanes, limit = 2, 4000

    def __init__(self, storage: Storage, fleet: Fleet, now: int, skew: int) -> None:
        self.storage, self.fleet, self.skew = storage, fleet, skew
        self.observed = Observed(now + skew)
        self.told = now
        self._list(now)
        self.load()

    def load(self) -> None:
        self.book = Book("local", self.lanes, self.observed.since)
        self.versions: dict[str, int] = {}
        for name, (version, data, full) in self.storage.pages.items():
            self.book.read(decode(data), full=full)
            self.versions[name] = version

    def _list(self, now: int) -> None:
        for node in self.fleet.nodes:
            if node.start <= now < node.end:
                self._node(node, now)
        for pod in self.fleet.pods:
            if pod.start <= now < pod.end:
                self.observed.see_pod(pod.span, now + self.skew)

    def _node(self, node: TrueNode, at: int) -> None:
        price = [price for since, price in node.prices if since <= at][-1]
        self.observed.see_node(node.uid, node.name, node.start, facts(price), at + self.skew)

    def watch(self, now: int, rng: Random) -> None:
        """Hear of all that happened since it was told last, shuffled and partly twice."""
        happened = []
        for node in self.fleet.nodes:
            happened += [
                ("node", node, at) for at, _ in node.prices if self.told < at <= now and node.start <= at < node.end
            ]
            happened += [("node", node, node.start)] if self.told < node.start <= now else []
            happened += [("node-", node, node.end)] if self.told < node.end <= now else []
        for pod in self.fleet.pods:
            happened += [("pod", pod, pod.start)] if self.told < pod.start <= now else []
            happened += [("pod-", pod, pod.end)] if self.told < pod.end <= now else []
        happened.sort(key=lambda event: (event[2], event[0].endswith("-")))
        streams = [[one for one in happened if one[0].startswith(kind)] for kind in ("node", "pod")]
        rng.shuffle(streams)  # a stream keeps its order, two streams have none
        for stream in streams:
            for event in stream:
                for _ in range(rng.choice((1, 1, 2))):
                    self._tell(*event)
        self.told = now

    def _tell(self, kind: str, what: TrueNode | TruePod, at: int) -> None:
        if kind == "node":
            self._node(what, at)
        elif kind == "node-":
            self.observed.lose_node(what.uid, at + self.skew)
        elif kind == "pod":
            self.observed.see_pod(what.span, at + self.skew)
        else:
            self.observed.lose_pod(what.uid, at + self.skew)

    def write(self, now: int, crash: str = "") -> bool:
        """Book everything up to now; `crash` before or after a write reaches the storage. True if it lives on."""
        until = now + self.skew
        for lane in range(self.lanes):
            nodes = [one for one in self.observed.nodes.values() if self.book.lane_of(one.uid) == lane]
            due = [
                e for one in nodes for e in settle(self.observed, one, self.book.booked(one), until, SplitMode.RESIDUAL)
            ]
            if not due:
                continue
            page = self.book.draft(lane, due)
            full = len(encode(page)) > self.limit
            if crash == "before":
                return False
            version = self.storage.put(page, self.versions.get(page.name), full=full)
            if crash == "after":
                return False
            if version is None:
                self.load()
            else:
                self.versions[page.name] = version
                self.book.commit(page, full=full)
        nodes = self.observed.nodes
        gone = [uid for uid, node in nodes.items() if node.end is not None and self.book.booked(node) >= node.end]
        self.observed.settled(self.book.booked)
        self.book.forget(uid for uid in gone if uid not in self.observed.nodes)
        return True


def check_partition(entries: list[Entry]) -> dict[str, tuple[int, int]]:
    """Every node's entries touch and never overlap, and each is shared out to the micro-unit; returns the ends."""
    ends: dict[str, tuple[int, int]] = {}
    for entry in sorted(entries, key=lambda one: (one.uid, one.start)):
        assert entry.start < entry.end
        assert entry.rest.rate >= 0
        assert entry.rest.accelerators >= 0
        assert sum(line.rate for line in entry.lines) + entry.rest.rate == (entry.billing.price or 0)
        begin, end = ends.get(entry.uid, (entry.start, entry.start))
        assert entry.start == end, (entry.uid, entry.start - end)
        ends[entry.uid] = (begin, entry.end)
    return ends


def spent(fleet: Fleet, entries: list[Entry]) -> dict[Party, int]:
    """Device-seconds that each party should have, from the fleet, minus those that it has."""
    left: dict[Party, int] = {}
    for pod in fleet.pods:
        left[pod.party] = left.get(pod.party, 0) + pod.gpus * (pod.end - pod.start)
    for entry in entries:
        for line in entry.lines:
            party = msgspec.structs.replace(line.party, tenant="")
            left[party] = left.get(party, 0) - line.accelerators * entry.seconds // 1000
    return left
