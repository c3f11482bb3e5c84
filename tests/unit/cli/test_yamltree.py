"""YAML is read as kubectl reads it, and every field keeps its line."""

from typing import Any

import pytest

from stellwerk.api.field_error import Keys
from stellwerk.cli import yamltree

TEXT = """\
# a comment
metadata:
  labels: {nvidia.com/gpu: "8"}
spec:
  list:
  - name: a
  -
    name: b
    deep: {x: [1, 2,
      3]}
"""


def plain(text: str) -> Any:
    return yamltree.to_plain(next(yamltree.compose(text)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("off", False),
        ("~", None),
        ("0x1F", 31),
        ("017", 15),
        ("-5", -5),
        ("+5", 5),
        ("1_000", 1000),
        ("1e3", 1000),
        ("'1e3'", "1e3"),
        ("15e-1", 1.5),
        ("1.5", 1.5),
        ("1:30", "1:30"),
        ("2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z"),
        ("2026-11-22", "2026-11-22"),
        ("'5'", "5"),
        ('"yes"', "yes"),
    ],
)
def test_a_scalar_means_what_it_means_to_kubectl(text: str, value: object) -> None:
    assert plain(f"a: {text}\n") == {"a": value}


def test_anchors_and_merge_keys_are_followed_and_own_keys_win() -> None:
    text = "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nuse: {<<: [*b, *o], x: 0}\nagain: *b\n"
    assert plain(text)["use"] == {"x": 0, "y": 2, "z": 4}
    assert plain(text)["again"] == {"x": 1, "y": 2}


def test_empty_documents_are_skipped_and_json_may_be_indented_by_tabs() -> None:
    assert len(list(yamltree.compose("---\n---\na: 1\n---\n# nothing\n"))) == 1
    assert plain('{\n\t"a": {\n\t\t"b": [1]\n\t}\n}') == {"a": {"b": [1]}}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 2),
        (("metadata", "labels", "nvidia.com/gpu"), 3),
        (("spec", "list", 0, "name"), 6),
        (("spec", "list", 1), 8),
        (("spec", "list", 1, "deep", "x", 2), 10),
        (("spec", "list", 2, "name"), 5),
        (("spec", "missing"), 4),
        (("spec", "list", "name"), 5),
    ],
)
def test_the_line_of_a_field_is_its_own_or_that_of_its_closest_parent(keys: Keys, line: int) -> None:
    assert yamltree.line_of(next(yamltree.compose(TEXT)), keys) == line


@pytest.mark.parametrize("text", ["a: {<<: 5}\n", "? [a]\n: b\n", "a: !!int x\n", "a: .inf\n", "a: b: c\n", "\tb: c\n"])
def test_what_cannot_be_read_is_an_error_with_a_line(text: str) -> None:
    with pytest.raises(yamltree.TreeError) as caught:
        plain(text)
    assert caught.value.line == 1
