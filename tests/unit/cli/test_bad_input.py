"""Bad input: `file:line: field: what is allowed`, for every problem of all files at once."""

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Cli, Make, Said, Write

FLEET = """\
apiVersion: stellwerk.dev/v1alpha1
kind: Fleet
pools: []
"""


def lines(said: Said) -> list[str]:
    assert said.code == 1
    return said.err.splitlines()


@pytest.fixture
def fleet(write: Write) -> Path:
    return write("fleet.yaml", FLEET)


def test_every_problem_of_every_file_is_told_with_file_line_and_field(cli: Cli, write: Write, fleet: Path) -> None:
    write(
        "a.yaml",
        """\
        apiVersion: stellwerk.dev/v1alpha1
        kind: AIWorkload
        metadata:
          name: a
        spec:
          class: Serving
          accelerators:
          - model: H100
            count: 65
            colour: red
          template:
            spec:
              containers:
              - name: main
                image: example/image
        """,
    )
    write(
        "b.yaml",
        "apiVersion: stellwerk.dev/v1alpha1\nkind: PlacementPolicy\nmetadata: {name: b}\nspec: {currency: E}\n",
    )
    write("c.yaml", "a: [1,\n")
    told = lines(cli("plan", "-f", "a.yaml", "-f", "b.yaml", "-f", "c.yaml", "-f", "d.yaml", "--fleet", fleet))
    assert "a.yaml:6: spec.class: must be Training or Batch" in told[0]
    assert told[1].startswith("a.yaml:9: spec.accelerators[0].count: ")
    assert told[2].startswith("a.yaml:10: spec.accelerators[0].colour: ")
    assert told[3].startswith("b.yaml:4: spec.currency: ")
    assert any(line.startswith(("c.yaml:2: not YAML", "c.yaml:1: not YAML")) for line in told)
    assert told[-1] == "d.yaml: no such file or folder"


def test_a_missing_field_is_blamed_on_the_line_of_its_parent(cli: Cli, write: Write, fleet: Path) -> None:
    write(
        "a.yaml", "apiVersion: stellwerk.dev/v1alpha1\nkind: AIWorkload\nmetadata:\n  name: a\nspec:\n  replicas: 2\n"
    )
    told = lines(cli("plan", "-f", "a.yaml", "--fleet", fleet))
    assert any(line.startswith("a.yaml:5: spec.class: is required") for line in told)


def test_rules_over_several_fields_are_told_like_the_api_server_does(cli: Cli, write: Write, fleet: Path) -> None:
    write("a.yaml", "apiVersion: stellwerk.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: a}\nspec: {class: Batch}\n")
    [line] = lines(cli("plan", "-f", "a.yaml", "--fleet", fleet))
    assert line.startswith("a.yaml:4: spec: ")
    assert "exactly one of template and workloadRef" in line


def test_the_second_document_of_a_file_and_the_items_of_a_list_have_their_own_lines(
    cli: Cli, write: Write, fleet: Path
) -> None:
    write(
        "a.yaml",
        """\
        apiVersion: v1
        kind: List
        items:
        - apiVersion: stellwerk.dev/v1alpha1
          kind: PlacementPolicy
          metadata: {name: a}
          spec:
            currency: euro
        ---
        apiVersion: stellwerk.dev/v1alpha1
        kind: PlacementPolicy
        metadata: {name: b}
        spec:
          currency: dollar
        """,
    )
    told = lines(cli("plan", "-f", "a.yaml", "--fleet", fleet))
    assert {line.split(": ")[0] for line in told} == {"a.yaml:8", "a.yaml:14"}
    assert any("items[0].spec.currency" in line for line in told)


def test_an_object_that_is_defined_twice_names_both_places(
    cli: Cli, write: Write, make: type[Make], fleet: Path
) -> None:
    write("a.yaml", make.workload("one"), make.workload("one"))
    [line] = lines(cli("plan", "-f", "a.yaml", "--fleet", fleet))
    assert line.endswith("is already defined in a.yaml:1")


def test_a_kind_of_ours_that_does_not_exist_is_told_and_others_are_left_out_with_a_note(
    cli: Cli, write: Write, make: type[Make], fleet: Path
) -> None:
    write("a.yaml", "apiVersion: stellwerk.dev/v1alpha1\nkind: Depot\nmetadata: {name: a}\n")
    [line] = lines(cli("plan", "-f", "a.yaml", "--fleet", fleet))
    assert line.startswith("a.yaml:2: kind: must be AIWorkload")
    write("b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    said = cli("plan", "-f", "b.yaml", "--fleet", fleet)
    assert said.code == 0
    assert "1 ConfigMap" in said.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\na: 2\n", 'x.yaml:2: the key "a" appears twice'),
        ("- a\n", "x.yaml:1: an object must be a mapping"),
        ("a: .nan\n", "x.yaml:1: .nan cannot be written in JSON"),
        ("a: &a [*a]\n", "x.yaml:1: an anchor contains itself"),
        ("a: b\n", "x.yaml:1: needs apiVersion and kind"),
    ],
)
def test_what_kubernetes_would_not_read_is_told(cli: Cli, write: Write, fleet: Path, text: str, told: str) -> None:
    write("x.yaml", text)
    assert told in lines(cli("plan", "-f", "x.yaml", "--fleet", fleet))


