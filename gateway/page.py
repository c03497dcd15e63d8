"""GraphiQL for people: the built bundle of `gateway/graphiql`, and example queries, all from this origin."""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.answer import Answer
from gateway.compression import accepted, encoded

STATIC = Path(__file__).parent / "static"
BUNDLE = STATIC / "graphiql"
EXAMPLES = STATIC / "examples"

# Scripts and workers come from files of this origin only. Monaco writes its theme and the place of every line and
# cursor into <style> elements and style attributes, for which there is no nonce: styles may stand in the page.
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_FOR_EVER = {
    "cache-control": "public, max-age=31536000, immutable",
    "vary": "Accept-Encoding",
    "x-content-type-options": "nosniff",
}


def page() -> Answer:
    """The page itself, for the address of the endpoint."""
    headers = {"content-security-policy": _POLICY, "referrer-policy": "no-referrer"}
    return Answer(200, (BUNDLE / "index.html").read_bytes(), "text/html", headers)


def page_routes(type_prefix: str = "", *, explain: bool = False) -> list[Route]:
    """What the page asks for, below the address of the endpoint; `explain` is whether it may have answers explained."""
    files = Files(BUNDLE / "assets")
    offered = msgspec.json.encode({"examples": read_examples(type_prefix), "explain": explain})

    async def listed(_: Request) -> Response:
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        return Response(offered, media_type="application/json", headers=headers)

    return [Route("/graphql/page.json", listed), Route("/graphql/assets/{name}", files.answer)]


class Example(msgspec.Struct, frozen=True):
    """One query to begin with; `variables` is the JSON text that a person edits."""

    title: str
    query: str
    variables: str


def read_examples(type_prefix: str = "") -> list[Example]:
    """Every `NAME.graphql`, titled by the comment of its first line, with the variables of `NAME.json` beside it."""
    return list(_examples(sorted(EXAMPLES.glob("*.graphql")), type_prefix))


def _examples(files: Iterable[Path], type_prefix: str) -> Iterable[Example]:
    for file in files:
        text, variables = file.read_text("utf-8"), file.with_suffix(".json")
        title = text.partition("\n")[0].removeprefix("#").strip()
        query = re.sub(r"\bon (?=[A-Z])", f"on {type_prefix}", text)
        yield Example(title, query, variables.read_text("utf-8") if variables.exists() else "")


class Files:
    """Files named by their content, which never change: kept by browsers, and compressed once for each coding."""

    def __init__(self, folder: Path) -> None:
        self._known = {file.name: file for file in folder.iterdir()}
        self._made: dict[tuple[str, str], bytes] = {}

    async def answer(self, request: Request) -> Response:
        name: str = request.path_params["name"]
        if name not in self._known:
            return Response(status_code=404)
        coding = accepted(request.headers.getlist("accept-encoding"))
        if coding is None:
            return Response(await self._read(name), media_type=_media_type(name), headers=_FOR_EVER)
        if (name, coding) not in self._made:
            self._made[name, coding] = await encoded(await self._read(name), coding, kept=True)
        headers = {**_FOR_EVER, "content-encoding": coding}
        return Response(self._made[name, coding], media_type=_media_type(name), headers=headers)

    async def _read(self, name: str) -> bytes:
        return await asyncio.to_thread(self._known[name].read_bytes)


def _media_type(name: str) -> str:
    # Some systems' registries call scripts text/plain, which nosniff would refuse to run.
    return "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0] or "application/octet-stream"
