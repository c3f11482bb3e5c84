"""The benchmark of preemption runs and makes room."""

import pytest

from tests.bench import preempting


def test_room_is_made_for_all_where_enough_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert preempting.main(["--nodes", "50", "--preemptors", "4", "--repeats", "1"]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == ["| alike", "| shapes of their own", "| gangs"]
    assert rows[0][1:4] == ["4", "4", "4"]
