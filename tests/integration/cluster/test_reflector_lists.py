"""What a reflector makes of a LIST: of a slow, old, empty or interrupted one, and after a restart of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from stellwerk.cluster.session import Session
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Answer, Body, Fault, Hang, Match, error_event
from tests.faults.support import QUICK, ConfigMaps, reflecting, until
from tests.testbed.cluster import Cluster

WATCH = Match(watch=True, path="/configmaps$")
LIST = Match(method="GET", watch=False, path="/configmaps$")


async def test_a_list_comes_in_pages_and_changes_follow(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    configmaps.create(*(f"c{i}" for i in range(20)))
    async with reflecting(session, configmaps.resource) as copy:
        assert len(copy.names) == 20
        assert len(proxy.requests(LIST)) == 3
        configmaps.change("c3", "new")
        configmaps.delete("c4")
        configmaps.create("late")
        await copy.equals(configmaps)
        assert copy.told[20:] == [("MODIFIED", "c3"), ("DELETED", "c4"), ("ADDED", "late")]


async def test_a_429_is_obeyed(session: Session, proxy: FaultProxy, configmaps: ConfigMaps) -> None:
    throttled = proxy.inject(
        Fault(LIST, Answer(429, "TooManyRequests", "storage is (re)initializing", retry_after=2), times=1)
    )
    began = time.monotonic()
    async with reflecting(session, configmaps.resource) as copy:
        assert throttled.hits == 1
        assert time.monotonic() - began >= 2
        assert copy.reflector.stats.lists == 2


async def test_an_expired_continue_token_starts_the_list_over(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    configmaps.create(*(f"c{i}" for i in range(20)))
    expired = proxy.inject(Fault(LIST, Answer(410, "Expired"), skip=1, times=1))
    async with reflecting(session, configmaps.resource) as copy:
        assert expired.hits == 1
        assert copy.versions() == configmaps.versions()
        assert len(copy.told) == 20


async def test_a_list_of_an_older_view_deletes_nothing_new(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    configmaps.create("old")
    listed = msgspec.json.encode(configmaps.api.get(configmaps.path))
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        configmaps.create("new")
        await copy.equals(configmaps)
        stale = proxy.inject(Fault(LIST, Body(listed), times=2))
        proxy.send(error_event(410, "Expired"))
        await until(lambda: stale.hits == 2)
        await until(lambda: proxy.streams_open() == 1)
        assert ("DELETED", "new") not in copy.told
        assert copy.versions() == configmaps.versions()


async def test_a_suddenly_empty_list_is_not_believed_at_once(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    configmaps.create(*(f"c{i:02}" for i in range(25)))
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        empty = b'{"kind":"ConfigMapList","metadata":{"resourceVersion":"999999999"},"items":[]}'
        lost = proxy.inject(Fault(LIST, Body(empty), times=1))
        proxy.send(error_event(410, "Expired"))
        await until(lambda: lost.hits == 1)
        await until(lambda: proxy.streams_open() == 1)
        assert len(copy.names) == 25
        assert all(kind != "DELETED" for kind, _ in copy.told)


async def test_when_really_most_is_gone_that_is_believed_in_the_end(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    names = [f"c{i:02}" for i in range(25)]
    configmaps.create(*names)
    async with reflecting(session, configmaps.resource) as copy:
        await until(lambda: proxy.streams_open() == 1)
        swallowed: list[bytes] = []
        proxy.hide(lambda line: b'"DELETED"' in line and swallowed.append(line) is None)
        configmaps.delete(*names)
        await until(lambda: len(swallowed) == len(names))
        proxy.hide(lambda _line: False)
        proxy.send(error_event(410, "Expired"))
        await copy.equals(configmaps)
        assert copy.names == set()


async def test_a_hanging_list_is_given_up_and_asked_again(
    session: Session, proxy: FaultProxy, configmaps: ConfigMaps
) -> None:
    hung = proxy.inject(Fault(LIST, Hang(), times=1))
    async with reflecting(session, configmaps.resource, replace(QUICK, list_timeout=2.0)) as copy:
        assert hung.hits == 1
        assert copy.reflector.stats.lists > 1


async def test_it_survives_a_restart_of_the_api_server_with_deletions_before_it_is_back(
    start_cluster: Callable[[], Cluster],
) -> None:
    cluster = start_cluster()
    configmaps = ConfigMaps(cluster.api, "default")
    configmaps.create("stays", "goes")
    with FaultProxy(cluster.kubeconfig) as proxy:
        async with Session(proxy.target) as session, reflecting(session, configmaps.resource) as copy:
            await until(lambda: proxy.streams_open() == 1)
            proxy.refuse()
            component = cluster.component("kube-apiserver")
            await asyncio.to_thread(component.kill)
            await asyncio.to_thread(component.start)
            await asyncio.to_thread(cluster.wait_ready)
            configmaps.delete("goes")
            configmaps.create("comes")
            proxy.accept()
            await copy.equals(configmaps)
            assert sorted(copy.told[2:]) == [("ADDED", "comes"), ("DELETED", "goes")]
