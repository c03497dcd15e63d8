"""GraphQL over HTTP as a thin ASGI endpoint: one request, one operation, one deadline, ended when its client leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping

from graphql import DocumentNode, GraphQLError, OperationType
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from gateway.admission import Admission
from gateway.answer import Answer, Answers
from gateway.codes import RequestCode
from gateway.cost import Costs
from gateway.deadline import seconds_given
from gateway.entrance import Entrance
from gateway.execution import Executor, Operation, OperationContext
from gateway.execution.documents import Documents
from gateway.explain import Wish, plan_shown, trace_shown, wish_of
from gateway.federated_trace import HEADER, Trace
from gateway.logs import new_request_id, request_id
from gateway.operations import Operations
from gateway.request import ClientLeft, GraphQLRequest, Refused, check_headers, read_get, read_post
from resolvers.caller import Caller
from resolvers.errors import BadUserInput
from resolvers.plan import PlannedLink
from resolvers.trace import Trace as CallTrace
from resolvers.trace import tracing

log = logging.getLogger(__name__)

Planner = Callable[[Caller, DocumentNode, str | None, Mapping[str, object]], Iterable[PlannedLink]]

_NO_SCHEMA = "The schema cannot be asked for here: it is published as a file."


class Endpoint:
    """Serves GET and POST at one address; `context` makes what the resolvers of one operation share.

    `page` is what a browser is answered that asks nothing. Where there is a `plan`, clients may have things explained.
    """

    def __init__(
        self,
        documents: Documents,
        executor: Executor,
        context: Callable[[Caller], OperationContext],
        *,
        entrance: Entrance | None = None,
        costs: Costs | None = None,
        may_introspect: Callable[[Caller], bool] = lambda _: True,
        admission: Admission | None = None,
        deadline_s: float = 10.0,
        page: Answer | None = None,
        plan: Planner | None = None,
    ) -> None:
        self._documents = documents
        self._entrance = entrance or Entrance()
        self._costs, self._may_introspect = costs, may_introspect
        self._operations = Operations(executor, context, admission)
        self._deadline_s = deadline_s
        self._page = page
        self._plan = plan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        number = new_request_id()
        request_id.set(number)
        accept = ",".join(Headers(scope=scope).getlist("accept"))
        answers = Answers(accept, number)
        try:
            self._operations.check()
            seconds = seconds_given(Headers(scope=scope), self._deadline_s)
            request = await self._request(scope, receive)
            if request is None and self._page is not None and "text/html" in accept.lower():
                await self._page.send(send)
                return
            if request is None:
                raise Refused(400, "Ask by POST of JSON with `query`, or by GET with `?query=`.")
            answer = await self._unless_left(self._answered(request, scope, seconds, answers), receive)
        except Refused as refused:
            answer = answers.refused(refused)
        except ClientLeft:
            return
        except Exception:
            log.exception("a request failed")
            answer = answers.broken()
        await answer.send(send)

    async def _request(self, scope: Scope, receive: Receive) -> GraphQLRequest | None:
        check_headers(scope)
        if scope["method"] == "POST":
            return await read_post(scope, receive)
        if scope["method"] == "GET":
            return read_get(scope)
        raise Refused(405, "Ask by POST or GET.", {"Allow": "GET, POST"})

    async def _answered(self, request: GraphQLRequest, scope: Scope, seconds: float, answers: Answers) -> Answer:
        headers = Headers(scope=scope)
        wish = wish_of(headers, allowed=self._plan is not None)
        entered = await self._entrance.enter(request, scope)
        request = entered.request
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
        if document.introspects and not self._may_introspect(entered.caller):
            return answers.invalid([GraphQLError(_NO_SCHEMA)], RequestCode.INTROSPECTION_DISABLED)
        extensions: dict[str, object] = {}
        if self._costs is not None:
            cost = self._costs.of(document, request.operation_name, request.variables)
            if cost.too_much:
                code = RequestCode.COST_ESTIMATED_TOO_EXPENSIVE
                return answers.invalid([GraphQLError(cost.message)], code, {"cost": cost.shown()})
            await self._entrance.charge(entered, 0 if wish is Wish.PLAN else cost.calls)
            if headers.get("lifecycle-cost", "0") != "0":
                extensions["cost"] = cost.shown()
        trace = Trace() if headers.get(HEADER) == "ftv1" else None
        operation = Operation(document.ast, request.operation_name, request.variables, trace)
        if wish is Wish.PLAN and self._plan:
            return self._planned(operation, entered.caller, answers, self._plan)
        if wish is None:
            return await self._executed(operation, entered.caller, seconds, answers, extensions)
        with tracing() as traced:
            return await self._executed(operation, entered.caller, seconds, answers, extensions, traced)

    def _planned(self, operation: Operation, caller: Caller, answers: Answers, plan: Planner) -> Answer:
        try:
            links = plan(caller, operation.document, operation.name, operation.variables)
        except BadUserInput as error:
            return answers.invalid([GraphQLError(error.message)], error.code)
        return answers.planned(plan_shown(links))

    async def _executed(
        self,
        operation: Operation,
        caller: Caller,
        seconds: float,
        answers: Answers,
        extensions: Mapping[str, object],
        traced: CallTrace | None = None,
    ) -> Answer:
        try:
            outcome, link_errors = await self._operations.run(operation, caller, seconds, alone=traced is not None)
        except TimeoutError:
            log.warning("an operation did not end by its deadline")
            return answers.late(extensions)
        if not outcome.executed:
            return answers.invalid(outcome.errors, BadUserInput.code)
        if traced:
            extensions = {**extensions, "explain": trace_shown(traced)}
        return answers.executed(outcome, link_errors, operation.trace, extensions)

    async def _unless_left(self, answering: Coroutine[None, None, Answer], receive: Receive) -> Answer:
        """The answer; where the client leaves first, whatever was started for it is ended and ClientLeft raised."""
        task = asyncio.create_task(answering)
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            log.debug("a client left before its answer")
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
