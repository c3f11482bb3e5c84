"""Decoding what API servers send, well-formed or not."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.cluster import errors
from stellwerk.cluster.structs import Job, Node, Pod
from stellwerk.cluster.wire import Codec, Lines, Malformed


@given(
    data=st.binary(max_size=200).map(lambda raw: raw.replace(b"\0", b"\n")),
    cuts=st.lists(st.integers(0, 200), max_size=6),
)
def test_lines_are_the_same_however_the_bytes_arrive(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    lines = Lines()
    found = [line for begin, end in itertools.pairwise(edges) for line in lines.feed(data[begin:end])]
    assert found == [line for line in data.split(b"\n")[:-1] if line.strip()]


def test_an_endless_line_is_given_up() -> None:
    lines = Lines(longest=10)
    lines.feed(b"12345678")
    with pytest.raises(Malformed, match="longer than 10 bytes"):
        lines.feed(b"12345678")


def test_a_page_is_decoded() -> None:
    meta, items = Codec(Node).page(
        b'{"kind":"NodeList","metadata":{"resourceVersion":"9","continue":"next"},'
        b'"items":[{"metadata":{"name":"n","uid":"u","creationTimestamp":null},'
        b'"status":{"conditions":[{"type":"Ready","status":"True"}],"allocatable":{"cpu":"4"}}}]}'
    )
    assert (meta.resource_version, meta.continue_) == ("9", "next")
    assert [(item.metadata.name, item.ready, item.status.allocatable) for item in items] == [("n", True, {"cpu": "4"})]


def test_an_empty_page_of_a_go_server_is_decoded() -> None:
    assert Codec(Node).page(b'{"metadata":{"resourceVersion":"9"},"items":null}')[1] == []


def test_one_object_that_does_not_fit_is_left_out_and_named() -> None:
    codec = Codec(Job)
    _, items = codec.page(
        b'{"metadata":{"resourceVersion":"9"},"items":['
        b'{"metadata":{"name":"good","uid":"1"},"spec":{"parallelism":2}},'
        b'{"metadata":{"name":"bad","namespace":"ns","uid":"2"},"spec":{"parallelism":"two"}}]}'
    )
    assert [item.metadata.name for item in items] == ["good"]
    assert codec.undecodable == 1
    assert codec.last_problem.startswith("ns/bad: ")


def test_a_change_that_does_not_fit_only_moves_the_version_on() -> None:
    codec = Codec(Job)
    event = codec.event(
        b'{"type":"MODIFIED","object":{"metadata":{"uid":"1","resourceVersion":"7"},"spec":{"suspend":3}}}'
    )
    assert (event.type, event.object.metadata.resource_version) == ("BOOKMARK", "7")
    assert codec.undecodable == 1


def test_a_deletion_is_understood_even_of_an_object_that_does_not_fit() -> None:
    event = Codec(Job).event(b'{"type":"DELETED","object":{"metadata":{"uid":"1"},"spec":{"suspend":3}}}')
    assert (event.type, event.object.metadata.uid) == ("DELETED", "1")


@pytest.mark.parametrize("kind", [Node, Pod, Job])
def test_bookmarks_of_a_real_server_are_understood(kind: type[Node | Pod | Job]) -> None:
    line = (
        b'{"type":"BOOKMARK","object":{"kind":"X","apiVersion":"v1","metadata":{"resourceVersion":"12746",'
        b'"creationTimestamp":null},"spec":{"containers":null,"template":{"metadata":{},"spec":{"containers":null}}},"status":{}}}'
    )
    event = Codec(kind).event(line)
    assert (event.type, event.object.metadata.resource_version) == ("BOOKMARK", "12746")


@pytest.mark.parametrize("kind", [Node, Job])
def test_an_error_event_is_raised_whatever_is_watched(kind: type[Node | Job]) -> None:
    line = b'{"type":"ERROR","object":{"kind":"Status","metadata":{},"status":"Failure","code":410,"reason":"Expired"}}'
    with pytest.raises(errors.Gone):
        Codec(kind).event(line)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'"x"', b'{"type":"ADDED"}', b'{"type":"ADDED","object":[]}'])
def test_what_is_no_event_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        Codec(Node).event(line)


def test_a_pod_knows_its_job_whether_it_has_ended_and_why_it_waits() -> None:
    pod = msgspec.json.decode(
        b'{"metadata":{"namespace":"ns","labels":{"batch.kubernetes.io/controller-uid":"j"}},"status":{"phase":"Pending","conditions":'
        b'[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes"}]}}',
        type=Pod,
    )
    assert (pod.job, pod.terminal, pod.unschedulable) == ("ns/j", False, "0/3 nodes")
    assert msgspec.json.decode(b'{"status":{"phase":"Failed"}}', type=Pod).terminal
    assert msgspec.json.decode(b"{}", type=Pod).unschedulable is None


def test_a_node_without_a_ready_condition_is_not_ready() -> None:
    assert not msgspec.json.decode(b"{}", type=Node).ready
    assert not msgspec.json.decode(b'{"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}', type=Node).ready
