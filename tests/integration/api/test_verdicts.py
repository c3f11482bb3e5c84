"""Offline validation and a real API server agree, on good and on bad manifests."""

import pytest

from stellwerk.api.crd import structural_schema
from stellwerk.api.v1alpha1 import KINDS
from stellwerk.api.validation import validate
from tests.integration.api.mutations import all_mutations
from tests.integration.api.server import create
from tests.testbed.api import Api
from tests.unit.api.samples import SAMPLES, Manifest, sample

pytestmark = pytest.mark.integration

SCHEMAS = {kind.info.kind: structural_schema(kind) for kind in KINDS}

UNREADABLE = "expected int, got float64 evaluating rule"
"""A whole number that is written as 1.0 is one for the schema and not for CEL: the server refuses it only in fields
that a rule reads for just this object. Offline such a number is a whole one everywhere."""


def disagreement(api: Api, manifest: Manifest, told: object = "as it is") -> str | None:
    """Return how the API server and offline validation differ over `manifest`, if they do."""
    answer, verdict = create(api, manifest), validate(manifest)
    ours = "; ".join(map(str, verdict.errors))
    if UNREADABLE in answer.message:
        return None
    if answer.accepted != (not verdict.errors):
        return f"{told}: server {answer.code} {answer.message!r}, offline {ours or 'accepts'!r}"
    if answer.accepted and answer.body["spec"] != verdict.manifest["spec"]:
        return f"{told}: server stores {answer.body['spec']}, offline {verdict.manifest['spec']}"
    return None


@pytest.mark.parametrize("name", SAMPLES)
def test_both_accept_the_sample_and_add_the_same_defaults(kinds: Api, name: str) -> None:
    assert validate(sample(name)).errors == ()
    assert disagreement(kinds, sample(name)) is None


@pytest.mark.parametrize("name", SAMPLES)
def test_both_judge_every_mutation_alike(kinds: Api, name: str) -> None:
    manifest = sample(name)
    tried = all_mutations(manifest, SCHEMAS[manifest["kind"]])
    differing = [disagreement(kinds, one.of(manifest), one) for one in tried]
    assert [line for line in differing if line] == []
    assert len(tried) >= 10
