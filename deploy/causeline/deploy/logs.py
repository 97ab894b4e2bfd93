"""Structured logs: lines for a person on a terminal, JSON objects for a collector everywhere else."""

import logging
import sys
from typing import Final

import structlog


def configure_logging(level: str, form: str, process: str) -> None:
    """Set up structlog and the standard library's logging. `form` is auto, json or console; `process` is put on every line."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([structlog.processors.format_exc_info] if as_json else []),
        _in_order,
    ]
    # Plain traces: the default ones show local variables, header fields with tokens among them.
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        ),
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # The clients report every reconnect as an error while a broker is away; the parts that use them say it once.
    for name in ("aiokafka", "granian", "_granian", "clickhouse_connect", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.CRITICAL)
    # At the level debug it writes every request as it is, the one that holds the password among them.
    logging.getLogger("aiokafka.conn").setLevel(logging.INFO if level == "debug" else logging.CRITICAL)
    structlog.contextvars.bind_contextvars(process=process)


_FIRST: Final = ("timestamp", "level", "process", "event")


def _in_order(_: structlog.typing.WrappedLogger, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Put first what a reader looks for first."""
    return {name: event[name] for name in _FIRST if name in event} | dict(event)
