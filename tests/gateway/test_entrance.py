"""The whole application as a client meets it: who is let in, what it may ask, and what no answer or log may show."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from gateway.app import create_app
from gateway.demo.server import serve
from gateway.logs import handler
from gateway.security_headers import HEADERS
from gateway.settings import read
from tests.gateway.issuer import AUDIENCE, ISSUER, Issuer, claims, hashed, key, key_set, token, unsigned

ROOT = Path(__file__).parents[2]
QUERY = '{ model(name: "ranker") { id } }'
HASH = sha256(QUERY.encode()).hexdigest()
CANARY = "canary-91cc"
JSON = {"content-type": "application/json"}


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.text)

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.json["errors"]]


@dataclass
class Gateway:
    url: str
    session: aiohttp.ClientSession
    upstream: list[Mapping[str, str]] = field(default_factory=list)
    """The headers of each call to the source."""

    async def send(self, method: str, path: str, body: bytes = b"", headers: Any = ()) -> Answered:
        async with self.session.request(method, f"{self.url}{path}", data=body or None, headers=headers) as response:
            received = {name.lower(): value for name, value in response.headers.items()}
            return Answered(response.status, received, await response.text())

    async def ask(self, query: str = QUERY, headers: Mapping[str, str] | None = None, **more: object) -> Answered:
        return await self.post({"query": query, **more}, headers)

    async def post(self, body: object, headers: Mapping[str, str] | None = None) -> Answered:
        return await self.send("POST", "/graphql", msgspec.json.encode(body), {**JSON, **(headers or {})})


@asynccontextmanager
async def gateway(settings: str, folder: Path = ROOT) -> AsyncIterator[Gateway]:
    """A gateway over a registry that knows nothing and notes how it was asked."""
    upstream: list[Mapping[str, str]] = []

    async def registry(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        upstream.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"{}"})

    async with serve(registry, remember=False) as source:
        written = f'{settings}\n[[sources]]\nname = "studio"\nproduct = "mlflow"\nurl = "{source.url}"\n'
        app = create_app(read(written, {}, str(folder / "gateway.toml")))
        async with serve(app, remember=False) as served, aiohttp.ClientSession() as session:
            yield Gateway(served.url, session, upstream)


def jwt(folder: Path, more: str = "", *, keys: object = None) -> str:
    """Settings for tokens of the tests' issuer, with its keys in a file."""
    (folder / "keys.json").write_bytes(msgspec.json.encode(keys or key_set(key("first"))))
    said = f'issuer = "{ISSUER}"\naudiences = ["{AUDIENCE}"]\njwks_file = "keys.json"\n'
    return f'[identity]\nkind = "jwt"\n{said}{more}'


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    text = io.StringIO()
    made, root = handler(text), logging.getLogger()
    level = root.level
    root.addHandler(made)
    root.setLevel(logging.DEBUG)
    yield text
    root.setLevel(level)
    root.removeHandler(made)


REFUSED: Mapping[str, list[str]] = {
    "two headers": [f"Bearer {token()}", f"Bearer {token()}"],
    "none": [f"Bearer {unsigned({'alg': 'none', 'kid': 'first'})}"],
    "swapped for HS256": [f"Bearer {hashed(key('first').as_pem(private=False), 'first')}"],  # type: ignore[union-attr] # RSA
    "wrong aud": [f"Bearer {token(claims(aud='somebody-else'))}"],
    "wrong iss": [f"Bearer {token(claims(iss='https://else.example.org'))}"],
    "expired": [f"Bearer {token(claims(exp=1_700_000_000))}"],
    "future nbf": [f"Bearer {token(claims(nbf=4_000_000_000))}"],
    "crit": [f"Bearer {token(crit=['exp'])}"],
    "kid of a path": [f"Bearer {token(kid='../../dev/null')}"],
    "unknown kid": [f"Bearer {token(kid='other')}"],
    "bad signature": [f"Bearer {token()[:-10]}AAAAAAAAAA"],
    "malformed": ["Bearer nonsense"],
    "no token": [],
}


