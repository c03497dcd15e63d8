"""GraphQL over HTTP, asked over real connections; what the link table would answer is played by a stub."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.answer import JSON, RESPONSE, Answer
from gateway.demo.server import serve
from gateway.endpoint import Endpoint
from gateway.execution.documents import Documents
from gateway.execution.reference import Reference
from gateway.limits import Limits
from gateway.logs import handler
from resolvers.caller import Caller
from resolvers.context import LinkError
from resolvers.errors import Ambiguous, SourceTimeout, SourceUnavailable
from resolvers.operation import deadline
from schema.build import build_schema
from schema.source import BreakerState, Source, SourceRole, SourceStatus

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = build_schema()
PAGE = Answer(200, b"<p>A page.</p>", "text/html", {"content-security-policy": "default-src 'none'"})


@dataclass
class Stub:
    """Answers root fields by what is put in, and notes what became of its contexts."""

    fields: dict[str, Callable[[Any], Awaitable[object]]] = field(default_factory=dict)
    links: list[LinkError] = field(default_factory=list)
    made: int = 0
    closed: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def context(self) -> StubContext:
        self.made += 1
        return StubContext(self)

    async def hang(self, _: object) -> object:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return None


class StubContext:
    def __init__(self, stub: Stub) -> None:
        self._stub = stub

    async def resolve(self, field: str, parent: object, args: object, info: object) -> object:
        return await self._stub.fields[field](args)

    def link_errors(self) -> Sequence[LinkError]:
        return self._stub.links

    async def aclose(self) -> None:
        self._stub.closed += 1
        self._stub.gone.set()


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    json: Any
    text: str

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.json["errors"]]


@dataclass
class Client:
    url: str
    session: aiohttp.ClientSession
    stub: Stub = field(default_factory=Stub)

    async def send(self, method: str, body: bytes | None = None, query: str = "", **headers: str) -> Answered:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, f"{self.url}{query}", data=body, headers=sent) as response:
            text = await response.text()
            json = msgspec.json.decode(text) if text.startswith("{") else None
            return Answered(response.status, {k.lower(): v for k, v in response.headers.items()}, json, text)

    async def post(self, body: object, accept: str = "*/*") -> Answered:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.send("POST", data, content_type="application/json", accept=accept)

    async def ask(self, query: str, accept: str = "*/*", /, **more: object) -> Answered:
        return await self.post({"query": query, **more}, accept)


@asynccontextmanager
async def serving(
    deadline_s: float = 5.0,
    *,
    page: Answer | None = PAGE,
    hide: bool = False,
    limits: Limits | None = None,
    introspects: bool = True,
) -> AsyncIterator[Client]:
    made: list[Client] = []

    def context(_: Caller) -> StubContext:
        return made[0].stub.context()

    endpoint = Endpoint(
        Documents(SCHEMA, limits=limits or Limits(), hide_suggestions=hide),
        Reference(SCHEMA, hide_suggestions=hide),
        context,
        may_introspect=lambda _: introspects,
        deadline_s=deadline_s,
        page=page,
    )
    async with serve(http_only(endpoint), remember=False) as served, aiohttp.ClientSession() as session:
        made.append(Client(served.url, session))
        yield made[0]


def http_only(app: ASGIApp) -> ASGIApp:
    """An endpoint as a whole application: nothing to start, nothing to stop."""

    async def serving_http(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await app(scope, receive, send)

    return serving_http


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Client]:
    async with serving() as client:
        yield client


@pytest.fixture
def client(server: Client) -> Client:
    """One server for all tests, with a stub for each."""
    server.stub = Stub()
    return server


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything logged, as the operator sees it."""
    text = io.StringIO()
    made = handler(text)
    root = logging.getLogger()
    root.addHandler(made)
    yield text
    root.removeHandler(made)


def a_source(name: str) -> Source:
    return Source(
        name=name,
        role=SourceRole.MODEL_REGISTRY,
        product="mlflow",
        version="3.17.2",
        status=SourceStatus.UP,
        breaker=BreakerState.CLOSED,
        capabilities=[],
    )


