"""Structured log lines on standard output: JSON, or plain text in development.

Nothing logs a header, a query or a body, so no line can hold a password or a token.
"""

import logging
import sys
from functools import partial
from typing import Any

import structlog
from pydantic_core import to_json

from chassis import context

# Local variables hold tokens and bodies; a traceback is told without them.
_TRACEBACK = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def _add_request(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (request_id := context.request_id.get()) is not None:
        event.setdefault("request_id", request_id)
    return event


def _add_service(
    service: str, _: Any, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {"service": service, **event}


def _as_text() -> structlog.typing.Processor:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(),
        pad_event_to=0,
        exception_formatter=structlog.dev.plain_traceback,
    )


def _to_json(event: structlog.typing.EventDict, **_: Any) -> str:
    return to_json(event, fallback=repr).decode()


def configure(service: str, level: str, environment: str) -> None:
    """Send structlog's lines and the standard library's (uvicorn, psycopg) the same way."""
    shared: list[structlog.typing.Processor] = [
        _add_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if environment == "development":
        render: list[structlog.typing.Processor] = [_as_text()]
    else:
        shared.append(partial(_add_service, service))
        render = [_TRACEBACK, structlog.processors.JSONRenderer(_to_json)]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # One write for each line; print makes two.
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # These tell of each request; the access line does so once.
    for chatty in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
