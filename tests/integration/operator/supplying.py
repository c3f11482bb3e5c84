"""Readers of what became of pools and of those who were placed there, for tests about supply."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.operator import objects
from tests.integration.operator.objects import Object
from tests.integration.operator.site import Site
from tests.integration.operator.watching import Watch, pods_watched
from tests.testbed.pools import POOL_LABEL


def price(amount: str) -> Object:
    """A price per node and hour."""
    return {"perNodeHour": amount, "currency": "EUR"}


def supply(site: Site, pool: str) -> Object:
    """What was learned of a pool; LookupError while nothing was."""
    found = site.config("computepools", pool).get("status", {}).get("supply")
    if found is None:
        raise LookupError(f"nothing was learned of {pool} yet")
    return dict(found)


def pool_of(seen: Object) -> str:
    """Where a workload is placed."""
    return str(seen["status"]["placement"]["pool"])


def owner(pod: Object) -> str:
    """Uid of the Job of a pod."""
    return str(pod["metadata"]["ownerReferences"][0]["uid"])


def homes(watch: Watch) -> list[str]:
    """The pools that pods were sent to, each once, in the order of the first pod."""
    pods = (pod["spec"].get("nodeSelector", {}).get(POOL_LABEL, "") for _, pod in list(watch.events))
    return list(dict.fromkeys(pods))


@contextmanager
def one_copy_at_a_time(site: Site) -> Iterator[Watch]:
    """Assert that no pod of a second Job, or on a second pool, comes before the last of the first has gone."""
    with pods_watched(site.kubectl, site.name) as watch:
        yield watch
    live: dict[str, tuple[str, str]] = {}
    for type_, pod in watch.events:
        uid = pod["metadata"]["uid"]
        if type_ == "DELETED" or objects.finished(pod):
            live.pop(uid, None)
        else:
            live[uid] = (owner(pod), pod["spec"].get("nodeSelector", {}).get(POOL_LABEL, ""))
        assert len(set(live.values())) <= 1, f"two copies at the same time: {live}"
