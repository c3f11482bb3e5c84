"""From what a live cluster showed of namespaces and runtime classes to their part of a fleet file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

from stellwerk.api import quantity
from stellwerk.cli.fleetrules import KNOWN_NAME
from stellwerk.model.namespaces import Amounts, Limit, NamespaceRules, Quota, RuntimeClass
from stellwerk.model.requirements import Operator
from stellwerk.model.resources import CPU, MEMORY

Document = dict[str, Any]

_BYTES: Final = frozenset({MEMORY, "ephemeral-storage", "storage"})


def namespaces(rules: Mapping[str, NamespaceRules]) -> list[Document]:
    """Return one entry per namespace, by name."""
    return [_namespace(name, rules[name]) for name in sorted(rules)]


def runtime_classes(classes: Mapping[str, RuntimeClass]) -> list[Document]:
    """Return one entry per runtime class, by name."""
    return [_runtime_class(classes[name]) for name in sorted(classes)]


def amounts_text(amounts: Iterable[tuple[str, int]]) -> dict[str, str]:
    """Return amounts as quantities; what is counted as processors is in thousandths."""
    return {name: _text(name, amount) for name, amount in amounts}


def _text(name: str, amount: int) -> str:
    unit = name.rpartition(".")[2] if "/" not in name else ""
    return quantity.milli_text(amount) if unit == CPU else quantity.text(amount, binary=unit in _BYTES)


def _namespace(name: str, rules: NamespaceRules) -> Document:
    labels = {key: text for key, text in sorted(rules.labels.items()) if (key, text) != (KNOWN_NAME, name)}
    ranges = [
        {"name": source, "limits": [_limit(one) for one in items]}
        for source, items in groupby(rules.limits, key=lambda one: one.source)
    ]
    return _without_empty(
        {
            "metadata": _without_empty({"name": name, "labels": labels}),
            "limitRanges": ranges,
            "resourceQuotas": [_quota(one) for one in rules.quotas],
        }
    )


def _limit(limit: Limit) -> Document:
    return _without_empty(
        {
            "type": limit.kind,
            "min": amounts_text(limit.least),
            "max": amounts_text(limit.most),
            "default": amounts_text(limit.default_limit),
            "defaultRequest": amounts_text(limit.default_request),
            "maxLimitRequestRatio": _milli(limit.ratio_milli),
        }
    )


def _milli(amounts: Amounts) -> dict[str, str]:
    return {name: quantity.milli_text(amount) for name, amount in amounts}


def _quota(quota: Quota) -> Document:
    scopes = [
        {
            "scopeName": one.name,
            **({} if one.operator is Operator.EXISTS else {"operator": one.operator.value, "values": list(one.values)}),
        }
        for one in quota.scopes
    ]
    told = {"name": quota.name, "hard": amounts_text(quota.hard), "used": amounts_text(quota.used), "scopes": scopes}
    return _without_empty(told)


def _runtime_class(one: RuntimeClass) -> Document:
    tolerations = [
        _without_empty({"key": t.key, "operator": t.operator, "value": t.value, "effect": t.effect})
        for t in one.tolerations
    ]
    selector = {demand.key: demand.values[0] for demand in one.node_selector}
    return _without_empty(
        {
            "metadata": {"name": one.name},
            "overhead": _without_empty({"podFixed": amounts_text(one.overhead.amounts)}),
            "scheduling": _without_empty({"nodeSelector": selector, "tolerations": tolerations}),
        }
    )


def _without_empty(document: Document) -> Document:
    return {key: value for key, value in document.items() if value not in ({}, [], "")}
