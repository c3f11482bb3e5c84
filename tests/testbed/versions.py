"""Which versions the test bed runs, read from the go.mod beside this file: the only place that pins them."""

import re
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent
PLATFORM = "linux-amd64"
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
CONTROL_PLANE = (*COMPONENTS, "kwok", "kwokctl")


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions with their leading `v`, e.g. kubernetes `v1.37.2`."""

    kubernetes: str
    etcd: str
    kwok: str

    @property
    def label(self) -> str:
        """Name of the cache folder for exactly these versions and this platform."""
        return f"kubernetes-{self.kubernetes}-etcd-{self.etcd}-kwok-{self.kwok}-{PLATFORM}"


def pinned(go_mod: Path = MODULE / "go.mod") -> Versions:
    """Read the versions that `go_mod` requires; ValueError names a module that is not there."""
    text = go_mod.read_text(encoding="utf-8")

    def of(module: str) -> str:
        found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", text, re.MULTILINE)
        if found is None:
            raise ValueError(f"{go_mod} does not require {module}")
        return found[1]

    return Versions(
        kubernetes=of("k8s.io/kubernetes"),
        etcd=of("go.etcd.io/etcd/server/v3"),
        kwok=of("sigs.k8s.io/kwok"),
    )