def answers(value: object) -> Callable[[Any], Awaitable[object]]:
    async def answer(_: object) -> object:
        if isinstance(value, Exception):
            raise value
        return value

    return answer


async def test_answers_a_query_with_variables_and_an_operation_name(client: Client) -> None:
    asked: list[Any] = []

    async def model(args: Any) -> None:
        asked.append(args)

    client.stub.fields["model"] = model
    document = "query A { sources { name } } query B($name: String!) { model(name: $name, source: null) { id } }"
    answered = await client.ask(document, operationName="B", variables={"name": "ranker"})
    assert (answered.status, answered.json) == (200, {"data": {"model": None}})
    assert (asked[0].name, asked[0].source) == ("ranker", None)
    assert (client.stub.made, client.stub.closed) == (1, 1)


async def test_answers_a_query_by_get(client: Client) -> None:
    client.stub.fields["sources"] = answers([a_source("studio")])
    query = "?query=query($x:Boolean!){sources{name%20product@include(if:$x)}}&variables={%22x%22:false}&extensions={}"
    answered = await client.send("GET", query=query)
    assert (answered.status, answered.json) == (200, {"data": {"sources": [{"name": "studio"}]}})


async def test_gives_one_media_type_or_the_other_as_asked(client: Client) -> None:
    newer = await client.ask("{ __typename }", RESPONSE)
    older = await client.ask("{ __typename }")
    assert newer.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert older.headers["content-type"] == "application/json; charset=utf-8"
    assert newer.headers["cache-control"] == older.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "more", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { nope }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nope }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on Query { __typename }", {}, "BAD_USER_INPUT"),
        ("query A { __typename } query B { __typename }", {}, "BAD_USER_INPUT"),
        ("query A { __typename }", {"operationName": "B"}, "BAD_USER_INPUT"),
        ("query A($x: Int!) { models(first: $x) { totalCount } }", {}, "BAD_USER_INPUT"),
        ("query A($x: Int) { models(first: $x) { totalCount } }", {"variables": {"x": 2**40}}, "BAD_USER_INPUT"),
        ("query A($x: Int) { models(first: $x) { totalCount } }", {"variables": {"x": []}}, "BAD_USER_INPUT"),
        ("{ models(first: %s) { totalCount } }" % ("1" * 5000), {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ node(id: " + "[" * 1000 + "]" * 1000 + ") { id } }", {}, "MAX_DEPTH_LIMIT"),
        ("{ a" * 3000, {}, "MAX_DEPTH_LIMIT"),
        ("{" + " __typename" * 6000 + "}", {}, "MAX_DOCUMENT_LIMIT"),
        ("{" + " __typename" * 5000 + "}", {}, "MAX_TOKENS_LIMIT"),
        ("#\n" * 1000 + "{ __typename }", {}, "MAX_TOKENS_LIMIT"),
        ('{ model(name: "\\ud800") { id } }', {}, "GRAPHQL_PARSE_FAILED"),
    ],
)
async def test_request_errors_have_a_code_and_no_data(
    client: Client, query: str, more: dict[str, object], code: str
) -> None:
    older, newer = await client.ask(query, **more), await client.ask(query, RESPONSE, **more)
    assert (older.status, newer.status) == (200, 400)
    for answered in (older, newer):
        assert set(answered.codes) == {code}
        assert list(answered.json) == ["errors"]
        assert all(error["extensions"]["requestId"] for error in answered.json["errors"])
        assert "sys." not in answered.text
    assert client.stub.made == client.stub.closed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b"1.5",
        b"true",
        b'"{ __typename }"',
        b"[]",
        b'[{"query": "{ __typename }"}]',
        b"{}",
        b"{",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 1}',
        b'{"query": ["{ __typename }"]}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "variables": "{}"}',
        b'{"query": "{ __typename }", "operationName": 1}',
        b'{"query": "{ __typename }", "extensions": 1}',
        b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        b'{"query": "{ __typename }", "variables": {"a": 1e999}}',
        b'{"query": "{ __typename }", "variables": {"a": ' + b"1" * 5000 + b"}}",
        b'{"query": "{ __typename }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ __typename }", "query": "{ sources { name } }"}',
        b'{"query": "{ __typename }", "variables": {"a": {"b": 1, "b": 2}}}',
        b'{"query": "\xff"}',
        b"\xff\xfe{\x00",
        b"\xef\xbb\xbf{}",
        b"\x1f\x8b\x08\x00",
        b"\x00" * 100,
    ],
)
async def test_a_body_that_is_no_request_is_answered_400(client: Client, body: bytes) -> None:
    for accept in (JSON, RESPONSE):
        answered = await client.post(body, accept)
        assert answered.status == 400
        assert answered.codes == ["BAD_REQUEST"]
        assert list(answered.json) == ["errors"]
    assert client.stub.made == 0


@pytest.mark.parametrize(
    "query",
    [
        "?query=%ff",
        "?query=",
        "?query=%7B__typename%7D&variables=1",
        "?query=%7B__typename%7D&variables=%7B",
        "?query=%7B__typename%7D&variables=%7B%22a%22:%22%5Cud800%22%7D",
        "?" + "&".join("a=b" for _ in range(50)),
        "?variables={}",
        "",
    ],
)
async def test_an_address_that_is_no_request_is_answered_400(client: Client, query: str) -> None:
    answered = await client.send("GET", query=query)
    assert (answered.status, answered.codes) == (400, ["BAD_REQUEST"])


async def test_only_queries_can_be_asked_by_get(client: Client) -> None:
    answered = await client.send("GET", query="?query=mutation%7Ba%7D")
    assert (answered.status, answered.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_told_which_there_are(client: Client, method: str) -> None:
    answered = await client.send(method)
    assert (answered.status, answered.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/plain", ""),
        ("application/x-www-form-urlencoded", ""),
        ("multipart/form-data; boundary=x", ""),
        ("application/graphql", ""),
        ("application/json; charset=utf-16", ""),
        ("application/json", "gzip"),
    ],
)
async def test_other_content_is_refused(client: Client, content_type: str, encoding: str) -> None:
    headers = {"content_encoding": encoding} if encoding else {}
    # Chunked, as aiohttp would otherwise compress what it is told is compressed.
    answered = await client.send("POST", b'{"query":"{__typename}"}', content_type=content_type, **headers)
    assert (answered.status, answered.codes) == (415, ["BAD_REQUEST"])


async def test_json_may_say_that_it_is_utf_8(client: Client) -> None:
    answered = await client.send("POST", b'{"query":"{__typename}"}', content_type='application/json; charset="UTF-8"')
    assert answered.status == 200


async def test_a_body_over_the_limit_is_answered_413(client: Client) -> None:
    answered = await client.ask("{ __typename }" + " " * 256 * 1024)
    assert (answered.status, answered.codes) == (413, ["MAX_BODY_LIMIT"])


@pytest.mark.parametrize("levels", [65, 900, 50_000])
async def test_json_that_is_nested_too_deeply_is_refused(client: Client, levels: int) -> None:
    body = b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * levels + b"]" * levels + b"}}"
    answered = await client.post(body, JSON)
    assert (answered.status, answered.codes) == (400, ["MAX_JSON_DEPTH_LIMIT"])


async def test_variables_have_a_limit_of_their_own(client: Client) -> None:
    answered = await client.ask("query A($a: ID!) { node(id: $a) { id } }", variables={"a": "a" * 64 * 1024})
    assert (answered.status, answered.codes) == (413, ["MAX_VARIABLES_LIMIT"])


