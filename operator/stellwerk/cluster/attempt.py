"""One write carried through: sent, and if need be waited for, looked up and sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeGuard

from stellwerk.cluster import errors, requests
from stellwerk.cluster.backoff import Backoff
from stellwerk.cluster.outcome import NotLeader
from stellwerk.cluster.requests import Write, Written
from stellwerk.cluster.session import Session
from stellwerk.cluster.window import Window
from stellwerk.lifecycle.actions import (
    CreateJob,
    CreateWorkload,
    DeleteJob,
    DeletePage,
    PatchStatus,
    SeatPod,
    WritePage,
)

_GLANCE_SECONDS: Final = 0.25


@dataclass(frozen=True)
class Attempts:
    """Carries out single writes.

    Attributes:
        session: the API server.
        is_leader: asked right before every request that writes.
        window: told about successes and refusals.
        timeout: limit of one request in seconds; not above lease duration minus renew deadline, so
            that a deposed leader's last request is over before the next leader's first.
        patience: seconds after which a write that could not be settled is given up.

    """

    session: Session
    is_leader: Callable[[], bool]
    window: Window
    timeout: float
    patience: float

    async def carry_out(self, action: Write) -> Written:
        """Bring an action into effect, once.

        Raises:
            ApiError: it is not in effect, or (`OutcomeUnknown`, `ServerError`) that could not be
                found out.

        """
        version = requests.expected_version(action)
        if version is None and isinstance(action, PatchStatus):
            version = await self._current_version(action)
        give_up_at = self._now() + self.patience
        backoff = Backoff(0.05, 2.0)
        unsure = False
        while True:
            try:
                if unsure and (found := await self._look(action, version)) is not None:
                    return found
                unsure = False
                return await self._send(action, version)
            except errors.ApiError as error:
                unsure = unsure or isinstance(error, errors.OutcomeUnknown | errors.ServerError)
                delay = self._delay(error, backoff)
                if delay is None:
                    raise
                if self._now() + delay > give_up_at or (unsure and not self.is_leader()):
                    raise (_never_known(action, error) if unsure else error) from error
            await self._wait(delay)

    async def _send(self, action: Write, version: str | None) -> Written:
        """Send the request once.

        Raises:
            NotLeader: nothing was sent.
            ApiError: as in `Session.send`, but that our own child exists already is success.

        """
        if not self.is_leader():
            raise NotLeader("this replica does not lead")
        try:
            answer = await self.session.send(requests.request_for(action, version), self.timeout)
        except errors.AlreadyExists as error:
            found = await self._look(action, version)
            if found is None:  # it was deleted in between
                raise errors.Unreachable(str(error)) from error
            return found
        except (errors.NotFound, errors.Conflict, errors.Invalid) as error:
            if _is_moot(action, error):
                return Written("", action.uid)
            raise
        self.window.succeeded()
        return requests.written(answer.body)

    async def _look(self, action: Write, version: str | None) -> Written | None:
        """Find out whether an action is in effect; None if it surely is not and may be sent again.

        Raises:
            ApiError: as in `requests.check_in_effect`, or looking failed.

        """
        try:
            body = await self.session.get(requests.object_path(action), limit=self.timeout)
        except errors.NotFound:
            if isinstance(action, CreateJob | CreateWorkload) or (isinstance(action, WritePage) and version is None):
                return None
            raise
        return requests.check_in_effect(action, body, version)

    async def _current_version(self, action: PatchStatus) -> str:
        """Fetch the version to base a patch on that names none, and check that it is our object.

        A merge patch of a status cannot check the uid: the API server ignores it there.
        """
        body = await self.session.get(requests.object_path(action), limit=self.timeout)
        current = requests.written(body)
        if current.uid != action.uid:
            raise errors.NotFound(f"{action.key} is another object by now", status=404)
        return current.resource_version

    def _delay(self, error: errors.ApiError, backoff: Backoff) -> float | None:
        """Return seconds until the next try, or None if there must be none."""
        if isinstance(error, errors.Throttled):
            self.window.throttled(error.retry_after)
            return max(self.window.pause(), backoff.next(error.retry_after))
        passing = errors.Unreachable | errors.OutcomeUnknown | errors.ServerError | errors.Unauthorized
        return backoff.next(error.retry_after) if isinstance(error, passing) else None

    async def _wait(self, seconds: float) -> None:
        """Wait for the next try, or until we do not lead any more and there will be none."""
        until = self._now() + seconds
        while (left := until - self._now()) > 0 and self.is_leader():  # noqa: ASYNC110 - no event: time
            await asyncio.sleep(min(left, _GLANCE_SECONDS))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _is_moot(action: Write, error: errors.ApiError) -> TypeGuard[DeleteJob | DeletePage | SeatPod]:
    """Tell whether a refusal says that there is nothing left to do.

    What is to be deleted is gone; a pod is gone, another one, or not held back any more.
    """
    if isinstance(action, DeleteJob | DeletePage):
        return isinstance(error, errors.NotFound)
    return isinstance(action, SeatPod)


def _never_known(action: Write, error: errors.ApiError) -> errors.OutcomeUnknown:
    path = requests.object_path(action)
    return errors.OutcomeUnknown(f"{path}: no answer, and looking failed: {error}")