async def test_broken_tokens_are_all_refused_alike_and_no_source_is_asked(tmp_path: Path, log: io.StringIO) -> None:
    said = []
    async with gateway(jwt(tmp_path), tmp_path) as served:
        for values in REFUSED.values():
            headers = [*JSON.items(), *(("Authorization", value) for value in values)]
            answered = await served.send("POST", "/graphql", msgspec.json.encode({"query": QUERY}), headers)
            assert (answered.status, answered.codes) == (401, ["UNAUTHENTICATED"])
            assert answered.headers["www-authenticate"] == 'Bearer realm="graph"'
            number = answered.json["errors"][0]["extensions"]["requestId"]
            said.append((answered.text.replace(number, ""), answered.headers.keys()))
            assert f"request={number} a caller is not known: " in log.getvalue()
        huge = await served.ask(headers=bearer("a" * 9000))
        assert (huge.status, huge.codes) == (431, ["MAX_HEADERS_LIMIT"])
        assert len(REFUSED) == len(said)
        assert all(each == said[0] for each in said)
        assert served.upstream == []
        assert "data" in (await served.ask(headers=bearer(token()))).json
        assert len(served.upstream) > 0
    assert not any(part in log.getvalue() for values in REFUSED.values() for value in values for part in value.split())


async def test_nobody_is_asked_who_they_are_by_default() -> None:
    async with gateway("") as served:
        for headers in ({}, bearer("nonsense"), {"X-User-Id": "root", "X-User-Roles": "admin"}):
            assert (await served.ask(headers=headers)).status == 200


async def test_what_a_client_sends_of_itself_goes_to_no_source(tmp_path: Path) -> None:
    """Calls are written from nothing: no header is copied, so none can be forgotten."""
    sent = {
        **bearer(token()),
        "Cookie": f"session={CANARY}",
        "X-User-Id": CANARY,
        "X-Forwarded-For": CANARY,
        "Forwarded": f"for={CANARY}",
        "X-Api-Key": CANARY,
        "Proxy-Authorization": CANARY,
        "Connection": "keep-alive, X-Hop",
        "X-Hop": CANARY,
        "User-Agent": CANARY,
        "Baggage": f"user={CANARY}",
    }
    async with gateway(jwt(tmp_path), tmp_path) as served:
        await served.ask(headers=sent)
        assert served.upstream
        for headers in served.upstream:
            assert CANARY not in str(headers)
            assert headers.keys() <= {
                "host",
                "accept",
                "accept-encoding",
                "user-agent",
                "content-type",
                "content-length",
            }


async def test_without_a_reachable_issuer_nobody_is_let_in_and_it_is_said() -> None:
    text = f'[identity]\nkind = "jwt"\nissuer = "{ISSUER}"\naudiences = ["{AUDIENCE}"]\njwks_url = "http://127.0.0.1:1"'
    async with gateway(text) as served:
        answered = await served.ask(headers=bearer(token()))
        assert (answered.status, answered.codes) == (503, ["SOURCE_UNAVAILABLE"])
        assert answered.headers["retry-after"] == "5"
        assert "127.0.0.1" not in answered.text
        assert served.upstream == []
        assert (await served.send("GET", "/readyz")).status == 200


