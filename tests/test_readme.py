"""What the README promises is run: its query, its answer, its settings."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gateway.demo.generator import build
from gateway.settings import read
from tests.graph.client import graph_of

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def block(language: str, number: int = 0) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return found[number]


async def test_the_query_gives_the_answer_that_is_printed_below_it() -> None:
    async with graph_of(build()) as graph:
        assert await graph.ask(block("graphql")) == json.loads(block("json"))


def test_the_curl_command_sends_the_same_query() -> None:
    sent = re.search(r"-d '(.*)'", block("bash", 1))
    assert sent is not None
    assert json.loads(sent[1])["query"].split() == block("graphql").split()


def test_the_settings_are_valid() -> None:
    secrets = dict.fromkeys(re.findall(r'_env = "(\w+)"', block("toml")), "secret")
    settings = read(block("toml"), secrets)
    assert [source.product for source in settings.sources] == ["mlflow", "airflow", "growthbook", "unleash"]


def test_the_settings_of_who_may_ask_what_are_valid_beside_them() -> None:
    """The manifest that they name is, in this folder, what the generated clients ask."""
    secrets = dict.fromkeys(re.findall(r'_env = "(\w+)"', block("toml")), "secret")
    folder = Path(__file__).parent / "clients"
    settings = read(block("toml", 1) + block("toml"), secrets, str(folder / "gateway.toml"))
    assert (settings.identity.kind, len(settings.access), settings.documents.mode) == ("jwt", 2, "require")


def test_every_command_it_names_exists() -> None:
    targets = set(
        re.findall(r"^([a-z-]+):", (Path(__file__).parent.parent / "Makefile").read_text("utf-8"), re.MULTILINE)
    )
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_the_run_context_it_shows_is_the_default_convention() -> None:
    shown = re.search(r"MLFLOW_RUN_CONTEXT='(.*)'", README)
    assert shown is not None
    assert list(json.loads(shown[1])) == ["lifecycle.pipeline", "lifecycle.pipeline_run"]
