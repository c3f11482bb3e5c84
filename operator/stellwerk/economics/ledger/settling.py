"""From what was seen to entries: a node's time is cut where anything changes, and each piece is shared out once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from stellwerk.economics.ledger.facts import Entry, Line, NodeFacts, NodeSpan, Part, Party, PodSpan
from stellwerk.economics.ledger.observed import Observed
from stellwerk.economics.ledger.rates import SplitMode, lines_of
from stellwerk.model.resources import Resources


def settle(observed: Observed, node: NodeSpan, start: int, until: int, mode: SplitMode) -> Iterator[Entry]:
    """Return the entries of a node from `start` to `until`, in order and without gaps between them.

    Time before `observed.since` was seen by nobody: pods that are still there count from when they were bound, and what
    nobody is known to have had is marked as not seen instead of idle.

    Args:
        observed: What was seen.
        node: The node; nothing is booked before its life begins or after it ends.
        start: Up to here it is booked already, or its life begins here (`Book.booked`).
        until: Up to here what was seen is complete.
        mode: How prices are split.
    """
    end = until if node.end is None else min(until, node.end)
    if start >= end:
        return
    pods = [pod for pod in observed.pods_on(node.name) if pod.start < end and (pod.end is None or pod.end > start)]
    before: Entry | None = None
    for since, till in _pieces(_cuts(observed, node, pods), start, end):
        entry = _entry(observed, node, [pod for pod in pods if pod.covers(since)], (since, till), mode)
        if before is not None and entry.continues(before):
            entry = msgspec.structs.replace(entry, start=before.start)
        elif before is not None:
            yield before
        before = entry
    if before is not None:
        yield before


def _cuts(observed: Observed, node: NodeSpan, pods: Sequence[PodSpan]) -> set[int]:
    cuts = {observed.since, *observed.tenancies}
    cuts.update(since for since, _ in node.versions[1:])
    cuts.update(pod.start for pod in pods)
    cuts.update(pod.end for pod in pods if pod.end is not None)
    return cuts


def _pieces(cuts: set[int], begin: int, end: int) -> Iterator[tuple[int, int]]:
    moments = [begin, *sorted(cut for cut in cuts if begin < cut < end), end]
    return pairwise(moments)


def _entry(
    observed: Observed, node: NodeSpan, pods: Sequence[PodSpan], piece: tuple[int, int], mode: SplitMode
) -> Entry:
    since, till = piece
    facts = node.facts_at(since)
    parts = [(pod.party, observed.tenant_of(pod.party, since), pod.requests) for pod in pods]
    known = observed.shared.get(node.uid)
    if known is None or known[0] is not facts or known[1] != parts:
        known = observed.shared[node.uid] = (facts, parts, _lines(facts, parts, mode))
    return Entry(node.uid, node.name, since, till, facts.billing, known[2], since >= observed.since)


def _lines(facts: NodeFacts, parts: Sequence[Part], mode: SplitMode) -> tuple[Line, ...]:
    uses: dict[Party, Resources] = {}
    for pod_party, tenant, requests in parts:
        party = msgspec.structs.replace(pod_party, tenant=tenant)
        uses[party] = uses.get(party, Resources()) + requests
    return tuple(
        line for line in lines_of(facts, uses, mode) if line.rate or line.accelerators or not facts.billing.price
    )
