"""What is known of a process, at any moment of its life."""

from pathlib import Path

from tests.testbed import processes


def test_a_process_is_found_by_its_program_from_its_first_moment(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "component"
    program.parent.mkdir()
    program.symlink_to("/bin/sleep")
    for _ in range(30):  # the moment before the kernel knows its arguments is short
        started = processes.spawn([str(program), "3600"], tmp_path / "log")
        try:
            assert [found for found, _ in processes.running_below(tmp_path)] == [started]
        finally:
            processes.end([started])


def test_what_runs_no_program_has_no_arguments_and_is_not_waited_for() -> None:
    assert processes.arguments(2**22 + 1, limit=0) == []
