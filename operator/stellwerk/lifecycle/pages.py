"""Pages of the ledger as the ConfigMaps that hold them."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

from stellwerk.api.labels import LEDGER_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from stellwerk.economics.ledger.book import Page
from stellwerk.lifecycle.actions import WritePage

DATA_KEY: Final = "entries"
"""Under `binaryData`."""


def write_page(page: Page, data: bytes, namespace: str, version: str | None, *, full: bool) -> WritePage:
    """Return the write of a page.

    Args:
        page: The page.
        data: The same as bytes.
        namespace: Where pages are kept.
        version: Resource version of what it replaces; None if it is new.
        full: Nobody may ever change it again; the API server holds that.
    """
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": page.name,
            "namespace": namespace,
            "labels": {LEDGER_LABEL: page.cluster, MANAGED_BY_LABEL: MANAGED_BY},
        },
        "binaryData": {DATA_KEY: b64encode(data).decode()},
        **({"immutable": True} if full else {}),
    }
    return WritePage(namespace, manifest, version)
