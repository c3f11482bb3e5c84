"""What makes an AIWorkload more than one gang of one size: alternatives, shares, a least size, further pod sets."""

from __future__ import annotations

from random import Random

from tests.integration.differential.places import APPS, KEEP_RUNNING, Object
from tests.integration.differential.worlds import World

_LARGEST = 3


def widen(manifest: Object, world: World, random: Random) -> Object:
    """Return an AIWorkload with some of all that added; a Job as it is."""
    if manifest["kind"] != "AIWorkload":
        return manifest
    spec = manifest["spec"]
    if random.random() < 0.35:
        _share(spec, world, random)
    if random.random() < 0.2:
        _alternatives(spec, world, random)
    elif spec["replicas"] > 1 and random.random() < 0.25:
        spec["minReplicas"] = random.randint(1, spec["replicas"])
    if random.random() < 0.25:
        spec["podSets"] = [_pod_set(f"side{number}", world, random) for number in range(random.choice((1, 1, 2)))]
    return manifest


def _models(world: World) -> list[str]:
    return sorted({pool["spec"]["accelerator"]["model"] for pool in world.pools if "accelerator" in pool["spec"]})


def _share(spec: Object, world: World, random: Random) -> None:
    """Ask for a part of one device instead of whole ones; pools hand them out in slices or whole."""
    if "accelerators" in spec and _models(world):
        share = random.choice(({"fraction": "0.5"}, {"fraction": "0.25"}, {"memory": "30Gi"}, {"memory": "10Gi"}))
        spec["accelerators"] = [{"model": random.choice((*_models(world), "any")), "share": share}]


def _alternatives(spec: Object, world: World, random: Random) -> None:
    """Add another shape of the gang: other devices per pod, or another number of pods."""
    if "accelerators" in spec:
        model = random.choice((*_models(world), "any"))
        other = {"model": model, "count": random.choice((1, 2, 4)), "replicas": random.randint(1, _LARGEST)}
        spec["accelerators"].append(other)


def _pod_set(name: str, world: World, random: Random) -> Object:
    requests = {"cpu": random.choice(("250m", "1", "2", "3")), "memory": random.choice(("256Mi", "1Gi"))}
    container = {"name": "side", "image": "example.com/side:1", "resources": {"requests": requests}}
    labels = {"app": world.place.app(random.choice(APPS)), "team": random.choice(("red", "blue"))}
    made: Object = {
        "name": name,
        "replicas": random.randint(1, _LARGEST),
        "template": {
            "metadata": {"labels": labels, "annotations": dict(KEEP_RUNNING)},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
        },
    }
    if random.random() < 0.2:
        made["template"]["spec"]["nodeSelector"] = {"disk": random.choice(("ssd", "hdd"))}
    if _models(world) and random.random() < 0.3:
        made["accelerators"] = [{"model": random.choice((*_models(world), "any")), "count": random.choice((1, 1, 2))}]
    return made
