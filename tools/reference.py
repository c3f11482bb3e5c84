"""Write docs/reference/settings.md and metrics.md: `python -m tools.reference [--check]`.

Made from the settings' models and the metrics' registry, so that neither page can tell of something else.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stellwerk import metrics
from stellwerk.settings import FILE_VARIABLE, Settings
from tools.lock import ROOT

HEADER = "<!-- Generated from {} by `make generate`; do not edit. -->\n"


def settings_page() -> str:
    """Return the page of all settings, one table row each."""
    lines = [
        HEADER.format("operator/stellwerk/settings.py"),
        "# Settings of the operator",
        "",
        f"From the environment, then from the YAML file that `{FILE_VARIABLE}` names (a group is a mapping there),",
        "then the default. All are checked before anything starts.",
        "",
        "| variable | default | allowed | |",
        "|---|---|---|---|",
        *(row(prefix, name, field) for prefix, name, field in leaves("STELLWERK_", Settings)),
    ]
    return "\n".join(lines) + "\n"


def leaves(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, str, FieldInfo]]:
    """Walk the settings depth first: variable prefix, field name, field."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(f"{prefix}{name.upper()}__", field.annotation)
        else:
            yield prefix, name, field


def row(prefix: str, name: str, field: FieldInfo) -> str:
    """Return one table row; a default that depends on the machine is not written out."""
    default = "" if field.default_factory or field.default is None else f"`{field.default}`"
    return f"| `{prefix}{name.upper()}` | {default} | {allowed(field)} | {field.description} |"


def allowed(field: FieldInfo) -> str:
    """Return the choices or bounds of a field in words."""
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    signs = {"gt": "> {}", "ge": "≥ {}", "lt": "< {}", "le": "≤ {}"}
    words = {"min_length": "at least {} characters", "max_length": "at most {} characters"}
    found: list[str] = []
    for bound in field.metadata:
        texts: dict[str, str] = signs | words
        found += [text.format(getattr(bound, key)) for key, text in texts.items() if hasattr(bound, key)]
    return ", ".join(found)


def metrics_page() -> str:
    """Return the page of all metrics, in the order of their names."""
    lines = [
        HEADER.format("operator/stellwerk/metrics.py"),
        "# Metrics of the operator",
        "",
        "Base units. Histograms have `_bucket`, `_sum` and `_count` appended. No workload's name is ever a label.",
        "",
        "| metric | type | labels | |",
        "|---|---|---|---|",
    ]
    found = (value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase))
    return "\n".join([*lines, *sorted(metric_row(metric) for metric in found)]) + "\n"


def metric_row(metric: MetricWrapperBase) -> str:
    """Return one table row of a metric."""
    family = next(iter(metric.describe()))
    labels: Any = vars(metric)["_labelnames"]  # the library tells labels nowhere else before there is a sample
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return f"| `{name}` | {family.type} | {', '.join(labels)} | {family.documentation} |"


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/settings.md": settings_page,
    "docs/reference/metrics.md": metrics_page,
}


def main() -> int:
    """Write the pages, or with --check say which differ; 1 when one does."""
    only_check = sys.argv[1:] == ["--check"]
    differing = [
        name for name, page in PAGES.items() if not (ROOT / name).exists() or (ROOT / name).read_text() != page()
    ]
    for name in differing:
        if only_check:
            print(f"stale: {name} (run `make generate`)")
        else:
            (ROOT / name).write_text(PAGES[name]())
            print("wrote", name)
    return 1 if only_check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
