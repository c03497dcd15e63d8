"""Operations as they are executed: let in, ended by their deadline, equal ones of one caller only once at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import msgspec

from gateway.admission import Admission
from gateway.execution import Executor, Operation, OperationContext, Outcome
from gateway.flights import Flights
from resolvers.caller import Caller, asked_by
from resolvers.context import LinkError
from resolvers.operation import until

log = logging.getLogger(__name__)

_GRACE_S = 0.2
"""Every call ends by the deadline; what does not is cut off this much later."""


class Ran(NamedTuple):
    """What executing brought, for everybody who asked for it."""

    outcome: Outcome
    link_errors: Sequence[LinkError]


class Operations:
    """Runs operations; `context` makes what the resolvers of one share."""

    def __init__(
        self, executor: Executor, context: Callable[[Caller], OperationContext], admission: Admission | None = None
    ) -> None:
        self._executor, self._context = executor, context
        self._admission = admission or Admission()
        self._flights = Flights[Hashable, Ran]()

    def check(self) -> None:
        """Raise Refused if there is no place for one more, whichever it is."""
        self._admission.check()

    async def run(self, operation: Operation, caller: Caller, seconds: float, *, alone: bool = False) -> Ran:
        """Execute a query, or wait with those whose equal one is being executed, unless it is to be traced.

        Raises TimeoutError where it did not end in its time, and Refused where there is no place for it.
        """
        end = asyncio.get_running_loop().time() + seconds
        key = (
            # The document itself lives as long as the work on it: no other has its id.
            *(id(operation.document), operation.name, caller, seconds),
            object() if alone or operation.trace else None,
            # As JSON, in which 1, 1.0 and true are three things.
            msgspec.json.encode(operation.variables, order="deterministic"),
        )
        return await self._flights.join(key, end, lambda: self._executed(operation, caller, end))

    async def _executed(self, operation: Operation, caller: Caller, end: float) -> Ran:
        async with asyncio.timeout_at(end + _GRACE_S), self._admission.place():
            context = self._context(caller)
            try:
                with until(end), asked_by(caller):
                    outcome = await self._executor.execute(operation, context)
                return Ran(outcome, context.link_errors())
            finally:
                await context.aclose()
