"""The effective request of a pod: what kube-scheduler will find room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stellwerk.model.podask import ask_of
from stellwerk.model.resources import Resources


def pod_requests(pod_spec: Mapping[str, Any]) -> Resources:
    """Return the effective request of a pod spec (decoded JSON), `pods: 1` included; see `PodAsk.requests`.

    Raises:
        ValueError: If an amount is no quantity.
    """
    return ask_of(pod_spec).requests
