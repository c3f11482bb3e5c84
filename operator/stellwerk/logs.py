"""Structured logs: one pipeline for our own lines (structlog) and for those of libraries (standard logging).

Every line of a decision carries the workload, the cycle and the reason constant as fields, so that a log store can
answer "what happened to this workload?" without parsing sentences.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Literal, cast

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_CHATTY = {
    "kopf.objects": logging.WARNING,
    "kopf": logging.WARNING,
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.WARNING,
}
"""Library loggers whose everyday lines say nothing about a decision."""


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of one module; events are lower-case phrases, everything else is a field."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(module=name))


def configure(form: Literal["json", "console"], level: str) -> None:
    """Set up the process's logging once, to standard error.

    Args:
        form: `json` writes one object per line, `console` aligned text for people.
        level: least severe level that is written, such as `info`.

    """
    severity = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(severity),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared, _drop_library_extras],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(severity)
    for name, quiet in _CHATTY.items():
        logging.getLogger(name).setLevel(max(quiet, severity))


def _drop_library_extras(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Remove objects that kopf attaches to its records and that no log store can hold."""
    return {key: value for key, value in event.items() if key not in ("settings", "k8s_skip")}
