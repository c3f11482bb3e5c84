"""HTTP answers become errors that say what to do next."""

from __future__ import annotations

import pytest

from stellwerk.cluster import errors


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", errors.Invalid),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Gone", errors.Gone),
        (413, "RequestEntityTooLarge", errors.Invalid),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.Throttled),
        (500, "InternalError", errors.ServerError),
        (504, "Timeout", errors.ServerError),
    ],
)
def test_each_status_means_one_thing_to_do(code: int, reason: str, kind: type[errors.ApiError]) -> None:
    error = errors.from_response(code, b'{"code":%d,"reason":"%s","message":"why"}' % (code, reason.encode()))
    assert type(error) is kind
    assert (error.status, error.reason, str(error)) == (code, reason, "why")


def test_an_answer_that_is_no_status_is_quoted() -> None:
    error = errors.from_response(502, b"<html>bad gateway</html>")
    assert type(error) is errors.ServerError
    assert str(error) == "<html>bad gateway</html>"
    assert str(errors.from_response(503, b"")) == "HTTP 503"


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 1.0), (None, 1.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0), ("9999", 60.0)]
)
def test_how_long_a_429_asks_to_wait_is_bounded(header: str | None, seconds: float) -> None:
    assert errors.from_response(429, b"{}", header).retry_after == seconds


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"code":410,"reason":"Expired"}', errors.Gone),
        (b'{"code":0,"reason":"Expired"}', errors.Gone),
        (b'{"code":500,"message":null}', errors.ServerError),
        (b"7", errors.ServerError),
    ],
)
def test_error_events_are_translated_alike(raw: bytes, kind: type[errors.ApiError]) -> None:
    assert type(errors.from_status(raw)) is kind
