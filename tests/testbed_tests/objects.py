"""Jobs and pods for the tests of the bed."""

from typing import Any

PREFIX = "testbed.stellwerk.dev"
Object = dict[str, Any]


def template(pool: str, **steer: str) -> Object:
    """A pod template with one container for a pool; keywords become annotations that steer kwok."""
    return {
        "metadata": {"annotations": {f"{PREFIX}/{key}": value for key, value in steer.items()}},
        "spec": {
            "restartPolicy": "Never",
            "nodeSelector": {f"{PREFIX}/pool": pool},
            "containers": [{"name": "main", "image": "example.com/train:1"}],
        },
    }


def job(name: str, pool: str, *, backoff: int = 0, **steer: str) -> Object:
    """A Job of one pod that asks for one GPU of a pool."""
    pod = template(pool, **steer)
    pod["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "1"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": backoff, "template": pod},
    }


def pod(name: str, pool: str, **steer: str) -> Object:
    """A bare pod."""
    made = template(pool, **steer)
    made["metadata"]["name"] = name
    return {"apiVersion": "v1", "kind": "Pod", **made}


def condition(of: Object, kind: str) -> Object:
    """The condition of this type; LookupError when the object has none that is true."""
    for one in of.get("status", {}).get("conditions", []):
        if one["type"] == kind and one["status"] == "True":
            found: Object = one
            return found
    raise LookupError(f"{of['metadata']['name']}: no condition {kind}")
