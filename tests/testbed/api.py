"""Plain HTTPS requests with the certificate or token of a kubeconfig: no client library, many per second."""

import base64
import http.client
import json
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.testbed.progress import TestbedError

# How a kept connection shows that the server has closed it while it was idle.
STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)


class ApiError(TestbedError):
    """The API server answered, but not with success."""

    def __init__(self, method: str, path: str, code: int, body: str) -> None:
        super().__init__(f"{method} {path}: HTTP {code}: {body[:500]}")
        self.code = code


class Api:
    """One API server as one identity; safe to share among threads, each keeps its own connection."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        context = _named(config, "contexts", config["current-context"])["context"]
        cluster = _named(config, "clusters", context["cluster"])["cluster"]
        user = _named(config, "users", context["user"])["user"]
        self.server: str = cluster["server"]
        self._token: str | None = user.get("token")
        self._tls = ssl.create_default_context(cadata=_pem(cluster, "certificate-authority"))
        if "client-certificate" in user or "client-certificate-data" in user:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
                both.write(_pem(user, "client-certificate") + _pem(user, "client-key"))
                both.flush()
                self._tls.load_cert_chain(both.name)
        self._own = threading.local()
        self._open: set[http.client.HTTPSConnection] = set()  # of all threads

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """One request, body and answer as JSON; ApiError for any code but success, TestbedError for none."""
        headers = {"Accept": "application/json", "Content-Type": kind}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body)
        code, text = self._exchange(method, path, data, headers)
        if not 200 <= code < 300:
            raise ApiError(method, path, code, text)
        try:
            return json.loads(text)
        except ValueError:
            return text

    def get(self, path: str) -> Any:
        """GET."""
        return self.call("GET", path)

    def create_all(self, path: str, objects: list[dict[str, Any]], threads: int = 4) -> None:
        """POST each object to the same path; the first error is raised."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda one: self.call("POST", path, one), objects))

    def close(self) -> None:
        """Close the connections of all threads, none of which may be in use; the next call opens one."""
        while self._open:
            self._open.pop().close()
        self._own = threading.local()

    def _exchange(self, method: str, path: str, data: str | None, headers: dict[str, str]) -> tuple[int, str]:
        connection = self._connection()
        used_before = connection.sock is not None
        try:
            try:
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
            except STALE:
                connection.close()  # opens anew with the next request
                if not used_before:
                    raise
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise TestbedError(f"{method} {self.server}{path}: {error!r}") from error

    def _connection(self) -> http.client.HTTPSConnection:
        found: http.client.HTTPSConnection | None = getattr(self._own, "connection", None)
        if found is None:
            where = urlsplit(self.server)
            found = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=30, context=self._tls)
            self._own.connection = found
            self._open.add(found)
        return found


def healthy(url: str) -> str:
    """The body of a health endpoint, whatever certificate it shows; TestbedError when it is not well."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # components sign their own at every start
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            raise TestbedError(f"{url}: HTTP {error.code}") from error
    except OSError as error:
        raise TestbedError(f"{url}: {error}") from error


def _named(config: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    for one in config[kind]:
        if one["name"] == name:
            found: dict[str, Any] = one
            return found
    raise TestbedError(f"kubeconfig has no {name!r} in {kind}")


def _pem(section: dict[str, Any], key: str) -> str:
    if data := section.get(f"{key}-data"):
        return base64.b64decode(data).decode()
    return Path(section[key]).read_text(encoding="utf-8")
