"""Where the log goes, and the id of the request each line belongs to."""

from __future__ import annotations

import logging
import secrets
import sys
from contextvars import ContextVar
from typing import TextIO

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""Set for each request; batches run in tasks that inherit it."""


def new_request_id() -> str:
    return secrets.token_hex(8)


def handler(stream: TextIO | None = None) -> logging.Handler:
    """Writes lines to `stream` (standard error), each with its request's id."""
    made = logging.StreamHandler(stream or sys.stderr)
    made.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s request=%(request_id)s %(message)s"))
    made.addFilter(_with_request_id)
    return made


def _with_request_id(record: logging.LogRecord) -> bool:
    record.request_id = request_id.get()
    return True
