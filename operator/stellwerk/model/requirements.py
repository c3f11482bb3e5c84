"""What a pod demands of a node's labels: node selectors and required node affinity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

NODE_NAME: Final = "metadata.name"
"""Stands in for a label key where an affinity term matches the node's own name."""


class Operator(StrEnum):
    """How a requirement compares a label with its values, as Kubernetes names it."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GT = "Gt"
    LT = "Lt"


class Requirement(msgspec.Struct, frozen=True):
    """One demand on one label."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def admits(self, value: str | None) -> bool:
        """Tell whether a label with this `value` (None: no such label) meets the demand."""
        match self.operator:
            case Operator.IN:
                return value in self.values
            case Operator.NOT_IN:
                return value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:
                return value is None
            case Operator.GT | Operator.LT:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        """Compare as whole numbers; what is no number does not match, as in Kubernetes."""
        try:
            label, bound = int(value or ""), int(self.values[0])
        except (ValueError, IndexError):
            return False
        return label > bound if self.operator is Operator.GT else label < bound

    def __str__(self) -> str:
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"no {self.key}"
            case Operator.IN if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case _:
                return f"{self.key} {self.operator.value} {', '.join(self.values)}"


class Requirements(msgspec.Struct, frozen=True):
    """All demands of a pod on its node: every one of `all_of`, and any one term of `any_of`.

    A term is a conjunction. No terms at all demand nothing; an empty term matches no node, as in
    Kubernetes.
    """

    all_of: tuple[Requirement, ...] = ()
    any_of: tuple[tuple[Requirement, ...], ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """The label keys that the demands look at."""
        terms = (self.all_of, *self.any_of)
        return frozenset(requirement.key for term in terms for requirement in term)

    def matches(self, labels: Mapping[str, str], name: str = "") -> bool:
        """Tell whether a node with these `labels` and this `name` meets the demands."""
        return _holds(self.all_of, labels, name) and (
            not self.any_of or any(term and _holds(term, labels, name) for term in self.any_of)
        )

    def __bool__(self) -> bool:
        return bool(self.all_of or self.any_of)

    def __str__(self) -> str:
        alternatives = " or ".join(" and ".join(map(str, term)) for term in self.any_of)
        return " and ".join([*map(str, self.all_of), *([alternatives] if alternatives else [])])


def _holds(term: Sequence[Requirement], labels: Mapping[str, str], name: str) -> bool:
    return all(
        requirement.admits(name if requirement.key == NODE_NAME else labels.get(requirement.key))
        for requirement in term
    )


def requirements_of(pod_spec: Mapping[str, Any]) -> Requirements:
    """Read node selector, node name and required node affinity of a pod spec (decoded JSON).

    Raises:
        ValueError: If an affinity term uses an operator that Kubernetes does not know.
    """
    selector = pod_spec.get("nodeSelector") or {}
    node_affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    fixed = pod_spec.get("nodeName")
    named = (Requirement(NODE_NAME, Operator.IN, (fixed,)),) if fixed else ()
    return Requirements(
        (*(Requirement(key, Operator.IN, (value,)) for key, value in sorted(selector.items())), *named),
        tuple(_term(term) for term in required.get("nodeSelectorTerms") or ()),
    )


def _term(term: Mapping[str, Any]) -> tuple[Requirement, ...]:
    expressions = [*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ())]
    return tuple(
        Requirement(item["key"], Operator(item["operator"]), tuple(item.get("values") or ())) for item in expressions
    )
