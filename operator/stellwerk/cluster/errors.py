"""What can go wrong between us and an API server, translated once from HTTP and sockets.

The tree follows what a caller has to do next, not the status codes: a request that surely did not
happen (`Unreachable`, `Throttled`) may be sent again, one that may have happened (`OutcomeUnknown`,
`ServerError`) must be looked up first, one that was refused must be reported.
"""

# ruff: noqa: N818 - each name says what happened; all are ApiErrors

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

_LONGEST_WAIT: Final = 60.0
_MESSAGE_LIMIT: Final = 1000
_FIRST_SERVER_ERROR: Final = 500


class ApiError(Exception):
    """A request to an API server failed.

    Attributes:
        status: HTTP status, or None if there was no answer.
        reason: Kubernetes' machine-readable reason such as ``AlreadyExists``, or "".
        message: one sentence for people.
        retry_after: seconds to wait before the next try as the server asked, else 0.

    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        reason: str = "",
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class Unreachable(ApiError):
    """No connection: the request was surely not sent."""


class OutcomeUnknown(ApiError):
    """The request was sent and no answer came: it may or may not have been carried out."""


class ServerError(ApiError):
    """The server answered 5xx: a write may or may not have been carried out."""


class Throttled(ApiError):
    """The server answered 429 and did nothing; `retry_after` says when to come back."""


class Unauthorized(ApiError):
    """The server does not know us: the credential is missing, expired or revoked."""


class Forbidden(ApiError):
    """The server knows us and refuses: a permission is missing, or a quota or policy said no."""


class NotFound(ApiError):
    """The object, or the kind itself, does not exist."""


class Conflict(ApiError):
    """The object changed since the version that the write was based on."""


class AlreadyExists(Conflict):
    """An object of this name exists already."""


class Gone(ApiError):
    """The resource version is too old to continue from: list again."""


class Invalid(ApiError):
    """The server refuses the request as it stands: sending it again cannot help."""


class _Status(msgspec.Struct):
    """The part of a ``metav1.Status`` that we read."""

    code: int = 0
    reason: str | None = ""
    message: str | None = ""


_status_decoder = msgspec.json.Decoder(_Status)

_BY_CODE: Final[Mapping[int, type[ApiError]]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    429: Throttled,
}


def from_response(status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """Translate an answer that is not 2xx.

    Args:
        status: HTTP status.
        body: what came with it, a ``metav1.Status`` or any text.
        retry_after: value of the header of that name.

    """
    try:
        said = _status_decoder.decode(body)
    except msgspec.DecodeError:
        said = _Status(message=body[:_MESSAGE_LIMIT].decode(errors="replace").strip())
    return _error(status, said, _seconds(retry_after))


def from_status(raw: bytes | msgspec.Raw) -> ApiError:
    """Translate the ``metav1.Status`` inside a watch event of type ERROR."""
    try:
        said = _status_decoder.decode(raw)
    except msgspec.DecodeError:
        said = _Status(message="a watch ERROR event that is no Status")
    return _error(said.code or _FIRST_SERVER_ERROR, said, 0.0)


def _error(status: int, said: _Status, retry_after: float) -> ApiError:
    reason, message = said.reason or "", (said.message or "")[:_MESSAGE_LIMIT]
    kind = _BY_CODE.get(status) or (ServerError if status >= _FIRST_SERVER_ERROR else Invalid)
    if kind is Conflict and reason == "AlreadyExists":
        kind = AlreadyExists
    if reason == "Expired":
        kind = Gone
    if kind is Throttled:
        retry_after = retry_after or 1.0
    return kind(message or f"HTTP {status}", status=status, reason=reason, retry_after=retry_after)


def _seconds(header: str | None) -> float:
    """Read a Retry-After header; a date or nonsense counts as "not said"."""
    if header is None or not header.strip().isdecimal():
        return 0.0
    return min(float(header), _LONGEST_WAIT)
