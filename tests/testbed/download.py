"""Fetch one file: resumes what was interrupted, checks what came, gives up quickly where nobody answers."""

import hashlib
import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.progress import Progress, TestbedError

CONNECT_SECONDS = 5.0  # for the first answer of a host; a silent connection ends after READ_SECONDS
READ_SECONDS = 30.0
ATTEMPTS = 5
CHUNK = 1 << 20


class NotAvailableError(TestbedError):
    """The file cannot be had from there now: no route, no such file, or it broke off too often."""


class ChecksumError(TestbedError):
    """What came is not what was published; nothing of it is kept."""


def text(url: str) -> str:
    """A small text file; NotAvailableError when it cannot be had."""
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as answer:
            return str(answer.read().decode())
    except (OSError, http.client.HTTPException) as error:
        raise NotAvailableError(f"{url}: {_said(error)}") from error


def file(url: str, target: Path, sha256: str, progress: Progress) -> None:
    """Fetch to `target` and verify; a part left by an earlier try beside it is continued."""
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    resumed = part.exists()
    _fetch(url, part, progress)
    if resumed and _digest(part) != sha256:  # the part may have been of another file
        part.unlink()
        _fetch(url, part, progress)
    if (came := _digest(part)) != sha256:
        part.unlink()
        raise ChecksumError(f"{url}: SHA-256 is {came}, published is {sha256}")
    part.replace(target)


def _fetch(url: str, part: Path, progress: Progress) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        before = part.stat().st_size if part.exists() else 0
        try:
            if _transfer(url, part, progress):
                return
            problem = "the connection broke off"
        except (OSError, http.client.HTTPException) as error:
            problem = _said(error)
            gained = part.exists() and part.stat().st_size > before
            if isinstance(error, urllib.error.HTTPError) or not gained:
                raise NotAvailableError(f"{url}: {problem}") from error
        progress.say(f"{url}: {problem}; resuming (try {attempt} of {ATTEMPTS})")
    raise NotAvailableError(f"{url}: broke off {ATTEMPTS} times")


def _transfer(url: str, part: Path, progress: Progress) -> bool:
    """Append what is missing; False when the connection ended before all had come."""
    offset = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-"} if offset else {})
    try:
        answer = urllib.request.urlopen(request, timeout=CONNECT_SECONDS if not offset else READ_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            error.close()
            return True  # nothing is missing; the checksum decides
        raise
    with answer:
        whole = _Extent.of(answer, offset)
        with part.open("ab" if whole.offset else "wb") as out:
            came = whole.offset
            while chunk := answer.read(CHUNK):
                out.write(chunk)
                came += len(chunk)
                progress.update(f"{part.stem}: {came >> 20} of {whole.total >> 20} MiB")
    return came >= whole.total


@dataclass(frozen=True, slots=True)
class _Extent:
    """Where in the file the answer begins and how long the file is, in bytes; total 0 if unknown."""

    offset: int
    total: int

    @staticmethod
    def of(answer: http.client.HTTPResponse, asked: int) -> "_Extent":
        length = int(answer.headers.get("Content-Length") or 0)
        partial = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        offset = asked if partial else 0  # a server without ranges sends all again
        return _Extent(offset, offset + length if length else 0)


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _said(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"HTTP {error.code}"
    return str(getattr(error, "reason", error))
