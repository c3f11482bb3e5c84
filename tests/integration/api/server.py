"""Asks a real API server for its verdict on a manifest."""

import json
from dataclasses import dataclass
from typing import Any

from stellwerk.api.labels import API_VERSION
from stellwerk.api.v1alpha1 import KINDS
from tests.testbed.api import Api

_PLURALS = {kind.info.kind: (kind.info.plural, kind.info.scope == "Namespaced") for kind in KINDS}
_HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    code: int
    body: dict[str, Any]

    @property
    def accepted(self) -> bool:
        return self.code in {200, 201}

    @property
    def causes(self) -> set[tuple[str, str]]:
        """Field and message of everything that was refused."""
        causes = self.body.get("details", {}).get("causes", [])
        return {(cause.get("field", ""), cause.get("message", "")) for cause in causes}

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))


def create(api: Api, manifest: Any, *, dry: bool = True) -> Answer:
    """Create `manifest` in its namespace or `default`, with strict field validation."""
    path = collection(manifest)
    query = "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")
    return _ask(api, "POST", path + query, manifest)


def replace(api: Api, manifest: Any) -> Answer:
    """Replace a stored object, with strict field validation, as a dry run."""
    path = f"{collection(manifest)}/{manifest['metadata']['name']}"
    return _ask(api, "PUT", f"{path}?fieldValidation=Strict&dryRun=All", manifest)


def collection(manifest: dict[str, Any]) -> str:
    """Return the path under which objects like `manifest` live."""
    plural, namespaced = _PLURALS[manifest["kind"]]
    meta = manifest.get("metadata")
    namespace = meta.get("namespace") if isinstance(meta, dict) else None
    inside = f"/namespaces/{namespace or 'default'}" if namespaced else ""
    return f"/apis/{API_VERSION}{inside}/{plural}"


def _ask(api: Api, method: str, path: str, body: Any) -> Answer:
    code, text = api._exchange(method, path, json.dumps(body), _HEADERS)
    return Answer(code, json.loads(text))
