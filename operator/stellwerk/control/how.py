"""How one replica runs: plain values, in seconds where a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from stellwerk.cluster.lease import LeaseConfig
from stellwerk.cluster.reflector import Tuning
from stellwerk.cluster.writer import WriterTuning
from stellwerk.control.accrual import LedgerTuning
from stellwerk.lifecycle.patience import Patience
from stellwerk.model.supply import Backoff
from stellwerk.sources.prices import PriceSource


@dataclass(frozen=True, slots=True)
class Pricing:
    """Where prices come from, and how they are judged."""

    source: PriceSource
    reread: float
    """Seconds between two looks."""
    step: Decimal
    """How far a price may go at once."""
    outdated: timedelta


@dataclass(frozen=True, slots=True)
class How:
    """All of it."""

    cluster: str
    lease: LeaseConfig | None
    """None: lead without election."""
    tuning: Tuning
    writes: WriterTuning
    window: tuple[float, float, float]
    """Idle, maximum and tick of the batcher."""
    improve: float
    """Most that workloads wait for a better assignment; 0 for not at all."""
    heartbeat_limit: float
    liveness: float
    backoff: Backoff
    patience: Patience
    prices: Pricing
    ledger: LedgerTuning