@pytest.mark.parametrize("headers", [{"authorization": "a" * 9000}, {f"x-{n}": "a" * 7000 for n in range(5)}])
async def test_headers_nobody_needs_are_refused(client: Client, headers: dict[str, str]) -> None:
    async with client.session.get(client.url, params={"query": "{ __typename }"}, headers=headers) as response:
        assert response.status == 431
        assert (await response.json())["errors"][0]["extensions"]["code"] == "MAX_HEADERS_LIMIT"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("subscription { models { totalCount } }", "This graph only answers queries: it has no subscriptions."),
        ("{ ... @defer { __typename } }", "This graph answers all at once: it knows no @defer."),
        ("{ sources @stream { name } }", "This graph answers all at once: it knows no @stream."),
    ],
)
async def test_who_asks_for_more_than_one_answer_is_told_that_there_is_one(
    client: Client, query: str, said: str
) -> None:
    answered = await client.ask(query, f"multipart/mixed, {RESPONSE}")
    assert answered.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    (error,) = answered.json["errors"]
    assert (error["message"], error["extensions"]["code"]) == (said, "GRAPHQL_VALIDATION_FAILED")


async def test_a_body_is_counted_while_it_is_read(client: Client) -> None:
    """Without a Content-Length nothing tells beforehand; and a body without end is cut off."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * 2**20:
            sent += 65536
            yield b" " * 65536

    try:
        async with client.session.post(
            client.url, data=endless(), headers={"content-type": "application/json"}
        ) as response:
            assert response.status == 413
    except aiohttp.ClientConnectionError:
        pass  # cut off while sending, which a client may see before the answer
    assert sent < 16 * 2**20


async def test_a_browser_that_asks_nothing_is_shown_the_page(client: Client) -> None:
    answered = await client.send("GET", accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (answered.status, answered.text) == (200, "<p>A page.</p>")
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    assert answered.headers["content-security-policy"] == "default-src 'none'"
    assert (answered.headers["cache-control"], answered.headers["vary"]) == ("no-store", "Accept")
    asked = await client.send("GET", query="?query=%7B__typename%7D", accept="text/html")
    assert asked.json == {"data": {"__typename": "Query"}}


async def test_production_has_no_page_and_suggests_no_names() -> None:
    async with serving(page=None, hide=True) as client:
        assert (await client.send("GET", accept="text/html")).status == 400
        assert "Did you mean" not in (await client.ask("{ mode }")).text
    async with serving() as client:
        assert "Did you mean" in (await client.ask("{ mode }")).text


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ models { nodez { id } } }", {}),
        ("{ models { nodes { ... on Modle { id } } } }", {}),
        ("{ models(frist: 1) { totalCount } }", {}),
        ("{ models(orderBy: NAM) { totalCount } }", {}),
        ("{ models(filter: {ownr: 1}) { totalCount } }", {}),
        ("query($x: ModelFiltr) { models(filter: $x) { totalCount } }", {}),
        ("{ models @inclde(if: true) { totalCount } }", {}),
        ("query($x: EntityOrder) { models(orderBy: $x) { totalCount } }", {"x": "NAM"}),
        ("query($x: ModelFilter) { models(filter: $x) { totalCount } }", {"x": {"ownr": 1}}),
        ('query($x: [EntityKind!]) { search(query: "a", kinds: $x) { totalCount } }', {"x": ["MODL"]}),
    ],
)
async def test_nothing_in_production_suggests_a_name(query: str, variables: dict[str, object]) -> None:
    async with serving(hide=True) as client:
        answered = await client.ask(query, variables=variables)
        assert answered.codes in (["GRAPHQL_VALIDATION_FAILED"], ["BAD_USER_INPUT"])
        assert "Did you mean" not in answered.text


@pytest.mark.parametrize(
    "query", ["{ __schema { types { name } } }", '{ ...F } fragment F on Query { a: __type(name: "Model") { name } }']
)
async def test_who_may_not_ask_for_the_schema_is_told_so(query: str) -> None:
    async with serving(introspects=False) as client:
        answered = await client.ask(query)
        assert (answered.codes, list(answered.json)) == (["INTROSPECTION_DISABLED"], ["errors"])
        assert (await client.ask("{ __typename }")).json == {"data": {"__typename": "Query"}}
    async with serving() as client:
        assert "errors" not in (await client.ask(query)).json


async def test_a_refusal_repeats_little_of_what_was_sent(client: Client) -> None:
    answered = await client.ask("{ " + "z" * 60_000 + " }")
    assert len(answered.text) < 1000


async def test_an_error_made_to_be_shown_keeps_its_text_and_is_not_logged(client: Client, log: io.StringIO) -> None:
    client.stub.fields["model"] = answers(SourceTimeout("studio", "studio did not answer in 3 s.", retry_after_ms=9))
    client.stub.fields["pipeline"] = answers(Ambiguous("train", ("mlg://a", "mlg://b")))
    answered = await client.ask('{ pipeline(name: "train") { id } model(name: "ranker") { id } }', RESPONSE)
    assert answered.status == 200
    number = answered.json["errors"][0]["extensions"]["requestId"]
    assert answered.json == {
        "data": {"pipeline": None, "model": None},
        "errors": [
            {
                "message": "studio did not answer in 3 s.",
                "locations": [{"line": 1, "column": 34}],
                "path": ["model"],
                "extensions": {
                    "code": "SOURCE_TIMEOUT",
                    "source": "studio",
                    "retryable": True,
                    "retryAfterMs": 9,
                    "requestId": number,
                },
            },
            {
                "message": "Several sources have 'train': say which, by `source` or by id.",
                "locations": [{"line": 1, "column": 3}],
                "path": ["pipeline"],
                "extensions": {"code": "AMBIGUOUS", "ids": ["mlg://a", "mlg://b"], "requestId": number},
            },
        ],
    }
    assert log.getvalue() == ""


async def test_any_other_error_is_masked_and_logged_once_under_its_request(client: Client, log: io.StringIO) -> None:
    client.stub.fields["model"] = answers(KeyError("a secret of ours"))
    answered = await client.ask("{" + " ".join(f'a{n}: model(name: "x") {{ id }}' for n in range(20)) + "}")
    assert answered.codes == ["INTERNAL"] * 20
    assert "secret" not in answered.text
    text = log.getvalue()
    assert text.count("Traceback") == 1
    assert "a secret of ours" in text
    assert f"request={answered.json['errors'][0]['extensions']['requestId']} " in text


@pytest.mark.parametrize("answer", [None, [None], [a_source("x"), 3]])
async def test_a_value_the_schema_does_not_allow_is_our_fault(client: Client, log: io.StringIO, answer: object) -> None:
    client.stub.fields["sources"] = answers(answer)
    answered = await client.ask("{ sources { name } }", RESPONSE)
    assert (answered.status, answered.json["data"], answered.codes) == (200, None, ["INTERNAL"])
    assert "Source" not in answered.text
    assert log.getvalue().count("Traceback") == 1


async def test_an_answer_that_cannot_be_written_is_our_fault(client: Client, log: io.StringIO) -> None:
    client.stub.fields["sources"] = answers([a_source("\ud800")])
    answered = await client.ask("{ sources { name } }", RESPONSE)
    assert (answered.status, answered.json["data"], answered.codes) == (200, None, ["INTERNAL"])
    assert "cannot be written as JSON" in log.getvalue()


async def test_a_fault_nobody_foresaw_is_answered_too(log: io.StringIO) -> None:
    def broken(_: Caller) -> StubContext:
        raise RuntimeError("a secret of ours")

    endpoint = Endpoint(Documents(SCHEMA), Reference(SCHEMA), broken)
    async with serve(http_only(endpoint)) as served, aiohttp.ClientSession() as session:
        answered = await Client(served.url, session).ask("{ __typename }")
    assert (answered.status, answered.codes) == (500, ["INTERNAL"])
    assert "secret" not in answered.text
    assert "a secret of ours" in log.getvalue()


async def test_errors_are_listed_by_path_and_past_fifty_counted() -> None:
    """Of each source and code by itself: one source that fails does not hide another."""

    async def model(args: Any) -> None:
        raise SourceUnavailable(args.source, f"{args.source} cannot be reached.")

    fields = [f'a{n:02}: model(name: "x", source: "studio") {{ id }}' for n in range(70)]
    fields.append('z: model(name: "x", source: "other") { id } b: pipeline(name: "x") { id }')
    async with serving(limits=Limits(aliases=100, root_fields=100)) as client:
        client.stub.fields["model"] = model
        client.stub.fields["pipeline"] = answers(SourceTimeout("flows", "flows did not answer in 3 s."))
        answered = await client.ask("{" + " ".join(fields) + "}")
    paths = [error["path"] for error in answered.json["errors"]]
    assert paths == [*([f"a{n:02}"] for n in range(50)), ["b"], ["z"]]
    assert answered.json["extensions"] == {
        "errorsOmitted": [{"source": "studio", "code": "SOURCE_UNAVAILABLE", "count": 20}]
    }


async def test_what_links_could_not_say_comes_last(client: Client) -> None:
    client.stub.fields["model"] = answers(SourceTimeout("studio", "studio did not answer in 3 s."))
    extensions: dict[str, object] = {"code": "SOURCE_UNAVAILABLE", "source": "a", "retryable": True, "count": 3}
    client.stub.links.append(LinkError("a cannot be reached.", ["a", 0, "node"], extensions))
    answered = await client.ask('{ model(name: "x") { id } }')
    number = answered.json["errors"][0]["extensions"]["requestId"]
    assert answered.json["errors"][1] == {
        "message": "a cannot be reached.",
        "path": ["a", 0, "node"],
        "extensions": {**extensions, "requestId": number},
    }


async def test_a_leaving_client_ends_the_operation(client: Client, log: io.StringIO) -> None:
    client.stub.fields["model"] = client.stub.hang
    body = b'{"query": "{ model(name: \\"x\\") { id } }"}'
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    address = client.url.split("/")[2].split(":")
    _, writer = await asyncio.open_connection(address[0], int(address[1]))
    writer.write(head.encode() + body)
    async with asyncio.timeout(5):
        await client.stub.started.wait()
    writer.close()
    async with asyncio.timeout(0.25):
        await client.stub.cancelled.wait()
        await client.stub.gone.wait()
    await writer.wait_closed()
    assert (await client.ask("{ __typename }")).status == 200
    assert "Traceback" not in log.getvalue()
    assert "never retrieved" not in log.getvalue()


async def test_a_client_that_leaves_while_it_sends_is_forgotten(client: Client, log: io.StringIO) -> None:
    address = client.url.split("/")[2].split(":")
    _, writer = await asyncio.open_connection(address[0], int(address[1]))
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await client.ask("{ __typename }")).status == 200
    assert "Traceback" not in log.getvalue()


async def test_a_body_that_does_not_come_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.request.BODY_S", 0.05)
    address = client.url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(address[0], int(address[1]))
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    async with asyncio.timeout(5):
        received = await reader.read()
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nconnection: close\r\n" in received.lower()
    writer.close()


async def test_the_operation_has_one_deadline(client: Client) -> None:
    seen: list[float | None] = []

    async def model(_: object) -> None:
        seen.append(deadline())

    client.stub.fields["model"] = model
    now = asyncio.get_running_loop().time()
    await client.ask('{ a: model(name: "x") { id } b: model(name: "y") { id } }')
    assert seen[0] is not None
    assert seen[0] == seen[1]
    assert now + 5 <= seen[0] < now + 10


async def test_what_outlasts_the_deadline_is_cut_off() -> None:
    async with serving(deadline_s=0.1) as client:
        client.stub.fields["model"] = client.stub.hang
        answered = await client.ask('{ model(name: "x") { id } }')
        assert (answered.status, answered.codes) == (200, ["DEADLINE_EXCEEDED"])
        assert client.stub.cancelled.is_set()
        assert client.stub.closed == 1


async def test_operations_share_nothing() -> None:
    async with serving() as client:
        client.stub.fields["sources"] = answers([a_source("studio")])
        await asyncio.gather(*(client.ask(f"{{ a{n}: sources {{ name }} }}") for n in range(20)))
        assert (client.stub.made, client.stub.closed) == (20, 20)
