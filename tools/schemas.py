"""Write the formats of `stellwerk plan` to docs/reference/: `python -m tools.schemas [--check]`.

Made from the pydantic models in operator/stellwerk/cli, so that neither the schemas nor the page can
tell of something else.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from stellwerk.cli.fleetmodel import Fleet
from stellwerk.cli.reportmodel import PlanReport
from tools.lock import ROOT

SOURCE = "operator/stellwerk/cli"
COMMENT = f"Generated from {SOURCE} by `make generate`; do not edit."
PAGE_HEAD = f"""<!-- {COMMENT} -->
# Formats of `stellwerk plan`

`stellwerk plan -f FILES --fleet FLEET -o json` reads a fleet file and writes a report. JSON schemas:
[fleet.schema.json](fleet.schema.json), [plan-report.schema.json](plan-report.schema.json).

| exit code | means |
|---|---|
| 0 | every workload fits, or fits once others have ended |
| 1 | bad input: each problem is a line `file:line: field: what is allowed` on standard error |
| 2 | at least one workload can never fit |

Amounts of money, grams and kWh are decimal strings with at most six decimals, or `unknown`. A field that is
absent is not known or does not apply; nothing is ever zero for want of data.
"""


def schema(model: type[BaseModel], title: str) -> str:
    """Return the JSON schema of a format."""
    made = model.model_json_schema(by_alias=True)
    head = {"$comment": COMMENT, "$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps({**head, **made, "title": title}, indent=2) + "\n"


def page() -> str:
    """Return the page that describes both formats field by field."""
    parts = [PAGE_HEAD, "## The fleet file\n", *tables(Fleet), "## The report\n", *tables(PlanReport)]
    return "\n".join(parts)


def tables(model: type[BaseModel]) -> Iterator[str]:
    """Yield one table per type of a format, the whole first."""
    made: dict[str, Any] = model.model_json_schema(by_alias=True)
    for name, one in {model.__name__: made, **made.get("$defs", {})}.items():
        required = one.get("required", [])
        yield f"### {name}\n\n{one.get('description', '').strip()}\n\n| field | type | |\n|---|---|---|"
        for field, value in one.get("properties", {}).items():
            mark = "" if field in required else ", optional"
            yield f"| `{field}` | {kind(value)}{mark} | {said(value)} |"
        yield ""


def said(value: dict[str, Any]) -> str:
    """Return what a field means, as one table cell."""
    return " ".join(str(value.get("description", "")).split()).replace("|", "\\|")


def kind(value: dict[str, Any]) -> str:
    """Return the type of a field in words."""
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "anyOf" in value:
        return " or ".join(kind(one) for one in value["anyOf"] if one.get("type") != "null")
    if "const" in value or "enum" in value:
        return ", ".join(f"`{one}`" for one in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        return f"list of {kind(value.get('items', {}))}"
    if value.get("type") == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"map to {kind(value['additionalProperties'])}"
    named = value.get("type", "any")
    return " or ".join(named) if isinstance(named, list) else str(named)


PAGES = {
    "docs/reference/fleet.schema.json": lambda: schema(Fleet, "Stellwerk fleet file"),
    "docs/reference/plan-report.schema.json": lambda: schema(PlanReport, "Report of stellwerk plan"),
    "docs/reference/plan.md": page,
}


def main(*, check: bool) -> int:
    """Write the files, or only compare; 1 if one is stale."""
    stale = 0
    for name, render in PAGES.items():
        path, text = ROOT / name, render()
        if check and (not path.is_file() or path.read_text() != text):
            print(f"stale: {name} (run `make generate`)")
            stale = 1
        elif not check:
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
