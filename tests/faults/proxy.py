"""A proxy between the operator and a real API server that makes things go wrong on demand.

    with FaultProxy(kubeconfig) as proxy:
        operator = start(proxy.kubeconfig(tmp_path / "proxied.yaml"))
        proxy.inject(Fault(Match(method="PATCH", path="/status$"), DropReply(), times=1))

It speaks plain HTTP on a free port of the loopback interface and uses the kubeconfig's own identity
towards the server, so what goes through has exactly those rights. It runs in a thread of its own; its
methods may be called from any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import yaml
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from stellwerk.cluster.kubeconfig import Target, from_kubeconfig
from tests.faults.rules import (
    Answer,
    Body,
    Call,
    Delay,
    DropBefore,
    DropReply,
    Effect,
    Fault,
    Hang,
    Hold,
    Match,
    Seen,
    Stage,
    is_write,
)
from tests.faults.streams import Streams

T = TypeVar("T")
_PASSED_ON = ("Content-Type", "Accept", "User-Agent", "Impersonate-User")


class FaultProxy:
    """Forwards everything to one API server, but for the faults that were injected."""

    def __init__(self, kubeconfig: Path) -> None:
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self._target = from_kubeconfig([kubeconfig])
        self._port = 0
        self._writes = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    # ------------------------------------------------------------------------------- for tests

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Where to reach it; the same after `accept`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def target(self) -> Target:
        """The proxied API server, for a `Session`."""
        return Target(self.url, namespace=self._target.namespace)

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads through the proxy."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxied",
            "contexts": [{"name": "proxied", "context": {"cluster": "proxied", "namespace": self._target.namespace}}],
            "clusters": [{"name": "proxied", "cluster": {"server": self.url}}],
            "users": [],
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def inject(self, fault: Fault) -> Fault:
        """Add a fault; of several that fit a request the one injected last wins."""
        self.faults.insert(0, fault)
        return fault

    def heal(self) -> None:
        """Remove all faults, let frozen streams flow and accept connections again."""
        self._do(self._now(self.faults.clear))  # in the proxy's loop: no request is between two minds
        self.hide(lambda _line: False)
        self.thaw()
        self.accept()

    def requests(self, match: Match) -> list[Seen]:
        """Return the matching requests so far, in order."""
        return [seen for seen in list(self.seen) if match.fits(seen)]

    def streams_open(self, path: str = "") -> int:
        """Return how many watches are open on paths that match."""
        return self._do(self._now(lambda: self._streams.count(path)))

    def freeze(self) -> None:
        """Hold back every byte of every watch, as a half-dead connection does."""
        self._do(self._now(self._streams.freeze))

    def thaw(self) -> None:
        """Let the watches flow again, with what was held back."""
        self._do(self._now(self._streams.thaw))

    def cut(self, path: str = "") -> None:
        """Cut the matching watches."""
        self._do(self._now(lambda: self._streams.cut(path)))

    def hide(self, hidden: Callable[[bytes], bool]) -> None:
        """Swallow the watch lines for which `hidden` is true."""
        self._streams.hidden = hidden

    def send(self, data: bytes, path: str = "") -> int:
        """Send raw bytes into the matching watches; returns how many there were."""
        return self._do(self._streams.send(data, path))

    def refuse(self) -> None:
        """Close the port and all connections: whoever connects is refused."""
        self._do(self._stop_listening())

    def accept(self) -> None:
        """Listen again, on the same port."""
        self._do(self._listen())

    # ------------------------------------------------------------------------------- its insides

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    @staticmethod
    async def _now(function: Callable[[], T]) -> T:
        return function()

    async def _open(self) -> None:
        self._streams = Streams()
        self._site: web.TCPSite | None = None
        connector = aiohttp.TCPConnector(limit=0)
        self._client = aiohttp.ClientSession(connector=connector, auto_decompress=False, read_bufsize=1 << 20)
        self._client._retry_connection = False  # a proxy that sends twice would be a fault of its own
        self._runner = web.ServerRunner(web.Server(self._handle), handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen()

    async def _close(self) -> None:
        self._streams.cut()
        await self._runner.cleanup()
        await self._client.close()
        hung = asyncio.all_tasks() - {asyncio.current_task()}
        for task in hung:
            task.cancel()
        await asyncio.gather(*hung, return_exceptions=True)

    async def _listen(self) -> None:
        if self._site is None:
            self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
            await self._site.start()
            self._port = self._runner.addresses[0][1]

    async def _stop_listening(self) -> None:
        if self._site is not None:
            await self._site.stop()
            self._site = None
        server = self._runner.server
        assert isinstance(server, web.Server)
        for connection in list(server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = self._note(request, await request.read())
        effect = next((fault.effect for fault in list(self.faults) if fault.strikes(seen)), None)
        _call(effect, seen, "before")
        match effect:
            case Answer():
                headers = {"Retry-After": f"{effect.retry_after:g}"} if effect.retry_after is not None else {}
                return web.Response(
                    status=effect.code, body=effect.body(), content_type="application/json", headers=headers
                )
            case Body():
                return web.Response(body=effect.body, content_type="application/json")
            case DropBefore():
                return _cut(request)
            case Hang(forward=False):
                await asyncio.Event().wait()
            case Delay():
                await asyncio.sleep(effect.seconds)
            case Hold():
                while not effect.let_go.is_set():  # noqa: ASYNC110 - it is set in another loop
                    await asyncio.sleep(0.01)
        return await self._forward(request, seen, effect)

    def _note(self, request: web.BaseRequest, body: bytes) -> Seen:
        write = None
        if is_write(request.method):
            self._writes += 1
            write = self._writes
        seen = Seen(len(self.seen) + 1, request.method, request.path, dict(request.query), body, write)
        self.seen.append(seen)
        return seen

    async def _forward(self, request: web.BaseRequest, seen: Seen, effect: Effect | None) -> web.StreamResponse:
        headers = CIMultiDict((name, request.headers[name]) for name in _PASSED_ON if name in request.headers)
        if authorization := await self._target.credential.header():
            headers["Authorization"] = authorization
        try:
            async with self._client.request(
                request.method,
                URL(f"{self._target.server}{request.raw_path}", encoded=True),
                data=seen.body or None,
                headers=headers,
                ssl=self._target.tls or True,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
                skip_auto_headers=("Accept-Encoding",),
            ) as upstream:
                if seen.is_watch and upstream.status == 200:
                    return await self._relay(request, seen, upstream)
                return await self._reply(request, seen, upstream, effect)
        except (aiohttp.ClientError, OSError):
            return _cut(request)  # the server is away: so are we

    async def _reply(
        self, request: web.BaseRequest, seen: Seen, upstream: aiohttp.ClientResponse, effect: Effect | None
    ) -> web.StreamResponse:
        body = await upstream.read()
        _call(effect, seen, "committed")
        if isinstance(effect, DropReply):
            return _cut(request)
        if isinstance(effect, Hang):
            await asyncio.Event().wait()
        headers = {name: value for name, value in upstream.headers.items() if name in ("Content-Type", "Retry-After")}
        response = web.Response(status=upstream.status, body=body, headers=headers)
        if isinstance(effect, Call) and effect.stage == "after":
            await response.prepare(request)
            await response.write_eof()
            _call(effect, seen, "after")
        return response

    async def _relay(
        self, request: web.BaseRequest, seen: Seen, upstream: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            await self._streams.relay(seen.path, upstream, response)
        except (asyncio.CancelledError, aiohttp.ClientError, OSError):
            return _cut(request)
        finally:
            if upstream.connection is not None and upstream.connection.transport is not None:
                upstream.connection.transport.abort()  # no TLS farewell that nobody waits for
        return response


def _call(effect: Effect | None, seen: Seen, stage: Stage) -> None:
    if isinstance(effect, Call) and effect.stage == stage:
        effect.function(seen)


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    with contextlib.suppress(AttributeError):
        if request.transport is not None:
            request.transport.abort()
    return web.Response(status=502)
