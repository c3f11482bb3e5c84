"""`stellwerk cost` and its flags; what it does lives beside this module and is imported when it runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

cost = typer.Typer(
    help="What nodes have cost, and who had them: sums of the ledger that a cluster keeps.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Kubeconfig = Annotated[Path | None, typer.Option(help="Kubeconfig file; without it $KUBECONFIG or the default.")]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig; without it the current one.")]
Namespace = Annotated[str, typer.Option(help="Namespace of the ledger's pages.")]
Cluster = Annotated[str | None, typer.Option(help="Only the ledger of this cluster; without it all that are there.")]
Since = Annotated[
    str | None, typer.Option(help="From this moment or day on (RFC 3339); without it since the month began.")
]
Until = Annotated[str | None, typer.Option(help="Up to this moment, or to the end of this day; without it all.")]
Zone = Annotated[str, typer.Option("--zone", help="Time zone of days, weeks and months, such as Europe/Berlin.")]


class Output(StrEnum):
    """How sums are written."""

    TABLE = "table"
    JSON = "json"


class Period(StrEnum):
    """Over what sums are taken."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Format(StrEnum):
    """How lines are exported."""

    CSV = "csv"
    PARQUET = "parquet"
    FOCUS = "focus"


@cost.command("show")
def show(
    *,
    by: Annotated[
        str,
        typer.Option(
            help="Keys joined by commas: tenant, namespace, class, workload, attempt, cluster, pool, provider, region,"
            " jurisdiction, capacity, node."
        ),
    ] = "tenant",
    period: Annotated[Period | None, typer.Option(help="A row for each of these; without it one for all.")] = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = "UTC",
    output: Annotated[Output, typer.Option("-o", "--output", help="How to write the sums.")] = Output.TABLE,
    namespace: Namespace = "stellwerk-system",
    cluster: Cluster = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """Add up by any keys; with what was idle, the sums are what the nodes cost, to the last cent.

    Exit code: 0, or 1 for bad input.
    """
    from stellwerk.cli import costcommand
    from stellwerk.cli.ledgersource import Source

    source = Source(kubeconfig, context, namespace, cluster)
    when = costcommand.When(since, until, zone, period.value if period else None)
    return costcommand.show(source, when, tuple(key.strip() for key in by.split(",") if key.strip()), output.value)


@cost.command("lost")
def lost(
    *,
    since: Since = None,
    until: Until = None,
    zone: Zone = "UTC",
    output: Annotated[Output, typer.Option("-o", "--output", help="How to write the list.")] = Output.TABLE,
    namespace: Namespace = "stellwerk-system",
    cluster: Cluster = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """List work that was paid for and lost when a place was given up: whose, what it cost, and for whom.

    Exit code: 0, or 1 for bad input.
    """
    from stellwerk.cli import costcommand
    from stellwerk.cli.ledgersource import Source

    source = Source(kubeconfig, context, namespace, cluster)
    return costcommand.show_lost(source, costcommand.When(since, until, zone, None), output.value)


@cost.command("export")
def export(
    *,
    out: Annotated[Path, typer.Argument(help="The file to write; - is standard output (not for parquet).")],
    form: Annotated[
        Format,
        typer.Option(
            "--format", help="csv, parquet (needs the extra stellwerk[parquet]), or CSV of FOCUS 1.0 columns."
        ),
    ] = Format.CSV,
    period: Annotated[Period, typer.Option(help="A row for each of these.")] = Period.DAY,
    since: Since = None,
    until: Until = None,
    zone: Zone = "UTC",
    namespace: Namespace = "stellwerk-system",
    cluster: Cluster = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """Write a row for each node, who had it, and period, for other programs.

    Exit code: 0, or 1 for bad input.
    """
    from stellwerk.cli import costexport
    from stellwerk.cli.costcommand import When
    from stellwerk.cli.ledgersource import Source

    source = Source(kubeconfig, context, namespace, cluster)
    return costexport.run(source, When(since, until, zone, period.value), form.value, out)
