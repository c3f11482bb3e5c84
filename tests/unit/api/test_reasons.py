"""Every reason that the reference explains is one that Stellwerk gives."""

from pathlib import Path

import stellwerk
from stellwerk.api.reasons import Reason


def test_every_documented_reason_is_given_somewhere() -> None:
    package = Path(stellwerk.__file__).parent
    files = (path for path in package.rglob("*.py") if path.name != "reasons.py")
    text = "\n".join(path.read_text() for path in files)
    assert [reason.name for reason in Reason if f"Reason.{reason.name}" not in text] == []
