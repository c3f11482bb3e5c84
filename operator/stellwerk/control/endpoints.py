"""HTTP endpoint of one replica: /metrics, /healthz and /readyz, in threads of their own.

It runs in every replica, leading or not, and answers while the main loop is busy. `/healthz` fails (503) when the
process should be restarted, `/readyz` while it cannot serve as a warm standby yet; both bodies name what is wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

Check = Callable[[], Sequence[str]]
"""A probe: the sentences that say what is wrong; none means that all is well."""

_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Probes:
    """What the two probes ask."""

    alive: Check
    ready: Check


class Endpoints:
    """The listening server; `start` binds, `stop` closes.

    Args:
        address: host and port; port 0 takes a free one, see `port` after `start`.
        registry: the metrics to expose.
        probes: what /healthz and /readyz ask.

    """

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry, probes: Probes) -> None:
        self._server = ThreadingHTTPServer(address, _handler_for(registry, probes))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoints", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.server_port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop to answer and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler_for(registry: CollectorRegistry, probes: Probes) -> type[BaseHTTPRequestHandler]:
    def scrape(accept: str) -> tuple[HTTPStatus, str, bytes]:
        encode, content_type = choose_encoder(accept)
        return HTTPStatus.OK, content_type, encode(registry)

    def probe(check: Check) -> tuple[HTTPStatus, str, bytes]:
        wrong = check()
        status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
        return status, _TEXT, ("\n".join(wrong) or "ok").encode() + b"\n"

    routes: dict[str, Callable[[str], tuple[HTTPStatus, str, bytes]]] = {
        "/metrics": scrape,
        "/healthz": lambda _accept: probe(probes.alive),
        "/readyz": lambda _accept: probe(probes.ready),
    }

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name is the library's
            """Answer a GET by the table of routes."""
            route = routes.get(self.path.partition("?")[0])
            status, content_type, body = (
                route(self.headers.get("Accept", "")) if route else (HTTPStatus.NOT_FOUND, _TEXT, b"not found\n")
            )
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Say nothing: a line per scrape and probe helps nobody."""

    return Handler
