"""Everything that can go wrong, one class per stable code.

GraphError
├── BadUserInput             BAD_USER_INPUT (the request side)
├── Ambiguous                AMBIGUOUS
└── SourceError              one child per way a source fails
    ├── SourceUnavailable    SourceTimeout      SourceRateLimited   SourceFault
    ├── SourceBadResponse    SourceTooLarge     SourceAuthFailed    SourceForbidden
    ├── DeadlineExceeded     Overloaded         PageLimit
    ├── CallerUnauthenticated, a SourceAuthFailed of the caller's own token
    └── NotAllowed, a SourceForbidden by our own rules, and Unseen, a row that is passed over for it
"""

from __future__ import annotations

from typing import ClassVar, Self

from schema.connection import ErrorCode
from schema.identity import SHARED


class GraphError(Exception):
    """An error made to be shown: its text names the source and what to do, never a host, a secret or a body."""

    code: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code}

    def again(self) -> Self:
        """The same error as a fresh object: one exception shared by many awaiters grows a traceback in each."""
        fresh = type(self).__new__(type(self), *self.args)
        fresh.__dict__.update(self.__dict__)
        return fresh


class NotFound(GraphError):
    code = ErrorCode.NOT_FOUND.name


class Internal(GraphError):
    """A fault of our own; what happened is in the log."""

    code = ErrorCode.INTERNAL.name


class BadUserInput(GraphError):
    code = "BAD_USER_INPUT"


class Ambiguous(GraphError):
    """A name that several sources answer; `ids` are all of them."""

    code = ErrorCode.AMBIGUOUS.name

    def __init__(self, name: str, ids: tuple[str, ...]) -> None:
        super().__init__(f"Several sources have {name!r}: say which, by `source` or by id.")
        self.name, self.ids = name, ids

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "ids": list(self.ids)}


class SourceError(GraphError):
    """A source that could not say. `retryable`: asking again later may help."""

    error_code: ClassVar[ErrorCode]
    retryable: ClassVar[bool] = False

    def __init__(self, source: str, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.source, self.retry_after_ms = source, retry_after_ms

    @property
    def extensions(self) -> dict[str, object]:
        shown: dict[str, object] = {"code": self.error_code.name, "source": self.source, "retryable": self.retryable}
        if self.retry_after_ms is not None:
            shown["retryAfterMs"] = self.retry_after_ms
        return shown


def code_of(error: GraphError) -> ErrorCode:
    """The code a link or an outcome shows for this error."""
    return error.error_code if isinstance(error, SourceError) else ErrorCode[error.code]


class SourceUnavailable(SourceError):
    error_code, retryable = ErrorCode.SOURCE_UNAVAILABLE, True


class SourceTimeout(SourceError):
    error_code, retryable = ErrorCode.SOURCE_TIMEOUT, True


class SourceRateLimited(SourceError):
    error_code, retryable = ErrorCode.SOURCE_RATE_LIMITED, True


class SourceFault(SourceError):
    error_code, retryable = ErrorCode.SOURCE_ERROR, True


class SourceBadResponse(SourceError):
    error_code = ErrorCode.SOURCE_BAD_RESPONSE


class SourceTooLarge(SourceError):
    error_code = ErrorCode.SOURCE_RESPONSE_TOO_LARGE


class SourceAuthFailed(SourceError):
    error_code = ErrorCode.SOURCE_AUTH_FAILED


class CallerUnauthenticated(SourceAuthFailed):
    """What the caller sent is not taken by a source that is asked with it: the caller's to mend, and nobody else's."""

    error_code = ErrorCode.UNAUTHENTICATED


class SourceForbidden(SourceError):
    error_code = ErrorCode.FORBIDDEN


class NotAllowed(SourceForbidden):
    """Kept from this caller by our own rules, before any call: it tells nothing of existence, and names no source."""

    def __init__(self) -> None:
        super().__init__(SHARED, "You may not see this.")

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.error_code.name, "retryable": self.retryable}

    def again(self) -> Self:
        return type(self)()


class Unseen(NotAllowed):
    """A row of a list that this caller may not see, in its place: it is passed over, and nothing is said of it."""


class DeadlineExceeded(SourceError):
    error_code, retryable = ErrorCode.DEADLINE_EXCEEDED, True


class Overloaded(SourceError):
    error_code, retryable = ErrorCode.OVERLOADED, True


class PageLimit(SourceError):
    error_code = ErrorCode.PAGE_LIMIT