async def test_keys_come_from_an_address() -> None:
    issuer = Issuer()

    async def http_only(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await issuer(scope, receive, send)

    async with serve(http_only, remember=False) as at:
        text = f'issuer = "{ISSUER}"\naudiences = ["{AUDIENCE}"]\njwks_url = "{at.url}/keys"'
        async with gateway(f'[identity]\nkind = "jwt"\n{text}') as served:
            for _ in range(3):
                assert (await served.ask(headers=bearer(token()))).status == 200
            assert issuer.asked == 1


async def test_pages_and_probes_are_open_and_the_schema_is_not(tmp_path: Path) -> None:
    async with gateway(jwt(tmp_path), tmp_path) as served:
        for path in ("/livez", "/readyz"):
            assert (await served.send("GET", path)).status == 200
        assert (await served.send("GET", "/graphql", headers={"accept": "text/html"})).status == 200
        refused = await served.send("GET", "/schema.graphql")
        assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer realm="graph"')
        assert "type Model" in (await served.send("GET", "/schema.graphql", headers=bearer(token()))).text


async def test_the_schema_is_shown_to_whom_introspection_is(tmp_path: Path) -> None:
    async with gateway(jwt(tmp_path, '[limits]\nintrospection = ["studio"]'), tmp_path) as served:
        for roles, status in ((["studio"], 200), (["other"], 403)):
            headers = bearer(token(claims(roles=roles)))
            assert (await served.send("GET", "/schema.graphql", headers=headers)).status == status


async def test_the_aids_of_development_are_off_in_production() -> None:
    async with gateway('[server]\nprofile = "production"') as served:
        assert (await served.send("GET", "/graphql", headers={"accept": "text/html"})).status == 400
        assert (await served.send("GET", "/schema.graphql")).status == 403
        assert (await served.ask("{ __schema { types { name } } }")).codes == ["INTROSPECTION_DISABLED"]
        misspelt = await served.ask("{ mode }")
        assert misspelt.codes == ["GRAPHQL_VALIDATION_FAILED"]
        assert "model" not in misspelt.text


async def test_a_client_that_asked_its_share_is_told_when_to_come_back(tmp_path: Path) -> None:
    text = jwt(tmp_path, "anonymous = true\n[rate_limit]\npoints_per_minute = 1\nburst = 3")
    async with gateway(text, tmp_path) as served:
        asked = len(served.upstream)
        for _ in range(3):
            assert (await served.ask("{ __typename }", bearer(token()))).status == 200
        refused = await served.ask("{ __typename }", bearer(token()))
        assert (refused.status, refused.codes) == (429, ["RATE_LIMITED"])
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert refused.json["errors"][0]["extensions"]["retryAfterMs"] <= 60_000
        assert (await served.ask("{ __typename }", bearer(token(claims(sub="tomas"))))).status == 200
        assert (await served.ask("{ __typename }")).status == 200
        assert len(served.upstream) == asked


async def test_an_operation_costs_its_calls_before_it_makes_any() -> None:
    async with gateway("[rate_limit]\npoints_per_minute = 1\nburst = 2") as served:
        assert (await served.ask()).status == 200
        before = len(served.upstream)
        assert (await served.ask()).status == 429
        assert len(served.upstream) == before


@pytest.mark.parametrize(("listed", "status"), [("[]", 429), ('["127.0.0.1"]', 200)])
async def test_forwarded_addresses_are_those_of_listed_proxies_only(listed: str, status: int) -> None:
    text = f"[server]\ntrusted_proxies = {listed}\n[rate_limit]\npoints_per_minute = 1\nburst = 1"
    async with gateway(text) as served:
        assert (await served.ask("{ __typename }", {"X-Forwarded-For": "203.0.113.1"})).status == 200
        assert (await served.ask("{ __typename }", {"X-Forwarded-For": "203.0.113.2"})).status == status


@pytest.mark.parametrize(("listed", "status"), [('["10.0.0.0/8"]', 401), ('["127.0.0.0/8"]', 200)])
async def test_a_proxy_says_who_asks_if_it_is_listed(listed: str, status: int) -> None:
    async with gateway(f'[server]\ntrusted_proxies = {listed}\n[identity]\nkind = "proxy"') as served:
        assert (await served.ask(headers={"X-User-Id": "maya", "X-Forwarded-For": "10.1.1.1"})).status == status
        assert (await served.ask()).status == 401


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "documents.json").write_bytes(msgspec.json.encode({HASH: QUERY}))
    return tmp_path


async def test_only_trusted_documents_run_where_trust_is_required(manifest: Path) -> None:
    async with gateway('[documents]\nmode = "require"\nmanifest = "documents.json"', manifest) as served:
        for query in ("{ __typename }", "{ __schema { types { name } } }", QUERY + " ", "{", "{ sources { name } }"):
            refused = await served.ask(query)
            assert (refused.status, refused.codes) == (400, ["PERSISTED_DOCUMENT_NOT_FOUND"])
        assert served.upstream == []
        persisted = {"persistedQuery": {"version": 1, "sha256Hash": HASH}}
        said = msgspec.json.encode(persisted).decode()
        for answered in (
            await served.ask(),
            await served.post({"documentId": HASH}),
            await served.post({"documentId": f"sha256:{HASH}"}),
            await served.post({"extensions": persisted}),
            await served.post({"query": QUERY, "extensions": persisted}),
            await served.send("GET", f"/graphql?documentId={HASH}"),
            await served.send("GET", f"/graphql?extensions={said}"),
        ):
            assert answered.status == 200
            assert "data" in answered.json


MEANINGLESS: list[tuple[dict[str, object], str]] = [
    ({"documentId": "0" * 64}, "PERSISTED_DOCUMENT_NOT_FOUND"),
    ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}, "PERSISTED_DOCUMENT_NOT_FOUND"),
    ({"documentId": "../documents.json"}, "BAD_REQUEST"),
    ({"documentId": 7}, "BAD_REQUEST"),
    ({"documentId": HASH, "extensions": {"persistedQuery": {"sha256Hash": "0" * 64}}}, "BAD_REQUEST"),
    ({"query": "{ __typename }", "documentId": HASH}, "BAD_REQUEST"),
    ({"query": "{ __typename }", "extensions": {"persistedQuery": {"sha256Hash": HASH}}}, "BAD_REQUEST"),
    ({"query": "", "documentId": HASH}, "BAD_REQUEST"),
]


async def test_a_hash_that_means_nothing_is_refused() -> None:
    async with gateway("") as served:
        for body, code in MEANINGLESS:
            answered = await served.post(body)
            assert (answered.status, answered.codes) == (400, [code]), body


