"""The official release binaries of Kubernetes, etcd and kwok, with the checksums that are published."""

import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import download, env
from tests.testbed.download import NotAvailableError
from tests.testbed.progress import Progress
from tests.testbed.versions import Versions

SITES = {
    env.KUBERNETES_URL: "https://dl.k8s.io",
    env.GITHUB_URL: "https://github.com",
    env.GITHUB_API_URL: "https://api.github.com",
}


def _site(name: str) -> str:
    return (os.environ.get(name) or SITES[name]).rstrip("/")


@dataclass(frozen=True, slots=True)
class Item:
    """One binary: where it is, how to learn its SHA-256, and its name inside an archive if it is in one."""

    name: str
    url: str
    checksum: Callable[[], str]
    member: str | None = None


def kubernetes(name: str, versions: Versions) -> Item:
    """A binary of Kubernetes, kubectl included; the site has a `.sha256` beside each."""
    url = f"{_site(env.KUBERNETES_URL)}/release/{versions.kubernetes}/bin/linux/amd64/{name}"
    return Item(name, url, lambda: download.text(f"{url}.sha256").split()[0])


def etcd(versions: Versions) -> Item:
    """The server of etcd, in an archive that the release's SHA256SUMS lists."""
    base = f"{_site(env.GITHUB_URL)}/etcd-io/etcd/releases/download/{versions.etcd}"
    stem = f"etcd-{versions.etcd}-linux-amd64"
    archive = f"{stem}.tar.gz"
    return Item("etcd", f"{base}/{archive}", lambda: _listed(f"{base}/SHA256SUMS", archive), f"{stem}/etcd")


def kwok(name: str, versions: Versions) -> Item:
    """A binary of kwok. Its releases carry no checksum file, but GitHub publishes a digest per asset."""
    asset = f"{name}-linux-amd64"
    base = f"{_site(env.GITHUB_URL)}/kubernetes-sigs/kwok/releases/download/{versions.kwok}"
    about = f"{_site(env.GITHUB_API_URL)}/repos/kubernetes-sigs/kwok/releases/tags/{versions.kwok}"
    return Item(name, f"{base}/{asset}", lambda: _published(about, asset))


def control_plane(versions: Versions) -> list[Item]:
    """Everything that a cluster runs on, the smallest first so that a missing route shows at once."""
    names = ("kube-scheduler", "kube-controller-manager", "kube-apiserver")
    servers = [kubernetes(name, versions) for name in names]
    return [kwok("kwokctl", versions), kwok("kwok", versions), etcd(versions), *servers]


def fetch(items: list[Item], folder: Path, progress: Progress) -> None:
    """Fetch what `folder` lacks. NotAvailableError: not from here; ChecksumError: not what was published.

    A binary appears in the folder only whole and verified, so an interrupted run goes on where it was.
    """
    missing = [item for item in items if not os.access(folder / item.name, os.X_OK)]
    for number, item in enumerate(missing, start=1):
        progress.say(f"fetching {item.name} ({number} of {len(missing)}) from {item.url}")
        loaded = folder / "download" / item.url.rpartition("/")[2]
        download.file(item.url, loaded, item.checksum(), progress)
        if item.member is not None:
            loaded = _extracted(loaded, item.member)
        loaded.chmod(0o755)
        loaded.replace(folder / item.name)
    for left in (folder / "download").glob("*"):
        left.unlink()


def _extracted(archive: Path, member: str) -> Path:
    target = archive.with_name(member.rpartition("/")[2])
    with tarfile.open(archive) as opened:
        source = opened.extractfile(member)
        if source is None:
            raise NotAvailableError(f"{archive.name} holds no {member}")
        with source, target.open("wb") as out:
            while chunk := source.read(download.CHUNK):
                out.write(chunk)
    archive.unlink()
    return target


def _listed(url: str, name: str) -> str:
    for line in download.text(url).splitlines():
        if line.split()[1:] in ([name], [f"*{name}"]):
            return line.split()[0]
    raise NotAvailableError(f"{url} does not list {name}")


def _published(url: str, name: str) -> str:
    for asset in json.loads(download.text(url))["assets"]:
        if asset["name"] == name and str(asset.get("digest") or "").startswith("sha256:"):
            return str(asset["digest"]).removeprefix("sha256:")
    raise NotAvailableError(f"{url} gives no SHA-256 of {name}")
