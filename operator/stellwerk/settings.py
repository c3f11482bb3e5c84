"""Settings of the operator: from the environment (``STELLWERK_*``) and one YAML file, checked before anything starts.

Only ``__main__`` reads them; every other module receives plain values. A nested field is set from the environment
with a double underscore: ``STELLWERK_LEASE__DURATION_SECONDS=15``. The environment wins over the file, the file over
the default.
"""

from __future__ import annotations

import os
import socket
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

FILE_VARIABLE = "STELLWERK_CONFIG"
"""Environment variable that names the YAML file; without it no file is read."""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lease(_Group):
    """Leader election by a ``coordination.k8s.io/v1`` Lease."""

    enabled: bool = Field(default=True, description="Off only for a single replica in development.")
    name: str = Field("stellwerk", description="Name of the Lease object.", min_length=1, max_length=63)
    namespace: str = Field(
        "stellwerk-system", description="Namespace of the Lease object.", min_length=1, max_length=63
    )
    duration_seconds: float = Field(
        10.0, gt=0, description="A standby takes over when the holder was silent this long, in seconds."
    )
    renew_seconds: float = Field(
        7.0, gt=0, description="A leader that could not renew for this long stops writing, in seconds."
    )
    retry_seconds: float = Field(
        1.5, gt=0, description="Pause between two attempts to get or renew the Lease, in seconds."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.duration_seconds > self.renew_seconds > 1.2 * self.retry_seconds:
            message = "lease: duration_seconds > renew_seconds > 1.2 x retry_seconds must hold, or two could lead"
            raise ValueError(message)
        return self


class Batch(_Group):
    """The window in which events are collected before one cycle decides for all of them."""

    idle_seconds: float = Field(
        0.001,
        ge=0,
        le=5,
        description="A window closes after this long without an event, or as long as the last cycle took, in seconds.",
    )
    maximum_seconds: float = Field(
        0.2, ge=0, le=30, description="A window closes after this long at the latest, in seconds."
    )
    tick_seconds: float = Field(
        30.0, gt=0, le=600, description="Without any event a cycle still looks at everything this often, in seconds."
    )
    improve_seconds: float = Field(
        2.0,
        ge=0,
        le=60,
        description="Workloads that compete for room wait for a better assignment this long at most, in seconds;"
        " 0 takes the first one found.",
    )


class Streams(_Group):
    """List and watch of Kubernetes objects."""

    page_size: int = Field(500, ge=10, le=5000, description="Objects per page of a LIST request.")
    silence_seconds: float = Field(
        75.0,
        gt=0,
        description="A watch without a byte (bookmarks come every minute) is reopened after this, in seconds.",
    )
    liveness_seconds: float = Field(90.0, gt=0, description="A stream silent for longer fails /healthz, in seconds.")


class Writes(_Group):
    """The one writer."""

    in_flight: int = Field(
        32,
        ge=1,
        le=256,
        description="Requests to the API server at the same time, at most; halved when it answers 429.",
    )
    timeout_seconds: float = Field(
        3.0, gt=0, description="Limit of one write, in seconds; must not exceed lease duration minus renew time."
    )


class SupplySettings(_Group):
    """How long nodes are waited for, and how long a pool that got none is left alone."""

    provision_times: float = Field(
        2.0,
        gt=0,
        le=100,
        description="Pods are placed elsewhere that found no node in a growing pool for so many provisionTimes of it.",
    )
    fixed_patience_seconds: float = Field(
        600.0,
        gt=0,
        description="The same for pods that lost their nodes in a pool without growth, in seconds.",
    )
    backoff_seconds: float = Field(
        300.0,
        gt=0,
        description="A pool is left alone for so long after its first stock-out, in seconds; then twice that.",
    )
    longest_backoff_seconds: float = Field(
        14_400.0, gt=0, description="A pool is never left alone for longer than this after a stock-out, in seconds."
    )


class PriceSettings(_Group):
    """Where prices come from that no ComputePool declares, and when they are refused."""

    catalogue: Path | None = Field(
        None,
        description="CSV file of prices in the layout of SkyPilot's or gpuhunt's catalogue, such as one of a ConfigMap"
        "; it is read again when it changes.",
    )
    currencies: Path | None = Field(
        None,
        description="CSV file of exchange rates (currency, per_euro, valid_from), instead of the one that comes along;"
        " it is read again when it changes.",
    )
    built_in: bool = Field(default=True, description="Whether the list prices that come with Stellwerk count.")
    reread_seconds: float = Field(
        10.0, gt=0, le=3600, description="How often the files are looked at, and all prices judged anew, in seconds."
    )
    largest_step: Decimal = Field(
        Decimal(10),
        gt=1,
        le=1000,
        description="A price that is so many times the last good one, or such a part of it, is refused until a person"
        " accepts it.",
    )
    outdated_days: float = Field(
        180.0, gt=0, description="A list price that is older, in days, holds and is told to be outdated."
    )


class LedgerSettings(_Group):
    """What nodes cost and who had them, written down as ConfigMaps."""

    namespace: str = Field("stellwerk-system", description="Namespace of its pages.", min_length=1, max_length=63)
    split: Literal["residual", "opencost"] = Field(
        "residual",
        description="How a node's price is split: CPU and memory at market rates and the rest on the accelerators,"
        " or in the ratio of OpenCost's default rates.",
    )
    lanes: int = Field(1, ge=1, le=64, description="Pages that are written side by side: one for each 500 nodes.")
    write_seconds: float = Field(
        60.0, gt=0, le=3600, description="A change is written after this long, in seconds; what crashes forgets it."
    )
    extend_seconds: float = Field(
        600.0,
        gt=0,
        le=86_400,
        description="Everything is written up to now after this long, changed or not, in seconds; a standby remembers"
        " what it saw for twice as long.",
    )
    keep_days: int = Field(400, ge=35, le=36_500, description="Pages whose last entry is older are deleted, in days.")
    page_bytes: int = Field(
        400_000, ge=1000, le=700_000, description="A page that is larger, compressed, is full: another one is begun."
    )
    status_seconds: float = Field(
        600.0, gt=0, description="The sums in the status of a Tenant are written at most this often, in seconds."
    )


class Logs(_Group):
    """Log output."""

    format: Literal["json", "console"] = Field("json", description="`json` for machines, `console` for people.")
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is written."
    )


