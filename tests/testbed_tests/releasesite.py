"""A local web server laid out like the sites that publish the binaries, which can be made to misbehave."""

import contextlib
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.testbed.versions import Versions


@dataclass
class Site:
    """Files by path. `breaks` maps a path to how many bytes come before the connection ends, once each."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    breaks: dict[str, list[int]] = field(default_factory=dict)
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range header

    def publish(self, versions: Versions) -> None:
        """Put up a release of everything; each binary is a script that says its name."""
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"):
            path = f"/release/{versions.kubernetes}/bin/linux/amd64/{name}"
            self.files[path] = script(name)
            self.files[f"{path}.sha256"] = digest(script(name)).encode()
        base = f"/etcd-io/etcd/releases/download/{versions.etcd}"
        stem = f"etcd-{versions.etcd}-linux-amd64"
        archive = packed({f"{stem}/etcd": script("etcd"), f"{stem}/README.md": b"read me"})
        self.files[f"{base}/{stem}.tar.gz"] = archive
        listing = f"{'0' * 64}  etcd-other.zip\n{digest(archive)}  {stem}.tar.gz\n"
        self.files[f"{base}/SHA256SUMS"] = listing.encode()
        assets = []
        for name in ("kwok", "kwokctl"):
            asset = f"{name}-linux-amd64"
            path = f"/kubernetes-sigs/kwok/releases/download/{versions.kwok}/{asset}"
            self.files[path] = script(name)
            assets.append({"name": asset, "digest": f"sha256:{digest(script(name))}"})
        about = f"/repos/kubernetes-sigs/kwok/releases/tags/{versions.kwok}"
        self.files[about] = json.dumps({"assets": assets}).encode()

    def path_of(self, ending: str) -> str:
        """The one path that ends so."""
        (found,) = [path for path in self.files if path.endswith(ending)]
        return found


def script(name: str) -> bytes:
    """A program of some size that prints its name."""
    return f"#!/bin/sh\necho {name}\nexit 0\n".encode() + b"#" * 5000


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def packed(members: dict[str, bytes]) -> bytes:
    """A .tar.gz of these members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@contextmanager
def serve() -> Iterator[Site]:
    """Serve on a free port of this machine while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    site = Site(url=f"http://127.0.0.1:{server.server_port}")
    server.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]
        wanted = self.headers.get("Range")
        site.asked.append((self.path, wanted))
        content = site.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        rest = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if breaks := site.breaks.get(self.path):
            rest = rest[: breaks.pop(0)]
            self.close_connection = True
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(rest)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
