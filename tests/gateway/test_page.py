"""GraphiQL as it is served: the built bundle is whole and of these sources, and nothing comes from elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # it says nothing of its types
import msgspec
import pytest
from graphql import parse, validate
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.demo.story import story
from gateway.page import BUNDLE, read_examples
from gateway.settings import read
from schema.build import build_schema
from tests.gateway.asgi import get
from tests.graph.client import graph_of

SOURCES = Path(BUNDLE).parents[1] / "graphiql"
NO_SOURCE_NEEDED = '[[sources]]\nname = "studio"\nproduct = "mlflow"\nurl = "http://127.0.0.1:1"\n'
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Manifest(msgspec.Struct, forbid_unknown_fields=True):
    packages: list[str]
    sources: dict[str, str]
    files: dict[str, str]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return msgspec.json.decode((BUNDLE / "manifest.json").read_bytes(), type=Manifest)


@pytest.fixture
def app() -> Starlette:
    return create_app(read(NO_SOURCE_NEEDED, {}))


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_every_file_of_the_bundle_is_the_one_that_was_built(manifest: Manifest) -> None:
    files = {str(file.relative_to(BUNDLE)): digest(file) for file in BUNDLE.rglob("*") if file.is_file()}
    del files["manifest.json"]
    assert files == manifest.files


def test_the_bundle_is_built_from_the_sources_that_are_here(manifest: Manifest) -> None:
    """Where this fails: `make graphiql`."""
    sources = {file.name: digest(file) for file in SOURCES.iterdir() if file.is_file()}
    assert sources == manifest.sources


def test_every_bundled_package_is_named_with_its_licence(manifest: Manifest) -> None:
    notices = (BUNDLE / "THIRD_PARTY.txt").read_text("utf-8")
    for package in manifest.packages:
        name, version, licence = package.split(" ", 2)
        assert licence in {"MIT", "Apache-2.0", "BSD-2-Clause", "0BSD"}
        assert f"{name} {version} ({licence})" in notices
    assert {"graphiql 5.4.0 MIT", "monaco-editor 0.52.2 MIT"} <= set(manifest.packages)


def test_the_packages_are_pinned_and_their_lock_names_no_registry() -> None:
    tests = Path(__file__).parents[1]
    for folder in (SOURCES, tests / "http", tests / "browser"):
        asked = json.loads((folder / "package.json").read_text("utf-8"))
        versions = [*asked["dependencies"].values(), *asked.get("devDependencies", {}).values()]
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)
        assert "resolved" not in (folder / "package-lock.json").read_text("utf-8")


async def test_a_browser_is_shown_graphiql_and_all_of_it_is_here(app: Starlette) -> None:
    shown = await get(app, "/graphql", BROWSER)
    assert (shown.status, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    named = re.findall(r'(?:src|href)="([^"]+)"', shown.body.decode())
    assert named
    for name in named:
        answered = await get(app, f"/{name}")
        assert answered.status == 200
    assert "<style" not in shown.body.decode()
    assert re.findall(r"<script(?![^>]* src=)", shown.body.decode()) == []


async def test_the_page_may_run_scripts_of_this_origin_only(app: Starlette) -> None:
    headers = (await get(app, "/graphql", BROWSER)).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["worker-src"] == policy["connect-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


async def test_its_files_are_kept_for_ever_and_sent_compressed(app: Starlette) -> None:
    [script] = (BUNDLE / "assets").glob("editor.api*.js")
    for _ in range(2):
        answered = await get(app, f"/graphql/assets/{script.name}", {"accept-encoding": "gzip, br"})
        assert brotli.decompress(answered.body) == script.read_bytes()
        assert answered.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answered.headers["content-encoding"] == "br"
        assert answered.headers["content-type"].startswith("text/javascript")
        assert answered.headers["x-content-type-options"] == "nosniff"
    plain = await get(app, f"/graphql/assets/{script.name}")
    assert plain.body == script.read_bytes()
    assert plain.headers["vary"] == answered.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["none.js", "..%2findex.html", "", "../index.html", "../../example.toml"])
async def test_no_other_file_is_to_be_had(app: Starlette, path: str) -> None:
    assert (await get(app, f"/graphql/assets/{path}")).status == 404


async def test_production_serves_none_of_it() -> None:
    app = create_app(read(f'[server]\nprofile = "production"\n{NO_SOURCE_NEEDED}', {}))
    [file, *_] = (BUNDLE / "assets").iterdir()
    assert (await get(app, "/graphql", BROWSER)).status == 400
    for path in ("/graphql/page.json", f"/graphql/assets/{file.name}"):
        assert (await get(app, path)).status == 404


async def test_the_examples_are_served_with_titles_and_variables(app: Starlette) -> None:
    answered = await get(app, "/graphql/page.json")
    served = answered.json["examples"]
    assert answered.json["explain"] is False
    assert answered.headers["cache-control"] == "no-store"
    assert served[0]["title"] == "On call: who owns it, what failed above it, who sees it?"
    assert json.loads(served[0]["variables"]) == {"model": "content-embedding", "alias": "champion"}
    for example in served:
        assert 0 < len(example["title"]) <= 60
        # GraphiQL calls a tab by its operation.
        assert re.search(r"^query [A-Z]\w+", example["query"], re.MULTILINE)
    assert len({example["title"] for example in served}) == len(served)


@pytest.mark.parametrize("prefix", ["", "Lifecycle"])
def test_every_example_is_valid_whatever_the_types_are_called(prefix: str) -> None:
    schema = build_schema(prefix)._schema
    for example in read_examples(prefix):
        assert validate(schema, parse(example.query)) == [], example.title


async def test_every_example_is_answered_by_the_demo_without_an_error() -> None:
    async with graph_of(story()) as graph:
        for example in read_examples():
            data = await graph.data(example.query, **json.loads(example.variables or "{}"))
            assert None not in data.values(), example.title
