"""What is under way is left alone until it has come back, and its room is taken meanwhile."""

import pytest

from stellwerk.control.inflight import ECHO_LIMIT_SECONDS, InFlight, Seen
from stellwerk.control.rooms import Rooms
from stellwerk.lifecycle.actions import CreateJob, Transaction
from stellwerk.model.resources import Resources
from stellwerk.model.snapshot import Reservation
from stellwerk.model.workload import WorkloadKey

ROOM = Reservation("u1", "local", "pool", Resources.of({"nvidia.com/gpu": 8}), 2)


@pytest.fixture
def rooms() -> Rooms:
    """Nothing is reserved yet."""
    return Rooms()


@pytest.fixture
def inflight(rooms: Rooms) -> InFlight:
    """One placement on its way since second 0."""
    inflight = InFlight(rooms)
    inflight.submit(Transaction(WorkloadKey("ns", "w"), "u1", ()), ROOM, now=0.0)
    return inflight


@pytest.mark.usefixtures("inflight")
def test_the_room_of_a_decision_is_taken_at_once(rooms: Rooms) -> None:
    """Before any answer."""
    assert [one.pods for one in rooms.taken] == [2]


def test_a_workload_is_left_alone_until_the_writer_has_answered(inflight: InFlight) -> None:
    """However long that takes: the writer's own patience bounds it."""
    assert inflight.waits("u1", Seen("5"), now=1000.0)


@pytest.mark.parametrize(
    ("seen", "waits"),
    [
        pytest.param("5", True, id="older than our write"),
        pytest.param("7", False, id="our write"),
        pytest.param("10", False, id="newer than our write, as number and not as text"),
        pytest.param(None, False, id="gone"),
    ],
)
def test_after_the_answer_a_workload_waits_for_its_echo(inflight: InFlight, seen: str | None, *, waits: bool) -> None:
    """The cache must show our version, or a later one."""
    inflight.written("u1", "7", now=100.0)

    assert inflight.waits("u1", Seen(seen), now=101.0) is waits


def test_an_echo_that_never_comes_is_not_waited_for_for_ever(inflight: InFlight) -> None:
    """A lagging watch delays a workload, it does not lose it; time in the writer's queue does not count."""
    inflight.written("u1", "7", now=100.0)

    assert not inflight.waits("u1", Seen("5"), now=100.0 + ECHO_LIMIT_SECONDS + 1)


def test_a_failed_write_gives_its_room_back(inflight: InFlight, rooms: Rooms) -> None:
    """And says so, for what waits."""
    assert inflight.failed("u1")
    assert rooms.taken == ()
    assert not inflight.waits("u1", Seen("5"), now=101.0)


def test_a_placed_workload_also_waits_for_its_job() -> None:
    """Else the Job would be made a second time, from a view that does not show it yet."""
    inflight = InFlight(Rooms())
    manifest = {"metadata": {"annotations": {"stellwerk.dev/placement": "local/pool"}}}
    create = CreateJob(WorkloadKey("ns", "w"), "u1", manifest)
    inflight.submit(Transaction(WorkloadKey("ns", "w"), "u1", (create,)), ROOM, now=0.0)
    inflight.written("u1", "7", now=100.0)

    assert inflight.waits("u1", Seen("7"), now=101.0)
    assert not inflight.waits("u1", Seen("7", mark="local/pool"), now=101.0)


def test_a_gang_waits_for_its_main_job_whatever_pool_its_further_pod_sets_go_to() -> None:
    """The main one is made last: once it is seen, the others were, too."""
    inflight = InFlight(Rooms())
    mark, label = "stellwerk.dev/placement", "stellwerk.dev/pod-set"
    manifests = (
        {"metadata": {"annotations": {mark: "local/other"}, "labels": {label: "loader"}}},
        {"metadata": {"annotations": {mark: "local/pool"}, "labels": {}}},
    )
    creates = tuple(CreateJob(WorkloadKey("ns", "w"), "u1", manifest) for manifest in manifests)
    inflight.submit(Transaction(WorkloadKey("ns", "w"), "u1", creates), ROOM, now=0.0)
    inflight.written("u1", "7", now=100.0)
    assert inflight.waits("u1", Seen("7"), now=101.0)
    assert not inflight.waits("u1", Seen("7", mark="local/pool"), now=101.0)


def test_a_placement_whose_job_was_refused_keeps_its_room_and_waits_for_its_status(
    inflight: InFlight, rooms: Rooms
) -> None:
    """The status says placed until the next decision takes it back."""
    inflight.half_written("u1", "7", now=100.0)

    assert inflight.waits("u1", Seen("5"), now=101.0)
    assert not inflight.waits("u1", Seen("7"), now=101.0)
    assert [one.pods for one in rooms.taken] == [2]
