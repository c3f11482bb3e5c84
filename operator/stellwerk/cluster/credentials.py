"""Where the Authorization header comes from: nothing, a fixed token, a rotating file, a program."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

_REREAD_SECONDS: Final = 30.0
_EXPIRY_MARGIN_SECONDS: Final = 60.0
_EXEC_TIMEOUT_SECONDS: Final = 60.0

CertificateLoader = Callable[[str, str], None]
"""Takes a client certificate and its key, both PEM, for the connections opened from now on."""


class CredentialError(Exception):
    """No credential could be had; the message says from where and why."""


class Credential(Protocol):
    """Gives the value of the Authorization header."""

    async def header(self) -> str | None:
        """Return the header's value, or None if there is none to send.

        Raises:
            CredentialError: it cannot be had now.

        """
        ...

    def invalidate(self) -> None:
        """Forget what is cached: the server answered 401."""
        ...


class Anonymous:
    """No header: a client certificate, or a plain proxy, speaks for us."""

    async def header(self) -> str | None:
        """Return None."""
        return None

    def invalidate(self) -> None:
        """Do nothing: there is nothing to forget."""


class StaticToken:
    """A bearer token that never changes."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    async def header(self) -> str | None:
        """Return the token."""
        return self._header

    def invalidate(self) -> None:
        """Do nothing: there is no other token."""


class TokenFile:
    """A bearer token in a file that somebody else renews, such as a kubelet."""

    def __init__(self, path: Path, reread: float = _REREAD_SECONDS) -> None:
        """Read `path` again when what we have is older than `reread` seconds."""
        self._path = path
        self._reread = reread
        self._header: str | None = None
        self._read_at = 0.0

    async def header(self) -> str | None:
        """Return the newest token that could be read."""
        now = time.monotonic()
        if self._header is None or now - self._read_at > self._reread:
            try:
                token = self._path.read_text().strip()  # some 1 kB from tmpfs: no thread needed
            except OSError as error:
                if self._header is None:
                    raise CredentialError(f"token file {self._path}: {error}") from error
            else:
                self._header = f"Bearer {token}"
            self._read_at = now
        return self._header

    def invalidate(self) -> None:
        """Read the file before the next request."""
        self._read_at = -self._reread


class _ExecStatus(msgspec.Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _ExecAnswer(msgspec.Struct):
    status: _ExecStatus = msgspec.field(default_factory=_ExecStatus)


_exec_answer = msgspec.json.Decoder(_ExecAnswer).decode  # made before there are threads, see cluster/wire.py


class ExecCredential:
    """A token or certificate that a program prints (client.authentication.k8s.io)."""

    def __init__(self, config: Mapping[str, Any], load_certificate: CertificateLoader) -> None:
        """Use the `exec` section of a kubeconfig user; the program runs on first use."""
        self._command = [config["command"], *(config.get("args") or [])]
        self._env = {entry["name"]: entry["value"] for entry in config.get("env") or []}
        self._version = config.get("apiVersion", "client.authentication.k8s.io/v1")
        self._load_certificate = load_certificate
        self._lock = threading.Lock()  # sessions in several threads share one credential
        self._header: str | None = None
        self._valid_until = 0.0

    async def header(self) -> str | None:
        """Return the cached token, running the program if there is none or it expires soon."""
        if time.time() >= self._valid_until:
            await asyncio.to_thread(self._refresh)
        return self._header

    def invalidate(self) -> None:
        """Run the program before the next request."""
        self._valid_until = 0.0

    def _refresh(self) -> None:
        with self._lock:
            if time.time() < self._valid_until:
                return  # another thread was faster
            status = self._run()
            if status.client_certificate_data and status.client_key_data:
                self._load_certificate(status.client_certificate_data, status.client_key_data)
            self._header = f"Bearer {status.token}" if status.token else None
            expires = status.expiration_timestamp
            left = expires.timestamp() - time.time() if expires else float("inf")
            margin = min(_EXPIRY_MARGIN_SECONDS, left / 2)
            self._valid_until = time.time() + max(left - margin, 1.0)

    def _run(self) -> _ExecStatus:
        info = {"apiVersion": self._version, "kind": "ExecCredential"}
        spoken = msgspec.json.encode(info | {"spec": {"interactive": False}}).decode()
        env = os.environ | self._env | {"KUBERNETES_EXEC_INFO": spoken}
        try:
            done = subprocess.run(  # noqa: S603 - the kubeconfig's owner chose this program
                self._command,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=_EXEC_TIMEOUT_SECONDS,
            )
            return _exec_answer(done.stdout).status
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip()[-500:]
            failed = f"{self._command[0]} failed ({error.returncode}): {said}"
            raise CredentialError(failed) from error
        except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError) as error:
            raise CredentialError(f"{self._command[0]}: {error}") from error
