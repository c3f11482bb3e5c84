"""One Lease object: read it, judge it by our own clock, take or renew it by compare-and-swap."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from stellwerk.cluster import errors
from stellwerk.cluster.resources import object_path
from stellwerk.cluster.session import Request, Session
from stellwerk.cluster.structs import ObjectMeta

_LEASES: Final = "/apis/coordination.k8s.io/v1/leases"
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Return seconds of a clock that never jumps and, where there is one, also counts suspension."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True)
class LeaseConfig:
    """Which Lease, who we are, and the three times, in seconds.

    Attributes:
        namespace: namespace of the Lease.
        name: name of the Lease.
        identity: our name in it; unique among replicas and restarts.
        duration: others may take over when they saw no renewal for this long.
        renew: without a renewal for this long we stop leading.
        retry: pause between two tries.

    Raises:
        ValueError: the times do not fit each other.

    """

    namespace: str
    name: str
    identity: str
    duration: float = 10.0
    renew: float = 7.0
    retry: float = 1.5

    def __post_init__(self) -> None:
        if not self.duration > self.renew > self.retry * 1.2 > 0:
            raise ValueError("a lease needs duration > renew > 1.2 x retry > 0")


class _Spec(msgspec.Struct, rename="camel", omit_defaults=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class _Lease(msgspec.Struct):
    metadata: ObjectMeta
    spec: _Spec = msgspec.field(default_factory=_Spec)


_decode = msgspec.json.Decoder(_Lease).decode


class LeaseClient:
    """Takes, renews and releases one Lease for one identity.

    Other replicas' clocks are never trusted: a holder is taken for dead when its record has not
    changed for the lease's duration by our own clock.
    """

    def __init__(self, session: Session, config: LeaseConfig) -> None:
        """Prepare, without contacting anything."""
        self.holder = ""
        self._session = session
        self._config = config
        self._collection = object_path(_LEASES, config.namespace, "")
        self._path = object_path(_LEASES, config.namespace, config.name)
        self._seen: tuple[str, str] = ("", "")  # holder, version
        self._held_until = float("-inf")  # as far as we know, by our clock

    async def hold(self, limit: float) -> bool:
        """Take the Lease if it is free, or renew it if it is ours.

        Args:
            limit: seconds for each of the two requests.

        Returns:
            Whether we hold it now; False also if somebody else was faster.

        Raises:
            ApiError: that could not be found out.

        """
        try:
            lease = _decode(await self._session.get(self._path, limit=limit))
        except errors.NotFound:
            return await self._create(limit)
        self._observe(lease)
        if self.holder not in ("", self._config.identity) and now() < self._held_until:
            return False
        return await self._write(lease, self._renewed(lease.spec), limit)

    async def release(self, limit: float) -> None:
        """Give the Lease back, if it is ours, so that another replica need not wait.

        Raises:
            ApiError: it could not be given back; it lapses by itself.

        """
        lease = _decode(await self._session.get(self._path, limit=limit))
        if lease.spec.holder_identity == self._config.identity:
            spec = msgspec.structs.replace(
                lease.spec, holder_identity="", lease_duration_seconds=1, renew_time=_micro_time()
            )
            await self._write(lease, spec, limit)

    def _observe(self, lease: _Lease) -> None:
        """Note a record that changed; the holder may have renewed as late as right now."""
        self.holder = lease.spec.holder_identity or ""
        record = (self.holder, lease.metadata.resource_version)
        if record != self._seen:
            self._seen = record
            self._held_until = now() + (lease.spec.lease_duration_seconds or self._config.duration)

    def _renewed(self, old: _Spec) -> _Spec:
        moment = _micro_time()
        ours = old.holder_identity == self._config.identity
        return _Spec(
            holder_identity=self._config.identity,
            lease_duration_seconds=math.ceil(self._config.duration),
            acquire_time=old.acquire_time if ours else moment,
            renew_time=moment,
            lease_transitions=(old.lease_transitions or 0) + (not ours),
        )

    async def _create(self, limit: float) -> bool:
        if self._seen[0] not in ("", self._config.identity) and now() < self._held_until:
            return False  # deleted under its holder, who may still believe in it
        spec = self._renewed(_Spec(lease_transitions=-1))
        body = {"metadata": {"name": self._config.name}, "spec": spec}
        return await self._swap(Request("POST", self._collection, msgspec.json.encode(body)), limit)

    async def _write(self, lease: _Lease, spec: _Spec, limit: float) -> bool:
        meta = {"name": lease.metadata.name, "resourceVersion": lease.metadata.resource_version}
        body = msgspec.json.encode({"metadata": meta, "spec": spec})
        return await self._swap(Request("PUT", self._path, body), limit)

    async def _swap(self, request: Request, limit: float) -> bool:
        try:
            answer = await self._session.send(request, limit)
        except errors.Conflict:
            return False
        self._observe(_decode(answer.body))
        return True


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