def test_a_file_that_grows_without_bound_is_refused(cli: Cli, write: Write, fleet: Path) -> None:
    levels = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip("abcdef", "bcdefg", strict=True)]
    write("bomb.yaml", "\n".join(levels) + "\n")
    [line] = lines(cli("plan", "-f", "bomb.yaml", "--fleet", fleet))
    assert "more than 500000 values" in line


def test_an_empty_folder_is_a_problem_and_not_a_plan_of_nothing(cli: Cli, tmp_path: Path, fleet: Path) -> None:
    (tmp_path / "empty").mkdir()
    [line] = lines(cli("plan", "-f", "empty", "--fleet", fleet))
    assert line == "empty: no .yaml, .yml or .json file in this folder"


def test_without_a_fleet_it_says_how_to_name_one(cli: Cli, write: Write, make: type[Make]) -> None:
    write("a.yaml", make.workload("a"))
    [line] = lines(cli("plan", "-f", "a.yaml"))
    assert line == "--fleet: name a fleet file, or put one among the manifests"


def test_two_fleets_among_the_manifests_are_not_chosen_from(cli: Cli, write: Write, make: type[Make]) -> None:
    write("a.yaml", make.fleet(make.pool()), make.fleet())
    [line] = lines(cli("plan", "-f", "a.yaml"))
    assert "a second fleet; the first one is a.yaml:1" in line


def test_something_else_is_no_fleet(cli: Cli, write: Write, make: type[Make]) -> None:
    write("a.yaml", make.workload("a"))
    [line] = lines(cli("plan", "-f", "a.yaml", "--fleet", "a.yaml"))
    assert line.endswith("kind: must be Fleet, not AIWorkload")


def test_a_fleet_file_is_checked_field_by_field(cli: Cli, write: Write, make: type[Make]) -> None:
    write("a.yaml", make.workload("a"))
    write(
        "fleet.yaml",
        """\
        apiVersion: stellwerk.dev/v1alpha1
        kind: Fleet
        colour: red
        pools:
        - metadata: {name: a}
          nodes:
          - count: -1
            allocatable:
              cpu: plenty
              memory: -3
            taints: [{key: a}]
        - metadata: {name: b}
          spec:
            nodeSelector: {a: b}
            provider: X
            region: de
            capacityType: Owned
        - metadata: {nam: c}
        """,
    )
    told = lines(cli("plan", "-f", "a.yaml", "--fleet", "fleet.yaml"))
    places = [line.partition(": ")[0] + " " + line.split(": ")[1] for line in told]
    assert places == [
        "fleet.yaml:3 colour",
        "fleet.yaml:7 pools[0].nodes[0].count",
        "fleet.yaml:9 pools[0].nodes[0].allocatable.cpu",
        "fleet.yaml:10 pools[0].nodes[0].allocatable.memory",
        "fleet.yaml:11 pools[0].nodes[0].taints[0].effect",
        "fleet.yaml:15 pools[1].spec.provider",
        "fleet.yaml:18 pools[2].metadata.nam",
        "fleet.yaml:18 pools[2].metadata.name",
    ]


def test_a_pool_of_a_fleet_needs_a_spec_somewhere_and_a_name_only_once(
    cli: Cli, write: Write, make: type[Make]
) -> None:
    entry = {"metadata": {"name": "a"}}
    write("a.yaml", make.fleet(entry, entry))
    told = lines(cli("plan", "-f", "a.yaml"))
    assert any("pools[0].spec: is required: no ComputePool a is among the manifests" in line for line in told)
    assert any("a appears twice in pools" in line for line in told)


def test_a_tenant_among_the_manifests_is_no_pool_and_is_left_out_with_a_note(
    cli: Cli, write: Write, fleet: Path
) -> None:
    write("a.yaml", "apiVersion: stellwerk.dev/v1alpha1\nkind: Tenant\nmetadata: {name: a}\nspec: {}\n")
    said = cli("plan", "-f", "a.yaml", "--fleet", fleet)
    assert said.code == 0
    assert "1 Tenant" in said.err
