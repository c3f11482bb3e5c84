"""The models as such: documented to the last field, cheap to use, quick to import."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import yaml
from pydantic import ValidationError

from stellwerk.api.crd import Node, structural_schema
from stellwerk.api.reasons import Reason, anchor
from stellwerk.api.reference import api_reference, reason_reference
from stellwerk.api.schema_check import Checker
from stellwerk.api.v1alpha1 import KINDS, AIWorkloadSpec, ComputePoolSpec
from stellwerk.api.validation import validate
from tests.unit.api.samples import SAMPLES, sample

TWINS = (".initContainers[].", ".podSets[].template.")
"""Places whose fields are those of another place, which the samples set."""

UNITS = ("hours", "minutes", "seconds", "bytes", "cores", "watts", "grams", "kWh", "currency")


def _fields(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    for name, field in node.get("properties", {}).items():
        if (path, name) != ("", "metadata"):  # the server allows no description there
            yield f"{path}.{name}", field
            yield from _fields(field, f"{path}.{name}")
            yield from _fields(field.get("items", {}), f"{path}.{name}[]")


FIELDS = {f"{kind.info.kind}{path}": field for kind in KINDS for path, field in _fields(structural_schema(kind), "")}


@pytest.mark.parametrize("path", FIELDS)
def test_a_field_says_what_it_is_and_gives_an_example_that_is_valid(path: str) -> None:
    says, found, example = FIELDS[path].get("description", "").partition(" Example: `")
    assert found, f"{path} has no example"
    assert len(says) > 3
    assert says.endswith(".")
    text = example.removesuffix("`.")
    value = text if _is_text(path) else yaml.safe_load(text)
    assert Checker(FIELDS[path])(value, ()) == []


def _is_text(path: str) -> bool:
    return FIELDS[path].get("type") == "string" or "x-kubernetes-int-or-string" in FIELDS[path]


@pytest.mark.parametrize("path", [p for p in FIELDS if FIELDS[p].get("type") == "integer"])
def test_a_number_says_its_unit_or_what_it_counts(path: str) -> None:
    says = FIELDS[path]["description"].casefold()
    counted = ("accelerators", "pods", "nodes", "candidates", "number", "generation", "id", "bits", "cycle", "placed")
    assert any(word.casefold() in says for word in (*UNITS, *counted))


def test_all_samples_together_set_every_field_of_every_spec() -> None:
    seen = {
        f"{manifest['kind']}{path}" for manifest in SAMPLES.values() for path in _set_fields(manifest["spec"], ".spec")
    }
    wanted = {path for path in FIELDS if ".spec." in path and not any(twin in path for twin in TWINS)}
    assert wanted - seen == set()


def _set_fields(value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{path}.{key}"
            yield from _set_fields(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _set_fields(item, f"{path}[]")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_parsed_spec_is_written_as_it_was_read(name: str) -> None:
    verdict = validate(sample(name))
    assert verdict.object is not None
    assert verdict.object.spec.wire() == verdict.manifest["spec"]


def test_the_order_of_containers_is_kept() -> None:
    manifest = sample("workload")
    manifest["spec"]["template"]["spec"]["containers"].reverse()
    typed = validate(manifest).object
    assert typed is not None
    assert [c.name for c in typed.spec.template.spec.containers] == ["log", "train"]


def test_a_model_is_immutable_and_refuses_unknown_fields() -> None:
    spec = AIWorkloadSpec.model_validate(sample("workload")["spec"])
    with pytest.raises(ValidationError, match="frozen"):
        spec.priority = 3
    with pytest.raises(ValidationError, match="bogus"):
        ComputePoolSpec.model_validate({**sample("cpu-pool")["spec"], "bogus": 1})


def test_a_workload_spec_parses_in_well_under_a_millisecond() -> None:
    spec = sample("small-workload")["spec"]
    AIWorkloadSpec.model_validate(spec)
    best = min(_seconds_for_a_hundred(spec) for _ in range(20)) / 100
    assert best < 0.001


def _seconds_for_a_hundred(spec: dict) -> float:
    start = time.perf_counter()
    for _ in range(100):
        AIWorkloadSpec.model_validate(spec)
    return time.perf_counter() - start


def test_importing_the_kinds_loads_nothing_heavy() -> None:
    program = (
        "import sys, stellwerk.api.v1alpha1, stellwerk.api.validation;"
        "print(*sorted({'jsonschema', 'yaml', 'kopf', 'aiohttp', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_reason_is_one_word_with_one_sentence_and_its_own_anchor() -> None:
    page = reason_reference()
    for reason in Reason:
        assert reason.value.isalpha()
        assert reason.value[0].isupper()
        assert reason.name == "".join(f"_{c}" if c.isupper() else c for c in reason.value).strip("_").upper()
        assert reason.sentence.endswith(".")
        assert reason.sentence.count(". ") == 0
        assert page.count(f'<a id="{anchor(reason)}">') == 1


def test_the_reference_names_every_field_and_rule() -> None:
    page = api_reference()
    for path, field in FIELDS.items():
        assert f"| `{path.rpartition('.')[2]}` |" in page or path.count(".") == 1
        for rule in field.get("x-kubernetes-validations", ()):
            assert rule["message"] in page
