"""The image and the compose file, as far as they can be judged without an engine to build and run them."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from docker.seed.company import company
from gateway.adapters import PRODUCTS
from gateway.app import create_app
from gateway.demo.server import serve
from gateway.settings import SettingsError, load
from schema.build import build_schema
from tests.compose_file import Node, read
from tests.servers import install

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
SETTINGS = DOCKER / "gateway.toml"
PLACE_OF_SETTINGS = "/etc/lifecycle/gateway.toml"


# ---------------------------------------------------------------- the image


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, comments and line breaks taken out."""
    lines = [
        line for line in (DOCKER / "Dockerfile").read_text("utf-8").splitlines() if not line.lstrip().startswith("#")
    ]
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in whole.splitlines() if line)
    ]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def copied(stage: list[tuple[str, str]]) -> list[str]:
    """The sources of a stage's COPY lines that are of the checkout."""
    return [
        source
        for word, rest in stage
        if word == "COPY" and not rest.startswith("--from=")
        for source in rest.split()[:-1]
    ]


def test_the_image_is_built_in_two_stages_from_one_pinned_base() -> None:
    bases = [rest.partition(" ")[0] for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.(11|13)-slim-[a-z]+", bases[0])


def test_everything_that_is_copied_exists_and_is_let_into_the_build() -> None:
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored, "nothing gets in unless it is named"
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    sources = {source.rstrip("/") for stage in stages() for source in copied(stage)}
    assert sources == let_in
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_built_bundle_of_graphiql_gets_in_and_its_sources_do_not() -> None:
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert ignored.index("!gateway") < ignored.index("gateway/graphiql"), "the last line that matches counts"
    assert [line for line in ignored if "static" in line] == []


def test_dependencies_are_the_locked_ones_with_their_hashes_and_nothing_is_compiled() -> None:
    first, last = stages()
    (line,) = [rest for word, rest in first if word == "RUN" and "pip" in rest]
    assert "--require-hashes -r /tmp/runtime.txt" in line
    assert "--only-binary :all:" in line
    assert ("COPY", "requirements/runtime.txt /tmp/runtime.txt") in first
    locked = (ROOT / "requirements" / "runtime.txt").read_text("utf-8")
    assert re.search(r"^uvicorn==", locked, re.MULTILINE)
    assert " --hash=sha256:" in locked
    assert not any(re.search(r"\b(apt|apt-get|gcc|build-essential|pip install|uv)\b", rest) for word, rest in last)


def test_the_final_image_holds_the_three_packages_and_no_tests() -> None:
    assert {source.rstrip("/") for source in copied(stages()[-1])} == {"gateway", "resolvers", "schema"}


def test_it_runs_as_a_user_that_is_not_root_and_is_given_by_number() -> None:
    *_, last = stages()
    users = [rest for word, rest in last if word == "USER"]
    assert users == ["10001:10001"]
    after = [word for word, _ in last[last.index(("USER", users[0])) :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)


async def test_its_health_is_readiness_asked_of_the_port_it_serves() -> None:
    """The very program of the HEALTHCHECK says yes to a gateway and no where there is none."""
    (line,) = [rest for word, rest in instructions() if word == "HEALTHCHECK"]
    program = json.loads(line.partition("CMD ")[2])
    assert program[:2] == ["python", "-c"]
    port = str(load(SETTINGS, environment("gateway")).server.port)
    assert port in program[2]
    assert ("EXPOSE", port) in instructions()
    app = create_app(load(SETTINGS, environment("gateway")))
    async with serve(app, remember=False) as served:
        here = program[2].replace(port, served.url.rpartition(":")[2])
        assert await exit_code(here) == 0
    assert await exit_code(here) != 0


async def exit_code(program: str) -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()


def test_its_command_serves_the_settings_file() -> None:
    entry = next(json.loads(rest) for word, rest in instructions() if word == "ENTRYPOINT")
    command = next(json.loads(rest) for word, rest in instructions() if word == "CMD")
    assert [*entry, *command] == shlex.split(f"python -m gateway serve --config {PLACE_OF_SETTINGS}")


# ---------------------------------------------------------------- the compose file


def variables() -> dict[str, str]:
    lines = (DOCKER / ".env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def compose() -> Node:
    """The compose file as an engine sees it, with the values of .env put in."""
    known = variables()

    def fill(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return [fill(item) for item in node]
        return re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], node) if isinstance(node, str) else node

    filled: Node = fill(read((DOCKER / "compose.yaml").read_text("utf-8")))
    return filled


COMPOSE = compose()
SERVICES: dict[str, Node] = COMPOSE["services"]


def environment(service: str) -> dict[str, str]:
    return {key: str(value) for key, value in SERVICES[service].get("environment", {}).items()}


def mounts(service: str) -> Iterator[tuple[str, str]]:
    for volume in SERVICES[service].get("volumes", []):
        source, place, *_ = volume.split(":")
        yield source, place


def test_every_service_has_an_image_pinned_by_version() -> None:
    images = {name: service["image"].rpartition(":")[::2] for name, service in SERVICES.items()}
    assert {name: tag for name, (_, tag) in images.items() if not re.match(r"v?\d+(\.\d+)*(-alpine)?$", tag)} == {}
    products = dict(images.values())
    assert products["ghcr.io/mlflow/mlflow"] == f"v{install.MLFLOW}"
    assert products["apache/airflow"] == install.AIRFLOW
    assert products["unleashorg/unleash-server"] == install.UNLEASH
    assert products["growthbook/growthbook"] == "5.0.1"


def test_our_own_image_is_built_from_this_checkout() -> None:
    ours = {name: service["build"] for name, service in SERVICES.items() if "build" in service}
    assert set(ours) == {"gateway", "seed", "dags"}
    for build in ours.values():
        context = (DOCKER / build["context"]).resolve()
        assert context == ROOT
        assert (context / build["dockerfile"]).is_file()
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version
    assert SERVICES["gateway"]["image"] == f"model-lifecycle-graph:{version[1]}"


def test_every_file_that_is_mounted_exists_and_every_volume_is_declared() -> None:
    for name in SERVICES:
        for source, _ in mounts(name):
            if source.startswith("."):
                assert (DOCKER / source).exists(), f"{name} mounts {source}"
            else:
                assert source in COMPOSE["volumes"], f"{name} uses the volume {source}"


def test_every_service_waits_for_services_that_exist_and_can_tell() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES, f"{name} waits for {needed}"
            healthy = how["condition"] == "service_healthy"
            assert healthy == ("healthcheck" in SERVICES[needed]), f"{name} waits for {needed}"


def test_nothing_is_published_beyond_this_machines_loopback() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []
    hosts = [port.split(":")[1] for port in published]
    assert len(set(hosts)) == len(hosts)


def test_the_gateway_can_write_nothing_and_gain_no_right() -> None:
    gateway = SERVICES["gateway"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in gateway["security_opt"]
    assert all(volume.endswith(":ro") for volume in gateway["volumes"])


def test_every_variable_that_is_set_is_used_and_every_one_used_is_set() -> None:
    used = set(re.findall(r"\$\{(\w+)\}", (DOCKER / "compose.yaml").read_text("utf-8")))
    assert used == set(variables())


# ---------------------------------------------------------------- what the containers say to each other


def test_the_settings_load_with_what_compose_sets_and_nothing_else() -> None:
    assert (f"./{SETTINGS.name}", PLACE_OF_SETTINGS) in mounts("gateway")
    settings = load(SETTINGS, environment("gateway"))
    assert {source.product for source in settings.sources} == set(PRODUCTS)
    for name in environment("gateway"):
        with pytest.raises(SettingsError, match=name):
            load(SETTINGS, {key: value for key, value in environment("gateway").items() if key != name})


def test_the_sources_are_the_systems_that_the_seed_fills() -> None:
    planned = company()
    registries = {registry.name for registry in planned.registries}
    others = {orchestrator.name for orchestrator in planned.orchestrators} | {p.name for p in planned.platforms}
    assert {source.name for source in load(SETTINGS, environment("gateway")).sources} == registries | others


def test_every_source_is_a_service_at_the_address_the_gateway_asks() -> None:
    for source in load(SETTINGS, environment("gateway")).sources:
        host = source.url.removeprefix("http://").partition(":")[0]
        assert host in SERVICES, source.url
        published = [f"http://localhost:{port.split(':')[1]}" for port in SERVICES[host]["ports"]]
        assert source.ui_url in published


def test_every_registry_is_told_the_names_it_is_called_by() -> None:
    """MLflow answers 403 to any other Host."""
    for source in load(SETTINGS, environment("gateway")).sources:
        if source.product == "mlflow":
            allowed = environment(source.name)["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
            assert {url.removeprefix("http://") for url in (source.url, source.ui_url or "")} <= set(allowed)


def test_products_are_given_the_credentials_the_gateway_comes_with() -> None:
    given = environment("gateway")
    assert environment("growthbook")["SECRET_API_KEY"] == given["GROWTHBOOK_SECRET_KEY"]
    assert environment("unleash")["INIT_ADMIN_API_TOKENS"] == given["UNLEASH_ADMIN_TOKEN"]
    assert environment("unleash")["INIT_BACKEND_API_TOKENS"] == given["UNLEASH_CLIENT_TOKEN"]
    assert json.loads(environment("airflow")["PASSWORDS"]) == {
        "gateway": given["AIRFLOW_GATEWAY_PASSWORD"],
        "seed": environment("seed")["AIRFLOW_SEED_PASSWORD"],
    }
    assert len(environment("airflow")["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64


def test_the_seed_has_what_it_reads() -> None:
    assert environment("gateway").items() <= environment("seed").items()
    inside = {place: source for source, place in mounts("seed")}
    assert inside["/app/docker/seed"] == "./seed"
    assert inside["/app/tests"] == "../tests"
    assert inside["/dags"] == "dags"
    assert ("dags", "/dags") in mounts("dags")
    assert ("dags", "/opt/airflow/dags") in mounts("airflow-scheduler")


def test_every_database_that_is_asked_for_is_made() -> None:
    made = set(re.findall(r"CREATE DATABASE (\w+);", (DOCKER / "databases.sql").read_text("utf-8")))
    asked = {
        value.rpartition("/")[2]
        for service in SERVICES
        for value in environment(service).values()
        if value.startswith("postgres") and "@postgres:5432/" in value
    }
    assert asked == made


def test_the_query_its_readme_asks_to_try_is_one_of_this_graph() -> None:
    (query,) = re.findall(r"(?m)^    (\{ model.*(?:\n      .*)*)", (DOCKER / "README.md").read_text("utf-8"))
    assert validate(build_schema()._schema, parse(query)) == []
