"""`stellwerk simulate`: a trace, or a fleet's own history, through the operator's engine in simulated time."""

from __future__ import annotations

import sys

from stellwerk.cli import plots, simulationreport
from stellwerk.cli.problems import BadInputError, Problem
from stellwerk.cli.progress import Progress
from stellwerk.cli.result import EXIT_BAD_INPUT
from stellwerk.cli.simulation import Comparison, Request, compare
from stellwerk.cli.terminal import Terminal, emit


def run(request: Request) -> int:
    """Simulate, print, write what `--out` asks for; every problem of the input goes to standard error."""
    progress = Progress()
    try:
        _prepare(request)
        found = compare(request, progress)
        progress.close()
        notes = [*found.notes, *_write(found)]
    except BadInputError as error:
        progress.close()
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    json = request.output == "json"
    emit(simulationreport.as_json(found) if json else simulationreport.table(found, Terminal.of(sys.stdout)))
    return 0


def _prepare(request: Request) -> None:
    """Make the folder first, so that nobody waits minutes to learn that it cannot be written."""
    if request.out is None:
        return
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError([Problem("--out", 0, "", f"cannot be made: {error}")]) from error


def _write(found: Comparison) -> list[str]:
    """Write table, document, jobs and plots; return what is to be told about it."""
    folder = found.request.out
    if folder is None:
        return []
    texts = {
        "report.txt": simulationreport.table(found, Terminal()) + "\n",
        "report.json": simulationreport.as_json(found) + "\n",
        "jobs.csv": simulationreport.jobs_csv(found),
    }
    try:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        plots.draw(found, folder)
    except plots.NoPlotsError as error:
        return [str(error)]
    except OSError as error:
        raise BadInputError([Problem("--out", 0, "", f"cannot be written: {error}")]) from error
    return []
