"""A reflector's copy becomes what the API server has, whatever happens in between, and nothing is told twice."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from stellwerk.cluster.session import Session
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Answer, DropBefore, Fault, Match, error_event
from tests.faults.support import QUICK, ConfigMaps, reflecting, until

WATCH = Match(watch=True, path="/configmaps$")
LIST = Match(method="GET", watch=False, path="/configmaps$")


async def test_after_410_deletions_in_the_gap_are_told_and_nothing_else_twice(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    configmaps.create("stays", "goes", "changes")
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        refused = proxy.inject(Fault(WATCH, Answer(503)))
        proxy.cut()
        await until(lambda: refused.hits > 0)
        configmaps.delete("goes")
        configmaps.change("changes", "in the gap")
        copy.told.clear()
        gone = proxy.inject(Fault(WATCH, Answer(410, "Expired"), times=1))
        proxy.faults.remove(refused)
        await copy.equals(configmaps)
        await until(lambda: gone.hits == 1)
        assert copy.names == {"stays", "changes"}
        assert copy.told == [("DELETED", "goes"), ("MODIFIED", "changes")]


async def test_an_object_recreated_in_the_gap_is_another_object(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    configmaps.create("same-name")
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        proxy.inject(Fault(WATCH, Answer(410, "Expired"), times=1))
        swallowed: list[bytes] = []
        proxy.hide(lambda line: b"same-name" in line and swallowed.append(line) is None)
        configmaps.delete("same-name")
        configmaps.create("same-name")
        await until(lambda: len(swallowed) == 2)
        copy.told.clear()
        proxy.hide(lambda _line: False)
        proxy.cut()
        await copy.equals(configmaps)
        assert copy.told == [("DELETED", "same-name"), ("ADDED", "same-name")]


@pytest.mark.parametrize("code", [410, 403, 500, 504])
async def test_no_error_event_makes_it_deaf(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps, code: int
) -> None:
    configmaps.create("before")
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        assert proxy.send(error_event(code, "Expired" if code == 410 else "")) == 1
        await until(lambda: copy.reflector.stats.errors == 1)
        configmaps.create("after")
        await copy.equals(configmaps)
        assert copy.told == [("ADDED", "before"), ("ADDED", "after")]
        assert copy.reflector.stats.lists == (2 if code == 410 else 1)


@pytest.mark.parametrize(
    "rubbish",
    [b'{"type":"ADDED","object":{"metad\n', b"no json at all\n", b"[1,2]\n", b'{"type":"ADDED","object":7}\n'],
)
async def test_a_malformed_line_does_not_make_it_deaf(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps, rubbish: bytes
) -> None:
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        proxy.send(rubbish)
        await until(lambda: copy.reflector.stats.errors == 1)
        configmaps.create("after")
        await copy.equals(configmaps)


async def test_a_stream_cut_in_the_middle_of_a_line_continues_where_it_was(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        proxy.send(b'{"type":"ADDED","obj')
        proxy.cut()
        configmaps.create("after")
        await copy.equals(configmaps)
        assert copy.reflector.stats.lists == 1
        assert copy.told == [("ADDED", "after")]


async def test_a_silent_stream_is_noticed_and_opened_again(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    async with reflecting(session, configmaps.resource, replace(QUICK, silence=3.0)) as copy:
        await until(lambda: proxy.streams_open() == 1)
        proxy.freeze()
        opened = copy.reflector.stats.watches
        configmaps.create("unseen")
        assert copy.reflector.age() < 60
        await until(lambda: copy.reflector.stats.watches > opened)
        assert "unseen" not in copy.names
        proxy.thaw()
        await copy.equals(configmaps)
        assert copy.told == [("ADDED", "unseen")]


async def test_freshness_ages_while_the_server_does_not_answer(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    began = time.monotonic()
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        proxy.refuse()
        await until(lambda: copy.reflector.age() > 2)
        assert copy.reflector.age() <= time.monotonic() - began
        configmaps.create("meanwhile")
        proxy.accept()
        await copy.equals(configmaps)
        await until(lambda: copy.reflector.age() < 2)


@pytest.mark.parametrize("effect", [Answer(500), Answer(503), Answer(403, "Forbidden"), DropBefore()])
async def test_it_backs_off_while_every_request_fails_and_recovers(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps, effect: Answer | DropBefore
) -> None:
    configmaps.create("before")
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        proxy.inject(Fault(Match(method="GET", path="/configmaps$"), effect))
        proxy.cut()
        began = time.monotonic()
        await until(lambda: copy.reflector.stats.errors >= 6)
        assert time.monotonic() - began > 0.7, "six tries without a pause"
        configmaps.delete("before")
        proxy.faults.clear()
        await copy.equals(configmaps)
        assert copy.told == [("ADDED", "before"), ("DELETED", "before")]


async def test_events_that_come_twice_are_told_once(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    kept: list[bytes] = []
    proxy.hide(lambda line: kept.append(line) or False)  # type: ignore[func-returns-value]
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        configmaps.create("one")
        configmaps.change("one", "changed")
        configmaps.delete("one")
        await until(lambda: len(copy.told) == 3)
        for line in [line for line in kept if b'"type":"BOOKMARK"' not in line] * 3:
            proxy.send(line)
        configmaps.create("two")
        await copy.equals(configmaps)
        assert copy.told == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one"), ("ADDED", "two")]
        assert copy.reflector.stats.replayed == 9


async def test_a_sink_that_fails_for_one_object_does_not_hide_the_others(
    session: Session, configmaps: ConfigMaps
) -> None:
    configmaps.create("a", "poison", "z")
    async with reflecting(session, configmaps.resource) as copy:
        deliver = copy.reflector._sink

        def upset(kind: str, new: object, old: object) -> None:
            deliver(kind, new, old)  # type: ignore[arg-type]
            if "poison" in str(new):
                raise ValueError("upset")

        copy.reflector._sink = upset  # type: ignore[assignment]
        for name in ("a", "poison", "z"):
            configmaps.change(name, "x")
        await copy.equals(configmaps)
        assert copy.told[3:] == [("MODIFIED", "a"), ("MODIFIED", "poison"), ("MODIFIED", "z")]
        assert copy.reflector.stats.sink_errors == 1
