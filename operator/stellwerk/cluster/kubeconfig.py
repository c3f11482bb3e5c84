"""How to reach a cluster: read from kubeconfig files or from a pod's service account.

Nothing is contacted here. The result, a `Target`, can be opened any number of times, also from
several threads (the elector has its own connection).
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from stellwerk.cluster.credentials import (
    Anonymous,
    CertificateLoader,
    Credential,
    ExecCredential,
    StaticToken,
    TokenFile,
)

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ConfigError(Exception):
    """A kubeconfig or service account cannot be used; the message names the file and the field."""


@dataclass(frozen=True)
class Target:
    """One API server and how to prove to it who we are.

    Attributes:
        server: base URL without a trailing slash.
        tls: verification and client certificate; None for plain http.
        credential: source of the Authorization header.
        namespace: namespace of the context, or of the service account.
        server_name: name that the server's certificate must carry, if not the host in the URL.
        proxy: URL of an HTTP proxy, or None.

    """

    server: str
    tls: ssl.SSLContext | None = None
    credential: Credential = field(default_factory=Anonymous)
    namespace: str = "default"
    server_name: str | None = None
    proxy: str | None = None


def discover(path: Path | None = None, context: str | None = None) -> Target:
    """Find the cluster: the given file, else $KUBECONFIG, else the pod, else ~/.kube/config.

    Raises:
        ConfigError: nothing usable was found; says where it looked.

    """
    if path is not None:
        return from_kubeconfig([path], context)
    if listed := os.environ.get("KUBECONFIG"):
        return from_kubeconfig([Path(part) for part in listed.split(os.pathsep) if part], context)
    if (SERVICE_ACCOUNT / "token").exists():
        return in_cluster(os.environ)
    home = Path.home() / ".kube" / "config"
    if home.exists():
        return from_kubeconfig([home], context)
    raise ConfigError(
        f"no cluster given: no --kubeconfig, no $KUBECONFIG, no service account in {SERVICE_ACCOUNT} and no {home}"
    )


def in_cluster(env: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Target:
    """Use the service account of the pod that we run in.

    Raises:
        ConfigError: the address in the environment or the mounted files are missing.

    """
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise ConfigError("KUBERNETES_SERVICE_HOST is not set: this is no pod")
    try:
        tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        namespace = (folder / "namespace").read_text().strip()
    except OSError as error:
        raise ConfigError(f"service account in {folder} cannot be read: {error}") from error
    shown = f"[{host}]" if ":" in host else host
    token = TokenFile(folder / "token")
    return Target(f"https://{shown}:{port}", tls, token, namespace or "default")


def from_kubeconfig(paths: Sequence[Path], context: str | None = None) -> Target:
    """Read one or several kubeconfig files; the first one that sets a name wins, as in kubectl.

    Raises:
        ConfigError: a file cannot be read, or a name in it leads nowhere.

    """
    merged = _merge(paths)
    name = context or merged.current
    if not name:
        raise ConfigError(f"{_shown(paths)}: no current-context, and none was asked for")
    chosen = merged.find("contexts", name, "context")
    cluster = merged.find("clusters", chosen.get("cluster", ""), "cluster")
    user = merged.find("users", chosen["user"], "user") if chosen.get("user") else {}
    server = str(cluster.get("server", "")).rstrip("/")
    if not server.startswith(("http://", "https://")):
        raise ConfigError(f"{_shown(paths)}: cluster {chosen.get('cluster')!r} has no server URL")
    tls = _tls(cluster, user) if server.startswith("https://") else None
    return Target(
        server=server,
        tls=tls,
        credential=_credential(user, tls),
        namespace=chosen.get("namespace") or "default",
        server_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url"),
    )


@dataclass
class _Merged:
    """Kubeconfig files read together."""

    shown: str
    current: str = ""
    entries: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def find(self, section: str, name: str, key: str) -> dict[str, Any]:
        entry = self.entries.get((section, name))
        if entry is None:
            raise ConfigError(f"{self.shown}: no entry named {name!r} under {section}")
        return entry.get(key) or {}


def _merge(paths: Sequence[Path]) -> _Merged:
    merged = _Merged(_shown(paths))
    for path in paths:
        document = _read(path)
        merged.current = merged.current or document.get("current-context") or ""
        for section in ("contexts", "clusters", "users"):
            for entry in document.get(section) or []:
                _resolve_paths(entry, path.parent)
                merged.entries.setdefault((section, entry.get("name", "")), entry)
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"kubeconfig {path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"kubeconfig {path} is not a mapping")
    return document


def _shown(paths: Sequence[Path]) -> str:
    return "kubeconfig " + ", ".join(str(path) for path in paths)


_PATH_KEYS: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _resolve_paths(entry: dict[str, Any], folder: Path) -> None:
    """Make file names absolute: they are relative to the file that names them."""
    body = entry.get("cluster") or entry.get("user") or {}
    for key in _PATH_KEYS:
        if body.get(key):
            body[key] = str(folder / body[key])
    command = (body.get("exec") or {}).get("command", "")
    if command.startswith("."):
        body["exec"]["command"] = str(folder / command)


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = cluster.get("certificate-authority")
    inline = cluster.get("certificate-authority-data")
    try:
        data = _decoded(inline).decode() if inline else None
        context = ssl.create_default_context(cafile=None if data else authority, cadata=data)
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        _load_client_certificate(context, user)
    except (OSError, ValueError) as error:
        raise ConfigError(f"certificates for {cluster.get('server')}: {error}") from error
    return context


def _load_client_certificate(context: ssl.SSLContext, user: Mapping[str, Any]) -> None:
    certificate, key = user.get("client-certificate-data"), user.get("client-key-data")
    if certificate and key:
        load_pair(context, _decoded(certificate), _decoded(key))
    elif user.get("client-certificate"):
        context.load_cert_chain(user["client-certificate"], user.get("client-key"))


def load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a client certificate that is only in memory; OpenSSL's binding reads files only."""
    with tempfile.NamedTemporaryFile(prefix="stellwerk-", suffix=".pem") as file:  # mode 0600
        file.write(certificate + b"\n" + key)
        file.flush()
        context.load_cert_chain(file.name)


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=False)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error


def _credential(user: Mapping[str, Any], tls: ssl.SSLContext | None) -> Credential:
    if user.get("exec"):
        return ExecCredential(user["exec"], _certificate_loader(tls))
    if user.get("tokenFile"):
        return TokenFile(Path(user["tokenFile"]))
    if user.get("token"):
        return StaticToken(user["token"])
    return Anonymous()


def _certificate_loader(tls: ssl.SSLContext | None) -> CertificateLoader:
    def load(certificate: str, key: str) -> None:
        if tls is not None:  # new handshakes use it; open connections keep what they proved
            load_pair(tls, certificate.encode(), key.encode())

    return load
