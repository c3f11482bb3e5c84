"""The operator process: `python -m stellwerk`. Wiring only."""

from __future__ import annotations

import asyncio
import importlib.metadata
import signal
import sys
from datetime import timedelta

import aiohttp
import uvloop
from pydantic import ValidationError

from stellwerk import logs, metrics
from stellwerk.cluster import kubeconfig
from stellwerk.cluster.lease import LeaseConfig
from stellwerk.cluster.reflector import Tuning
from stellwerk.cluster.writer import WriterTuning
from stellwerk.control.accrual import LedgerTuning
from stellwerk.control.endpoints import Endpoints
from stellwerk.control.how import How, Pricing
from stellwerk.control.runtime import Runtime
from stellwerk.economics.ledger.rates import SplitMode
from stellwerk.handlers.shell import Connection, Shell
from stellwerk.lifecycle.patience import Patience
from stellwerk.model.supply import Backoff
from stellwerk.settings import LedgerSettings, PriceSettings, Settings
from stellwerk.sources.prices import PriceFiles

BAD_CONFIGURATION = 78
"""Exit code `EX_CONFIG` of sysexits.h."""

VERSION = importlib.metadata.version("stellwerk")


def main() -> int:
    """Run one replica until SIGTERM or SIGINT; returns the exit code."""
    try:
        settings = Settings()
        target = kubeconfig.discover(settings.kubeconfig, settings.context)
    except (ValidationError, kubeconfig.ConfigError) as error:
        sys.stderr.write(f"stellwerk: {error}\n")
        return BAD_CONFIGURATION
    logs.configure(settings.logs.format, settings.logs.level)
    metrics.INFO.labels(VERSION).set(1)
    uvloop.run(_run(settings, target))
    return 0


async def _run(settings: Settings, target: kubeconfig.Target) -> None:
    async def connect() -> Connection:
        header = await target.credential.header()
        return Connection(
            target.server,
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=True if target.tls is None else target.tls),
                headers={"Authorization": header} if header else {},
            ),
        )

    runtime = Runtime(target, _how(settings), lambda judge: Shell(connect, judge))
    endpoints = Endpoints((settings.http.host, settings.http.port), metrics.REGISTRY, runtime.probes)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    endpoints.start()
    log = logs.get_logger(__name__)
    log.info("listening", port=endpoints.port, version=VERSION, identity=settings.identity)
    try:
        await runtime.run(stop)
    finally:
        endpoints.stop()
    log.info("stopped", identity=settings.identity)


def _how(settings: Settings) -> How:
    lease, batch = settings.lease, settings.batch
    config = LeaseConfig(
        namespace=lease.namespace,
        name=lease.name,
        identity=settings.identity,
        duration=lease.duration_seconds,
        renew=lease.renew_seconds,
        retry=lease.retry_seconds,
    )
    return How(
        cluster=settings.cluster,
        lease=config if lease.enabled else None,
        tuning=Tuning(page_size=settings.streams.page_size, silence=settings.streams.silence_seconds),
        writes=WriterTuning(in_flight=settings.writes.in_flight, timeout=settings.writes.timeout_seconds),
        window=(batch.idle_seconds, batch.maximum_seconds, batch.tick_seconds),
        improve=batch.improve_seconds,
        heartbeat_limit=lease.renew_seconds,
        liveness=settings.streams.liveness_seconds,
        backoff=Backoff(settings.supply.backoff_seconds, settings.supply.longest_backoff_seconds),
        patience=Patience(settings.supply.provision_times, settings.supply.fixed_patience_seconds),
        prices=_pricing(settings.prices),
        ledger=_ledger(settings.ledger),
    )


def _ledger(ledger: LedgerSettings) -> LedgerTuning:
    return LedgerTuning(
        namespace=ledger.namespace,
        lanes=ledger.lanes,
        write=ledger.write_seconds,
        extend=ledger.extend_seconds,
        keep_days=ledger.keep_days,
        page_bytes=ledger.page_bytes,
        split=SplitMode(ledger.split),
        status=ledger.status_seconds,
    )


def _pricing(prices: PriceSettings) -> Pricing:
    return Pricing(
        source=PriceFiles(prices.catalogue, prices.currencies, built_in=prices.built_in),
        reread=prices.reread_seconds,
        step=prices.largest_step,
        outdated=timedelta(days=prices.outdated_days),
    )


if __name__ == "__main__":
    sys.exit(main())
