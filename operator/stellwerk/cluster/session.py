"""One connection to one API server: bounded requests with raw bytes, and streams.

A session belongs to the event loop that opened it. Reads (LIST, WATCH, GET) and writes have
connection pools of their own, so that a slow list never holds up a write.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from stellwerk.cluster import errors
from stellwerk.cluster.credentials import CredentialError
from stellwerk.cluster.kubeconfig import Target

MERGE_PATCH: Final = "application/merge-patch+json"
JSON: Final = "application/json"
FIELD_MANAGER: Final = "stellwerk"

_OK: Final = range(200, 300)
_KEEPALIVE_SECONDS: Final = 60.0
_READ_BUFFER_BYTES: Final = 1 << 20


class Request(msgspec.Struct, frozen=True):
    """A request as plain data.

    Attributes:
        method: HTTP method.
        path: absolute path on the server, without a query.
        body: raw body, or None.
        content_type: type of the body.
        query: parameters; those with an empty value are left out.

    """

    method: str
    path: str
    body: bytes | None = None
    content_type: str = JSON
    query: Mapping[str, str] = {}


class Response(msgspec.Struct, frozen=True):
    """A 2xx answer: its status, and its body as it came."""

    status: int
    body: bytes


class Session:
    """Sends requests to one API server.

    Use it as an async context manager. All failures are `ApiError`s.
    """

    def __init__(self, target: Target, *, timeout: float = 10.0, user_agent: str = "") -> None:
        """Prepare, without opening anything yet.

        Args:
            target: the API server and our credential.
            timeout: limit of one request with its whole answer, in seconds, where none is given.
            user_agent: says who asks, in the server's audit log.

        """
        self.target = target
        self._timeout = timeout
        self._agent = user_agent or FIELD_MANAGER
        self._reads: aiohttp.ClientSession | None = None
        self._writes: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._reads = self._pool()
        self._writes = self._pool()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pool in (self._reads, self._writes):
            if pool is not None:
                await pool.close()
        self._reads = self._writes = None

    def _pool(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_SECONDS)
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._agent, "Accept": JSON, "Accept-Encoding": "identity"},
            read_bufsize=_READ_BUFFER_BYTES,
        )

    async def get(self, path: str, query: Mapping[str, str] | None = None, limit: float | None = None) -> bytes:
        """Return the body of a GET, within `limit` seconds.

        Raises:
            ApiError: as in `send`.

        """
        return (await self.send(Request("GET", path, query=query or {}), limit)).body

    async def send(self, request: Request, limit: float | None = None) -> Response:
        """Send one request and read the whole answer.

        Args:
            request: what to send.
            limit: seconds for all of it, connecting included; None takes the session's.

        Raises:
            Unreachable: surely not carried out.
            OutcomeUnknown: sent, and no complete answer within the limit.
            ApiError: another subclass for each answer that is not 2xx.

        """
        total = aiohttp.ClientTimeout(total=self._timeout if limit is None else limit)
        async with self._open(request, total) as response:
            return Response(response.status, await response.read())

    @asynccontextmanager
    async def stream(
        self, request: Request, *, silence: float, connect: float = 10.0
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Open an endless answer, such as a watch, and give its reader.

        Args:
            request: what to send.
            silence: longest time without a byte, in seconds; then OutcomeUnknown is raised.
            connect: limit for connecting, in seconds.

        Raises:
            ApiError: as in `send`, also while the reader is used.

        """
        limit = aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=silence)
        async with self._open(request, limit) as response:
            try:
                yield response.content
            finally:
                if response.connection is not None and response.connection.transport is not None:
                    response.connection.transport.abort()  # no TLS farewell: nobody waits for it

    @asynccontextmanager
    async def _open(self, request: Request, limit: aiohttp.ClientTimeout) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send, translate every failure, give the open 2xx answer."""
        try:
            async with self._raw(request, limit, await self._headers(request)) as response:
                if response.status not in _OK:
                    await self._refuse(response)
                yield response
        except (aiohttp.ClientError, OSError) as error:  # OSError includes TimeoutError
            raise _translated(request, error) from error

    def _raw(
        self, request: Request, limit: aiohttp.ClientTimeout, headers: Mapping[str, str]
    ) -> aiohttp.client._RequestContextManager:
        pool = self._reads if request.method == "GET" else self._writes
        if pool is None:
            raise RuntimeError("the session is not open")
        query = urlencode({key: value for key, value in request.query.items() if value})
        url = f"{self.target.server}{request.path}"
        return pool.request(
            request.method,
            URL(f"{url}?{query}" if query else url, encoded=True),
            data=request.body,
            headers=headers,
            timeout=limit,
            ssl=True if self.target.tls is None else self.target.tls,
            server_hostname=self.target.server_name,
            proxy=self.target.proxy,
            allow_redirects=False,
        )

    async def _headers(self, request: Request) -> Mapping[str, str]:
        headers = {} if request.body is None else {"Content-Type": request.content_type}
        try:
            authorization = await self.target.credential.header()
        except CredentialError as error:
            raise errors.Unreachable(f"no credential: {error}") from error
        if authorization is not None:
            headers["Authorization"] = authorization
        return headers

    async def _refuse(self, response: aiohttp.ClientResponse) -> None:
        body = await response.read()
        error = errors.from_response(response.status, body, response.headers.get("Retry-After"))
        if isinstance(error, errors.Unauthorized):
            self.target.credential.invalidate()  # the caller's next try brings a fresh one
        raise error


def _translated(request: Request, error: Exception) -> errors.ApiError:
    """Say whether a request that failed on the way can have been carried out."""
    said = f"{request.method} {request.path}: {type(error).__name__}: {error}".rstrip(": ")
    unsent = (
        aiohttp.ClientConnectorError,
        aiohttp.ConnectionTimeoutError,
        aiohttp.InvalidURL,
        aiohttp.ClientProxyConnectionError,
    )
    return errors.Unreachable(said) if isinstance(error, unsent) else errors.OutcomeUnknown(said)