class Http(_Group):
    """The endpoint of /metrics, /healthz and /readyz."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - probes come from outside
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one and logs it.")


class Settings(BaseSettings):
    """All settings of one operator process."""

    model_config = SettingsConfigDict(env_prefix="STELLWERK_", env_nested_delimiter="__", frozen=True, extra="forbid")

    kubeconfig: Path | None = Field(
        None, description="Kubeconfig file; without it the pod's service account, else $KUBECONFIG, is used."
    )
    context: str | None = Field(None, description="Context of the kubeconfig; without it the current one.")
    cluster: str = Field(
        "local", description="Name of this cluster in pools and placements.", min_length=1, max_length=63
    )
    identity: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}", description="This replica's name in the Lease."
    )
    lease: Lease = Field(default_factory=Lease)
    batch: Batch = Field(default_factory=Batch)
    streams: Streams = Field(default_factory=Streams)
    writes: Writes = Field(default_factory=Writes)
    supply: SupplySettings = Field(default_factory=SupplySettings)
    prices: PriceSettings = Field(default_factory=PriceSettings)
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)
    logs: Logs = Field(default_factory=Logs)
    http: Http = Field(default_factory=Http)

    @model_validator(mode="after")
    def _fenced(self) -> Self:
        if self.lease.enabled and self.writes.timeout_seconds > self.lease.duration_seconds - self.lease.renew_seconds:
            message = (
                "writes.timeout_seconds must not exceed lease.duration_seconds - lease.renew_seconds (late writes)"
            )
            raise ValueError(message)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature; no .env file is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, then the file named by `FILE_VARIABLE`."""
        file = os.environ.get(FILE_VARIABLE)
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        return (*sources, YamlConfigSettingsSource(settings_cls, yaml_file=file)) if file else sources
