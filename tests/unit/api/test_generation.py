"""The generator: nothing loose gets through, nothing stale stays unnoticed."""

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
import yaml

from stellwerk.api import generate
from stellwerk.api.base import WireModel, doc
from stellwerk.api.crd import SchemaError, structural_schema
from stellwerk.api.v1alpha1 import KINDS, AIWorkload
from stellwerk.api.v1alpha1.kind import Kind, KindInfo


def _schema_of(annotation: Any) -> Any:
    class Spec(WireModel):
        field: annotation

    class Made(Kind):
        info: ClassVar[KindInfo] = AIWorkload.info
        kind: Literal["Made"] = "Made"
        spec: Spec
        status: Spec | None = None

    return structural_schema(Made)["properties"]["spec"]["properties"]["field"]


@pytest.mark.parametrize(
    ("annotation", "complaint"),
    [
        (float, "spec.field: no structural form for type number"),
        (Annotated[float, doc("Half.", 0.5, ge=0, le=1)], "no structural form for type number"),
        (str, "string without maxLength"),
        (int, "integer without minimum, maximum"),
        (Annotated[int, doc("One.", 1, gt=0, lt=3)], "exclusiveM"),
        (Annotated[list[bool], doc("Flags.", [])], "array without maxItems, x-kubernetes-list-type"),
        (dict[str, bool], "object without maxProperties"),
        (Any, "no structural form for type"),
        (dict, "object without"),
        (bool | Literal["a"], "a union has no structural form"),
        (dict[Annotated[str, doc("Key.", "a", pattern="a")], bool], "patternProperties"),
    ],
)
def test_what_has_no_bounded_structural_form_raises(annotation: Any, complaint: str) -> None:
    with pytest.raises(SchemaError, match=complaint):
        _schema_of(annotation)


def test_an_optional_field_is_one_that_may_be_absent() -> None:
    schema = _schema_of(Annotated[bool | None, doc("A flag.", example=True)])
    assert schema == {"description": "A flag. Example: `true`.", "type": "boolean"}


def test_a_literal_becomes_an_enumeration() -> None:
    assert _schema_of(Literal["a", "b"])["enum"] == ["a", "b"]
    assert _schema_of(Literal[False])["enum"] == [False]


@pytest.mark.parametrize("kind", KINDS)
def test_a_crd_has_no_float_no_free_form_and_no_alias(kind: type[Kind]) -> None:
    artifact = next(a for a in generate.ARTIFACTS if kind.info.plural in a.path)
    text = artifact.render()
    assert text.startswith("# Generated")
    assert "x-kubernetes-preserve-unknown-fields" not in text
    assert "type: number" not in text
    assert "messageExpression" not in text
    assert "$ref" not in text
    manifest = yaml.safe_load(text)
    assert manifest["metadata"]["name"] == f"{kind.info.plural}.stellwerk.dev"
    copy = json.dumps(manifest, separators=(",", ":"))
    assert len(copy) < 250_000, "kubectl apply keeps a copy of the object in an annotation of at most 256 KiB"


def test_generation_is_deterministic() -> None:
    for artifact in generate.ARTIFACTS:
        assert artifact.render() == artifact.render()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def test_what_was_written_is_not_stale(root: Path) -> None:
    assert generate.main(["--root", str(root), "--check"]) == 1
    assert generate.main(["--root", str(root)]) == 0
    assert generate.main(["--root", str(root), "--check"]) == 0
    assert generate.write(root) == []


def test_an_edited_or_left_over_file_is_stale_and_is_repaired(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate.write(root)
    (root / "crds" / "stellwerk.dev_oldkinds.yaml").touch()
    (root / generate.ARTIFACTS[0].path).write_text("edited")
    assert generate.main(["--root", str(root), "--check"]) == 1
    said = capsys.readouterr().out
    assert "oldkinds" in said
    assert generate.ARTIFACTS[0].path in said
    assert len(generate.write(root)) == 2
    assert generate.stale(root) == []


def test_it_refuses_to_write_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        generate.main(["--root", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []
