"""Quantities compare as Kubernetes compares them."""

from itertools import pairwise, product

import pytest

from stellwerk.api import quantity
from stellwerk.api.validation import validate
from tests.integration.api.server import create
from tests.testbed.api import Api
from tests.unit.api.samples import Manifest, sample

pytestmark = pytest.mark.integration

ODD: tuple[str | int, ...] = (
    *(0, "0", "0.0", "0m", "0.001m", "0.001", "1m", "0.5m", "500m", "0.5", "0.500", "999m", "999.999m"),
    *(1, "1", "1.0", "001", "1000m", "1e0", "1e3", "1E3", "1k", "1Ki", "1024", "1000000m", "1.2"),
    *("1M", "1Mi", "1e6", "0.5Gi", "512Mi", "1.5Gi", "1536Mi", "0.001Ti", "1P", "1Pi", "999.999P", "999.999Pi"),
    *("2113423488Ki", "263856720Ki", "999999999999999.999Ki", "999999999999999.999k", "2063890125Mi"),
    *("999999999999.999Mi", "999999999999.999M", "999999999.999Gi", "999999999.999G", "999999999.999e9"),
    *("999999.999Ti", "999999.999T", "999999.999E9", "999999999999999999", "999999999999999", 2**53, 2**62, 2**63 - 1),
)


def _asking(request: object, limit: object) -> Manifest:
    manifest = sample("small-workload")
    resources = {"requests": {"cpu": request}, "limits": {"cpu": limit}}
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    return manifest


@pytest.mark.parametrize(
    "text", ["9999999999999999Ki", "9999999999G", "9999999Ti", "9999Pi", "1E", "+1", "1e10", "1.2345"]
)
def test_what_could_pass_64_bits_or_be_rounded_is_refused_on_both_sides(kinds: Api, text: str) -> None:
    assert validate(_asking(text, text)).errors
    assert not create(kinds, _asking(text, text)).accepted


def test_a_new_node_may_have_its_memory_as_a_kubelet_reports_it(kinds: Api) -> None:
    manifest = sample("spot-pool")
    manifest["spec"]["growth"]["node"] = {
        "cpu": "191450m",
        "memory": "2113423488Ki",
        "ephemeral-storage": "470295283Ki",
    }
    assert create(kinds, manifest).accepted
    assert not validate(manifest).errors


def test_requests_and_limits_compare_alike_on_both_sides(kinds: Api) -> None:
    by_size = sorted(ODD, key=quantity.exact)
    pairs = {*pairwise(by_size), *((b, a) for a, b in pairwise(by_size)), *product(ODD[:8], ODD[-4:])}
    assert all(not validate(_asking(one, one)).errors for one in ODD)
    differing = []
    for request, limit in sorted(pairs, key=str):
        answer, verdict = create(kinds, _asking(request, limit)), validate(_asking(request, limit))
        if answer.accepted != (not verdict.errors):
            differing.append((request, limit, answer.message))
    assert differing == []
