"""The seed of the compose demo: what it writes where, as far as that can be judged without the products."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from docker.seed.__main__ import HEALTH, main
from docker.seed.company import company
from docker.seed.growthbook import seed_growthbook
from gateway.adapters import PRODUCTS
from gateway.demo.server import serve
from gateway.demo.story import story
from tests.compose_file import Node


def test_the_story_is_divided_so_that_no_experiment_is_on_two_platforms() -> None:
    divided = company()
    assert {platform.name: len(platform.experiments) for platform in divided.platforms} == {
        "growthbook": 7,
        "unleash": 5,
    }
    keys = [experiment.key for platform in divided.platforms for experiment in platform.experiments]
    (whole,) = story().platforms
    assert sorted(keys) == sorted(experiment.key for experiment in whole.experiments)


class NewGrowthBook:
    """Just enough of an empty GrowthBook to be written to: it remembers what, and knows no key before an account."""

    def __init__(self) -> None:
        self.registered = False
        self.written: list[tuple[str, Node]] = []

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST"])])

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        body = await request.json() if request.method == "POST" else {}
        if path == "/auth/firsttime":
            self.registered = True
            return JSONResponse({"status": 200, "token": "unused"})
        if not self.registered or request.headers["authorization"] != "Bearer secret_test":
            return JSONResponse({"message": "Invalid API key"}, 401)
        if request.method == "GET":
            return JSONResponse({"experiments": [], "total": len(self.bodies("/api/v1/experiments"))})
        self.written.append((path, body))
        if path == "/api/v1/projects":
            return JSONResponse({"project": {"id": f"prj_{body['name']}_here"}})
        made = [{"variationId": f"here_{row['id']}"} for row in body.get("variations", [])]
        return JSONResponse({"experiment": {"id": f"exp_{body.get('trackingKey')}", "variations": made}})

    def bodies(self, path: str) -> list[Node]:
        return [body for written, body in self.written if written == path]


async def test_experiments_are_written_with_the_features_that_serve_them() -> None:
    """Against the ids that the server chose; held to the recorded API document when it was written."""
    planned = next(platform for platform in company().platforms if platform.name == "growthbook")
    server = NewGrowthBook()
    async with serve(server.app(), remember=False) as served:
        await asyncio.to_thread(seed_growthbook, served.url, "secret_test", "password", planned)
        first = list(server.written)
        await asyncio.to_thread(seed_growthbook, served.url, "secret_test", "password", planned)
    assert server.written == first, "what is there is left alone"

    made = {body["trackingKey"]: body for body in server.bodies("/api/v1/experiments")}
    assert set(made) == {experiment.key for experiment in planned.experiments}
    assert made["hero-image-motion"]["status"] == "draft"
    assert made["ads-contextual-scene-match"]["project"] == "prj_ads_here"
    assert [phase["name"] for phase in made["scene-search-recall"]["phases"]] == ["Editors", "Everyone"]
    assert ["dateEnded" in phase for phase in made["scene-search-recall"]["phases"]] == [True, False]

    rules = {rule["experimentId"]: rule for body in server.bodies("/api/v2/features") for rule in body["rules"]}
    served_by = rules["exp_scene-search-recall"]["variations"]
    assert [row["value"] for row in served_by] == ["models:/content-embedding/4", "models:/content-embedding/5"]
    assert all(row["variationId"].startswith("here_var_") for row in served_by)

    (stop,) = server.bodies("/api/v1/experiments/exp_scene-search-recall/stop")
    assert stop["results"] == "won"
    assert stop["winnerVariationId"] == served_by[1]["variationId"]
    stopped = [experiment for experiment in planned.experiments if experiment.status == "stopped"]
    assert len([path for path, _ in server.written if path.endswith("/stop")]) == len(stopped)


def test_the_dag_files_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start must not move the start date that Airflow's runs began from."""
    assert main(["dags", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "company.json").read_text())
    (orchestrator,) = story().orchestrators
    assert {row["dag_id"] for row in written["dags"]} == {dag.dag_id for dag in orchestrator.dags}
    assert (tmp_path / "company.py").is_file()
    assert (tmp_path / "identities").stat().st_mode & 0o777 == 0o777, "tasks write there as another user"
    assert main(["dags", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "company.json").read_text()) == written


def test_every_product_is_waited_for_at_an_address_of_its_own() -> None:
    assert set(HEALTH) == set(PRODUCTS)
