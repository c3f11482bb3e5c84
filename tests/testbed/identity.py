"""Act as somebody with fewer rights: a ServiceAccount's token by TokenRequest, in a kubeconfig of its own."""

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from tests.testbed.kubectl import Kubectl


def service_account(kubectl: Kubectl, namespace: str, name: str) -> None:
    """Create a ServiceAccount unless it is there."""
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": namespace},
        }
    )


def grant(kubectl: Kubectl, namespace: str, name: str, cluster_role: str) -> str:
    """Bind a ClusterRole that exists to the ServiceAccount, cluster-wide; returns the binding's name."""
    binding = f"{cluster_role}-{namespace}-{name}"
    kubectl.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": binding},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": cluster_role,
            },
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        }
    )
    return binding


def token(kubectl: Kubectl, namespace: str, name: str, duration: str = "24h") -> str:
    """A token for the ServiceAccount, valid for `duration`."""
    return kubectl("create", "token", name, "--namespace", namespace, "--duration", duration).strip()


def kubeconfig(kubectl: Kubectl, namespace: str, name: str, path: Path) -> Path:
    """Write a kubeconfig to `path` that acts as the ServiceAccount, and return the path."""
    flat = json.loads(kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json"))
    server: dict[str, Any] = flat["clusters"][0]["cluster"]
    base64.b64decode(server["certificate-authority-data"], validate=True)
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": "testbed", "cluster": server}],
        "users": [{"name": name, "user": {"token": token(kubectl, namespace, name)}}],
        "contexts": [{"name": name, "context": {"cluster": "testbed", "user": name, "namespace": namespace}}],
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    path.chmod(0o600)
    return path
