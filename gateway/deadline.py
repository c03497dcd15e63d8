"""The time of one operation: the server's, or less where the client says so."""

from __future__ import annotations

from starlette.datastructures import Headers

from gateway.request import Refused

HEADER = "lifecycle-deadline-ms"
LEAST_MS = 50


def seconds_given(headers: Headers, most_s: float) -> float:
    """How long the operation may take; raises Refused where the header is no number of milliseconds from 50 on.

    Asking for more than the server gives is no mistake, and brings no more.
    """
    said = headers.getlist(HEADER)
    if not said:
        return most_s
    text = said[0]
    if len(said) > 1 or not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < LEAST_MS:
        raise Refused(400, f"`{HEADER}` must be a whole number of milliseconds, {LEAST_MS} or more.")
    return min(int(text) / 1000, most_s)