SIMPLE_TYPES = [
    "",
    "text/plain",
    "text/plain; application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain;charset=UTF-8",
]


async def test_what_a_browser_sends_without_asking_first_is_refused() -> None:
    """The six content types a page of another site may send: what reads them as JSON lets that page ask."""
    async with gateway("") as served:
        body = msgspec.json.encode({"query": QUERY})
        for content_type in SIMPLE_TYPES:
            answered = await served.send("POST", "/graphql", body, {"content-type": content_type})
            assert (answered.status, answered.codes) == (415, ["BAD_REQUEST"]), content_type
        assert served.upstream == []


async def test_a_page_of_another_origin_may_not_ask_by_get() -> None:
    async with gateway("") as served:
        for site in ("cross-site", "same-site", "x"):
            answered = await served.send("GET", f"/graphql?documentId={HASH}", headers={"Sec-Fetch-Site": site})
            assert (answered.status, answered.codes) == (403, ["CSRF_PREVENTION_FAILED"])
            assert (await served.ask("{ __typename }", {"Sec-Fetch-Site": site})).status == 200
        for site in ("same-origin", "none"):
            answered = await served.send("GET", "/graphql?query=%7B__typename%7D", headers={"Sec-Fetch-Site": site})
            assert answered.status == 200


async def test_other_origins_may_ask_only_where_the_settings_name_them() -> None:
    preflight = {
        "Origin": "https://app.example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    async with gateway("") as served:
        for answered in (
            await served.send("OPTIONS", "/graphql", headers=preflight),
            await served.ask("{ __typename }", {"Origin": "https://app.example.org"}),
        ):
            assert not any(name.startswith("access-control") for name in answered.headers)
    async with gateway('[server]\ncors_origins = ["https://app.example.org"]') as served:
        allowed = await served.send("OPTIONS", "/graphql", headers=preflight)
        assert allowed.status == 200
        assert allowed.headers["access-control-allow-origin"] == "https://app.example.org"
        assert "access-control-allow-credentials" not in allowed.headers
        other = await served.send("OPTIONS", "/graphql", headers={**preflight, "Origin": "https://evil.example.org"})
        assert "access-control-allow-origin" not in other.headers
        asked = await served.ask("{ __typename }", {"Origin": "https://app.example.org"})
        assert asked.headers["access-control-allow-origin"] == "https://app.example.org"


async def test_every_answer_tells_browsers_what_it_is_not_for() -> None:
    async with gateway("") as served:
        for path in ("/graphql", "/graphql?query=%7B__typename%7D", "/schema.graphql", "/livez", "/nowhere"):
            answered = await served.send("GET", path, headers={"accept": "text/html"})
            for name, value in HEADERS.items():
                assert name == "Content-Security-Policy" or answered.headers[name.lower()] == value
            assert "default-src 'none'" in answered.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in answered.headers["content-security-policy"]
            assert "server" not in answered.headers


async def test_no_secret_of_a_request_is_in_an_answer_or_in_the_log(tmp_path: Path, log: io.StringIO) -> None:
    """Of one that is answered, one whose source fails, one that is refused, and some that are not well formed."""
    asked = "query A($name: String!) { model(name: $name) { id } }"
    secret = token(claims(sub="maya", note=CANARY))
    headers = {**bearer(secret), "Cookie": f"session={CANARY}", "X-Api-Key": CANARY}
    async with gateway(jwt(tmp_path), tmp_path) as served:
        answers = [
            await served.ask(asked, headers, variables={"name": CANARY}),
            await served.ask(asked, headers, variables={"name": {"a": CANARY}}),
            await served.ask(asked, headers, variables={"other": CANARY}),
            await served.ask(asked, {**headers, **bearer(f"{secret}{CANARY}")}, variables={"name": CANARY}),
            await served.send("POST", "/graphql", f'{{"query": "{CANARY}'.encode(), {**JSON, **headers}),
            await served.send("GET", f"/{CANARY}", headers=headers),
        ]
    assert [answer.status for answer in answers] == [200, 200, 200, 401, 400, 404]
    shown = "".join(answer.text + str(answer.headers) for answer in (*answers[:1], *answers[3:])) + log.getvalue()
    assert CANARY not in shown
    assert not any(part in shown for part in secret.split("."))


def test_no_decision_is_made_by_an_address_that_a_client_wrote() -> None:
    """A URL put together from the Host header says what its sender likes."""
    for path in (ROOT / "gateway").glob("*.py"):
        text = path.read_text("utf-8")
        assert "request.url" not in text, path.name
        assert "base_url" not in text, path.name
