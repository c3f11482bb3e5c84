"""The commands and their flags; what they do lives beside this module and is imported when it runs."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from stellwerk.cli.costcli import cost

EXIT_BAD_INPUT: Final = 1

app = typer.Typer(
    name="stellwerk",
    help="Place AI workloads where their rules allow it at the lowest expected cost, and say why.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
history = typer.Typer(help="What a fleet has run.", no_args_is_help=True, rich_markup_mode=None)
fleet = typer.Typer(help="Fleet files: what there is to run on.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(fleet, name="fleet")
app.add_typer(history, name="history")
app.add_typer(cost, name="cost")


class Output(StrEnum):
    """How a plan is written."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


class Report(StrEnum):
    """How a simulation is written."""

    TABLE = "table"
    JSON = "json"


@app.command()
def plan(
    *,
    files: Annotated[
        list[str],
        typer.Option("-f", "--filename", help="Manifests: files, folders (recursively) or - for standard input."),
    ],
    fleet_file: Annotated[
        Path | None, typer.Option("--fleet", help="The fleet file; without it the one among the manifests.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", help="Files or folders of policies that replace those of the same name."),
    ] = None,
    output: Annotated[Output, typer.Option("-o", "--output", help="How to write the plan.")] = Output.TABLE,
    explain: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show all candidates of one workload, with what speaks for each.")
    ] = None,
    namespace: Annotated[
        str, typer.Option("-n", "--namespace", help="Namespace of manifests that name none.")
    ] = "default",
    now: Annotated[
        str | None, typer.Option(help="Decide as at this moment (RFC 3339) instead of now, for repeatable output.")
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="A catalogue of prices (CSV, layout of SkyPilot's or gpuhunt's) for pools without a price."),
    ] = None,
    currencies: Annotated[
        Path | None,
        typer.Option(help="Exchange rates (CSV: currency, per_euro, valid_from) instead of those built in."),
    ] = None,
) -> int:
    """Show where workloads would run, what that costs and why some must wait, from files alone.

    Exit code: 0 if every workload fits or waits, 2 if one can never fit, 1 for bad input.
    """
    from stellwerk.cli import plancommand

    request = plancommand.Request(
        files=tuple(files),
        fleet=fleet_file,
        policies=tuple(policy or ()),
        output=output.value,
        explain=explain,
        namespace=namespace,
        now=now,
        prices=prices,
        currencies=currencies,
    )
    return plancommand.run(request)


@fleet.command("export")
def fleet_export(
    *,
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Kubeconfig file; without it $KUBECONFIG or the default.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="Context of the kubeconfig; without it the current one.")] = None,
    cluster: Annotated[str, typer.Option(help="Name of this cluster in pools and placements.")] = "local",
) -> int:
    """Write a fleet file of a live cluster to standard output: pools, nodes, what is in use, policies."""
    from stellwerk.cli.export import run as run_export

    return run_export(kubeconfig, context, cluster)


@history.command("export")
def history_export(
    *,
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Kubeconfig file; without it $KUBECONFIG or the default.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="Context of the kubeconfig; without it the current one.")] = None,
) -> int:
    """Write what a live cluster has run to standard output, as a trace for `stellwerk simulate` (JSON lines)."""
    from stellwerk.cli.historyexport import run as run_export

    return run_export(kubeconfig, context)


@app.command()
def simulate(
    *,
    trace: Annotated[
        Path,
        typer.Argument(help="The trace: CSV or JSON lines, gzipped or not; `stellwerk history export` writes one."),
    ],
    trace_format: Annotated[
        str | None,
        typer.Option("--format", help="muri, itp, philly, kalos, openb or history; without it the columns tell."),
    ] = None,
    fleet_file: Annotated[Path | None, typer.Option("--fleet", help="The fleet file, as for plan.")] = None,
    nodes: Annotated[
        str | None,
        typer.Option(metavar="NxM", help="Instead of a fleet file: N nodes of M accelerators, without prices."),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", "-f", help="A file or folder of policies; of several, each is simulated by itself."),
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(
            help="Order every queue like this: Priority, ShortestFirst or LeastService; each is simulated by itself."
        ),
    ] = None,
    preempt: Annotated[
        bool,
        typer.Option("--preempt", help="Let the order rule running jobs as well: who has lost his turn is stopped."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write report, list of jobs and plots into this folder.")
    ] = None,
    output: Annotated[Report, typer.Option("-o", "--output", help="What goes to standard output.")] = Report.TABLE,
) -> int:
    """Run the engine over a trace in simulated time: what would have waited, for how long, at what cost.

    Exit code: 0, or 1 for bad input.
    """
    from stellwerk.cli import simulatecommand
    from stellwerk.cli.simulation import Request

    return simulatecommand.run(
        Request(
            trace=trace,
            format=trace_format,
            fleet=fleet_file,
            nodes=nodes,
            policies=tuple(policy or ()),
            orders=tuple(order or ()),
            preempt=preempt,
            out=out,
            output=output.value,
        )
    )


@app.command()
def version() -> None:
    """Print the version."""
    from importlib import metadata

    print(f"stellwerk {metadata.version('stellwerk')}")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(sys.argv[1:], program_name()))


def run(arguments: list[str], program: str = "stellwerk") -> int:
    """Run one command and return its exit code; a wrong flag is bad input, 1, not 2."""
    try:
        code = app(arguments, prog_name=program, standalone_mode=False)
    except typer.TyperException as error:
        said = error.format_message()
        print(said if said.startswith("Usage") else f"{program}: {said}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except typer.Abort:
        return EXIT_BAD_INPUT
    return code if isinstance(code, int) else 0


def program_name() -> str:
    """Return the name that people called us by: kubectl runs `kubectl-stellwerk` as its plugin."""
    called = Path(sys.argv[0]).name
    return "kubectl stellwerk" if called.startswith("kubectl") else "stellwerk"


if __name__ == "__main__":
    main()
