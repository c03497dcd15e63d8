"""GraphQL over HTTP as a thin ASGI endpoint: one request, one operation, one deadline, ended when its client leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping

from graphql import DocumentNode, GraphQLError, OperationType
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from gateway.answer import Answer, Answers
from gateway.execution import Executor, Operation, OperationContext
from gateway.execution.documents import Documents
from gateway.explain import Wish, plan_shown, trace_shown, wish_of
from gateway.federated_trace import HEADER, Trace
from gateway.logs import new_request_id, request_id
from gateway.request import ClientLeft, GraphQLRequest, Refused, read_get, read_post
from resolvers.errors import BadUserInput
from resolvers.operation import until
from resolvers.plan import PlannedLink
from resolvers.trace import Trace as CallTrace
from resolvers.trace import tracing

log = logging.getLogger(__name__)

Planner = Callable[[DocumentNode, str | None, Mapping[str, object]], Iterable[PlannedLink]]

_GRACE_S = 0.2
"""Every call ends by the deadline; what does not is cut off this much later."""


class Endpoint:
    """Serves GET and POST at one address; `context` makes what the resolvers of one operation share.

    `page` is what a browser is answered that asks nothing. Where there is a `plan`, clients may have things explained.
    """

    def __init__(
        self,
        documents: Documents,
        executor: Executor,
        context: Callable[[], OperationContext],
        *,
        deadline_s: float = 10.0,
        page: Answer | None = None,
        plan: Planner | None = None,
    ) -> None:
        self._documents, self._executor, self._context = documents, executor, context
        self._deadline_s = deadline_s
        self._page = page
        self._plan = plan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        number = new_request_id()
        request_id.set(number)
        accept = ",".join(Headers(scope=scope).getlist("accept"))
        answers = Answers(accept, number)
        try:
            request = await self._request(scope, receive)
            if request is None and self._page is not None and "text/html" in accept.lower():
                await self._page.send(send)
                return
            if request is None:
                raise Refused(400, "Ask by POST of JSON with `query`, or by GET with `?query=`.")
            trace = Trace() if Headers(scope=scope).get(HEADER) == "ftv1" else None
            wish = wish_of(Headers(scope=scope), allowed=self._plan is not None)
            answer = await self._unless_left(self._answered(request, answers, trace, wish), receive)
        except Refused as refused:
            answer = answers.refused(refused)
        except ClientLeft:
            return
        except Exception:
            log.exception("a request failed")
            answer = answers.broken()
        await answer.send(send)

    async def _request(self, scope: Scope, receive: Receive) -> GraphQLRequest | None:
        if scope["method"] == "POST":
            return await read_post(scope, receive)
        if scope["method"] == "GET":
            return read_get(scope)
        raise Refused(405, "Ask by POST or GET.", {"Allow": "GET, POST"})

    async def _answered(
        self, request: GraphQLRequest, answers: Answers, trace: Trace | None, wish: Wish | None
    ) -> Answer:
        document = self._documents.get(request.query)
        if document.ast is None:
            return answers.invalid(document.errors, document.code)
        try:
            kind = document.operation_type(request.operation_name)
        except BadUserInput as error:
            return answers.invalid([GraphQLError(error.message)], error.code)
        if request.safe and kind is not OperationType.QUERY:
            raise Refused(405, "Only queries can be asked by GET.", {"Allow": "POST"})
        if document.errors:
            return answers.invalid(document.errors, document.code)
        operation = Operation(document.ast, request.operation_name, request.variables, trace)
        if wish is Wish.PLAN and self._plan:
            return self._planned(operation, answers, self._plan)
        if wish is Wish.TRACE:
            with tracing() as traced:
                return await self._executed(operation, answers, traced)
        return await self._executed(operation, answers)

    def _planned(self, operation: Operation, answers: Answers, plan: Planner) -> Answer:
        try:
            return answers.planned(plan_shown(plan(operation.document, operation.name, operation.variables)))
        except BadUserInput as error:
            return answers.invalid([GraphQLError(error.message)], error.code)

    async def _executed(self, operation: Operation, answers: Answers, traced: CallTrace | None = None) -> Answer:
        end = asyncio.get_running_loop().time() + self._deadline_s
        context = self._context()
        try:
            with until(end):
                async with asyncio.timeout_at(end + _GRACE_S):
                    outcome = await self._executor.execute(operation, context)
        except TimeoutError:
            log.warning("an operation did not end by its deadline")
            return answers.late()
        finally:
            await context.aclose()
        if not outcome.executed:
            return answers.invalid(outcome.errors, BadUserInput.code)
        explained = trace_shown(traced) if traced else None
        return answers.executed(outcome, context.link_errors(), operation.trace, explained)

    async def _unless_left(self, answering: Coroutine[None, None, Answer], receive: Receive) -> Answer:
        """The answer; where the client leaves first, whatever was started for it is ended and ClientLeft raised."""
        task = asyncio.create_task(answering)
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            log.info("a client left before its answer")
            raise ClientLeft
        finally:
            for each in (task, leaving):
                each.cancel()
            await asyncio.wait({task, leaving})
            for each in (task, leaving):
                if not each.cancelled():
                    each.exception()


async def _left(receive: Receive) -> None:
    message = await receive()
    while message["type"] != "http.disconnect":
        # A server that has nothing to wait for must not stop the loop.
        await asyncio.sleep(0)
        message = await receive()
