"""The one text form of time: RFC 3339 in UTC with milliseconds and `Z`."""

from __future__ import annotations

from datetime import UTC, datetime

from schema.scalars import Timestamp


def from_epoch_ms(milliseconds: int) -> Timestamp:
    """Milliseconds since 1970, as MLflow counts. Raises ValueError outside the years 1 to 9999."""
    seconds, rest = divmod(milliseconds, 1000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("not a time of this era") from error
    return Timestamp(f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z".rjust(24, "0"))


def from_iso(text: str) -> Timestamp:
    """An ISO 8601 text with its offset (or `Z`; without one it is UTC). Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return Timestamp(f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0"))
