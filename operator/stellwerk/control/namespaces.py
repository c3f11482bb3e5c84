"""What namespaces allow their pods, and what runtime classes add to them, kept up to date event by event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from stellwerk.cluster import structs
from stellwerk.logs import get_logger
from stellwerk.model.capacity import Toleration
from stellwerk.model.namespaces import Limit, NamespaceRules, Quota, RuntimeClass, limits_of, quota_of
from stellwerk.model.requirements import Operator, Requirement
from stellwerk.model.resources import Resources

_log = get_logger(__name__)

K = TypeVar("K", bound=structs.KubeObject)
V = TypeVar("V")


class Namespaces:
    """The rules of all namespaces of one cluster.

    Of an object that cannot be read, its last good version rules on.
    """

    def __init__(self) -> None:
        self._labels: dict[str, Mapping[str, str]] = {}
        self._limits: dict[str, dict[str, tuple[Limit, ...]]] = {}
        self._quotas: dict[str, dict[str, Quota]] = {}
        self._classes: dict[str, RuntimeClass] = {}
        self._frozen: Mapping[str, NamespaceRules] | None = None

    @property
    def frozen(self) -> Mapping[str, NamespaceRules]:
        """Rules by namespace; the same mapping until one changes."""
        if self._frozen is None:
            names = sorted({*self._labels, *self._limits, *self._quotas})
            self._frozen = {name: self._rules(name) for name in names}
        return self._frozen

    @property
    def runtime_classes(self) -> Mapping[str, RuntimeClass]:
        """By name; a copy."""
        return dict(self._classes)

    def set_namespace(self, new: structs.Namespace | None, old: structs.Namespace | None) -> bool:
        """Take in a namespace; tell whether anything changed."""
        return self._take(self._labels, new, old, lambda found: dict(found.metadata.labels or {}))

    def set_limits(self, new: structs.LimitRange | None, old: structs.LimitRange | None) -> bool:
        """Take in a LimitRange; tell whether anything changed."""
        shown = new or old
        there = self._limits.setdefault(shown.metadata.namespace if shown else "", {})
        return self._take(there, new, old, lambda found: limits_of(found.metadata.name, found.spec))

    def set_quota(self, new: structs.ResourceQuota | None, old: structs.ResourceQuota | None) -> bool:
        """Take in a ResourceQuota; tell whether anything changed."""
        shown = new or old
        there = self._quotas.setdefault(shown.metadata.namespace if shown else "", {})
        return self._take(there, new, old, lambda found: quota_of(found.metadata.name, found.spec, found.status))

    def set_runtime_class(self, new: structs.RuntimeClass | None, old: structs.RuntimeClass | None) -> bool:
        """Take in a RuntimeClass; tell whether anything changed."""
        return self._take(self._classes, new, old, _runtime_class)

    def _take(self, known: dict[str, V], new: K | None, old: K | None, read: Callable[[K], V]) -> bool:
        shown = new or old
        if shown is None:
            return False
        name = shown.metadata.name
        before = known.get(name)
        if new is None:
            known.pop(name, None)
        else:
            try:
                known[name] = read(new)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("not understood, its last good version stays", object=name, error=str(error))
        changed = known.get(name) != before
        if changed:
            self._frozen = None
        return changed

    def _rules(self, name: str) -> NamespaceRules:
        limits, quotas = self._limits.get(name, {}), self._quotas.get(name, {})
        return NamespaceRules(
            labels=self._labels.get(name, {}),
            limits=tuple(limit for source in sorted(limits) for limit in limits[source]),
            quotas=tuple(quotas[quota] for quota in sorted(quotas)),
        )


def _runtime_class(found: structs.RuntimeClass) -> RuntimeClass:
    scheduling = found.scheduling or {}
    selector = sorted((scheduling.get("nodeSelector") or {}).items())
    return RuntimeClass(
        found.metadata.name,
        Resources.from_quantities((found.overhead or {}).get("podFixed") or {}),
        tuple(Requirement(key, Operator.IN, (value,)) for key, value in selector),
        tuple(
            Toleration(
                one.get("key") or "",
                one.get("operator") or "Equal",
                one.get("value") or "",
                one.get("effect") or "",
            )
            for one in scheduling.get("tolerations") or ()
        ),
    )
