"""The settings file: what it refuses, and that it says everything that is wrong at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.settings import Settings, SettingsError, load, read
from gateway.source_settings import GrowthBookSource, MlflowSource, UnleashSource
from gateway.sources import close_sources, open_sources
from resolvers.conventions import Conventions
from resolvers.http import HttpLimits
from resolvers.sources.labels import LabelRules

EXAMPLE = Path(__file__).parents[2] / "gateway" / "example.toml"
CANARY = "canary-5e1f"
SECRETS = {
    name: f"{CANARY}-{name}"
    for name in (
        "STUDIO_MLFLOW_PASSWORD",
        "PERSONALIZATION_MLFLOW_TOKEN",
        "PROD_AIRFLOW_PASSWORD",
        "GROWTHBOOK_SECRET_KEY",
        "UNLEASH_CLIENT_TOKEN",
        "UNLEASH_VIEWER_TOKEN",
    )
}
MLFLOW = """
[[sources]]
name = "{name}"
product = "mlflow"
url = "http://127.0.0.1:5000"
"""


def mistakes(text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read(text, environment or {}, "file.toml")
    return str(refused.value).splitlines()


def test_every_mistake_is_listed_at_once_with_its_place() -> None:
    text = """
        unknown = 1
        [server]
        port = "8000"
        deadline_s = inf
        debug = true
        [[sources]]
        name = "Studio"
        product = "mlflow"
        url = "ftp://mlflow"
        auth = "basic"
        token_env = "not a variable's name"
        [[sources]]
        name = "flow"
        product = "dagster"
        url = "http://127.0.0.1:1"
        [[sources]]
        name = "flow"
        product = "airflow"
        url = "http://127.0.0.1:8080"
        username = "reader"
        password_env = "AIRFLOW_PASSWORD"
        client_key = "sdk-1"
        links.registry = "nowhere"
        limits.concurrency = 0
    """
    assert mistakes(text) == [
        "file.toml has 16 mistakes:",
        "  server.deadline_s: must be a finite number",
        "  server.debug: is not known here",
        "  server.port: must be a valid integer",
        "  sources[0].name: must be small letters, digits and '-', beginning with no '-', at most 63",
        '  sources[0].password_env: is missing: auth = "basic" needs it',
        '  sources[0].token_env: has no use with auth = "basic"',
        "  sources[0].token_env: must be the name of an environment variable, in capital letters",
        "  sources[0].url: must be an address like https://mlflow.example.org",
        '  sources[0].username: is missing: auth = "basic" needs it',
        "  sources[1].product: must be mlflow, airflow, growthbook, unleash, or module:Class of an adapter",
        "  sources[2].client_key: is not known here",
        "  sources[2].limits.concurrency: must be greater than or equal to 1",
        "  sources[2].links.registry: 'nowhere' is no model registry of this file",
        "  sources[2].name: 'flow' is the name of sources[1] already",
        "  sources[2].password_env: the environment variable AIRFLOW_PASSWORD is not set",
        "  unknown: is not known here",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "sources: is missing"),
        ("sources = []", "sources: holds no source"),
        ("sources = 3", "sources: must be a list"),
        (
            "sources = [3]",
            "sources[0].product: must be mlflow, airflow, growthbook, unleash, or module:Class of an adapter",
        ),
        ("[server", "is not TOML: "),
    ],
)
def test_a_file_without_sources_is_refused(text: str, said: str) -> None:
    lines = mistakes(text)
    assert lines[0] == "file.toml has a mistake:"
    assert said in lines[1]


def test_a_file_that_cannot_be_read_is_one_mistake(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9\n")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        load(latin, {})
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml", {})


@pytest.mark.parametrize(
    "url",
    [
        "mlflow.example",
        "ftp://mlflow.example.org",
        "http://",
        "http://mlflow:99999",
        "http://mlflow/?a=b",
        "http://mlflow/#top",
        "http://user:password@mlflow",
        "http://ml flow",
        "http://[::1",
        "http://münchen.example",
    ],
)
def test_a_url_that_could_not_be_called_is_refused(url: str) -> None:
    lines = mistakes(MLFLOW.format(name="studio").replace("http://127.0.0.1:5000", url))
    assert lines[1].startswith("  sources[0].url: must ")
    assert "password@" not in lines[1]


def test_names_mean_one_source() -> None:
    text = MLFLOW.format(name="studio") + 'also_named = ["prod"]\n' + MLFLOW.format(name="prod")
    text += 'also_named = ["studio", "live"]\n'
    assert mistakes(text)[1:] == [
        "  sources[0].also_named[0]: 'prod' means sources[1] already",
        "  sources[1].also_named[0]: 'studio' means sources[0] already",
    ]


def test_sources_of_two_roles_may_be_called_the_same() -> None:
    text = MLFLOW.format(name="studio") + 'also_named = ["prod"]\n'
    text += '[[sources]]\nname = "flows"\nproduct = "airflow"\nurl = "http://127.0.0.1:1"\nauth = "none"\n'
    assert len(read(text + 'also_named = ["prod"]', {}).sources) == 2


def test_fields_of_another_product_are_refused() -> None:
    text = MLFLOW.format(name="studio") + 'environment = "x"\nlinks.model_keys = ["model"]\n'
    assert mistakes(text)[1:] == [
        "  sources[0].environment: is not known here",
        "  sources[0].links.model_keys: is not known here",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "the environment variable TOKEN is not set"),
        ({"TOKEN": ""}, "the environment variable TOKEN is not set"),
        ({"TOKEN": f"{CANARY}\n"}, "the environment variable TOKEN holds a line break or another control character"),
    ],
)
def test_a_secret_must_be_in_the_environment(value: dict[str, str], said: str) -> None:
    text = MLFLOW.format(name="studio") + 'auth = "bearer"\ntoken_env = "TOKEN"\n'
    assert mistakes(text, value)[1:] == [f"  sources[0].token_env: {said}"]


@pytest.mark.parametrize("key", ["token_env", "token", "password", "username"])
def test_a_secret_written_into_the_file_is_not_repeated(key: str) -> None:
    text = MLFLOW.format(name="studio") + f'auth = "bearer"\n{key} = "{CANARY}"\nport = "{CANARY}"\n'
    assert CANARY not in "\n".join(mistakes(text))


def test_secrets_show_in_no_text_of_the_settings() -> None:
    settings = load(EXAMPLE, SECRETS)
    assert CANARY not in repr(settings) + str(settings) + repr(settings.model_dump())
    studio = settings.sources[0]
    assert isinstance(studio, MlflowSource)
    assert studio.password is not None
    assert studio.password.get_secret_value() == f"{CANARY}-STUDIO_MLFLOW_PASSWORD"


def test_the_example_shows_the_defaults() -> None:
    """Taking the comment signs away changes nothing."""
    written = EXAMPLE.read_text("utf-8")
    uncommented = re.sub(r"^# ([a-z_.]+ = )", r"\1", written, flags=re.MULTILINE)
    assert uncommented.count("\n# ") < written.count("\n# ") - 20
    plain, full = read(written, SECRETS), read(uncommented, SECRETS)
    assert plain.server == full.server
    for before, after in zip(plain.sources, full.sources, strict=True):
        assert before.profile() == after.profile()
        assert before.http_limits() == after.http_limits()


def test_a_source_left_alone_has_the_defaults() -> None:
    source = read(MLFLOW.format(name="studio"), {}).sources[0]
    profile = source.profile()
    assert profile.conventions == Conventions()
    assert profile.labels == LabelRules()
    assert profile.ui_url == "http://127.0.0.1:5000"
    assert source.http_limits() == HttpLimits(concurrency=4)


def test_products_differ_in_their_defaults() -> None:
    by_name = {source.name: source for source in load(EXAMPLE, SECRETS).sources}
    growthbook, unleash = by_name["growthbook"], by_name["unleash"]
    assert isinstance(growthbook, GrowthBookSource)
    assert growthbook.http_limits() == HttpLimits(concurrency=5, response_bytes=32 * 2**20)
    assert isinstance(unleash, UnleashSource)
    assert unleash.profile().conventions.model_tag is None
    assert growthbook.profile().conventions.model_tag == "model"


def test_names_and_limits_reach_the_adapters() -> None:
    text = MLFLOW.format(name="studio") + (
        'domain = "art"\nalso_named = ["s"]\nscan_rows = 7\nui_url = "https://ui.example/x/"\n'
        'labels.owner_tags = ["who"]\nlinks.cells = "cells"\nlinks.pipeline_tags = [["p", "r"]]\n'
        "limits.attempt_s = 2\nlimits.response_mb = 1\n"
    )
    source = read(text, {}).sources[0]
    profile = source.profile()
    assert (profile.name, profile.ui_url, profile.scan_rows) == ("studio", "https://ui.example/x", 7)
    assert profile.also_named == ("s",)
    assert (profile.labels.owner_tags, profile.labels.domain) == (("who",), "art")
    assert (profile.conventions.cells, profile.conventions.pipeline_tags) == ("cells", (("p", "r"),))
    assert source.http_limits() == HttpLimits(attempt_s=2, response_bytes=2**20, concurrency=4)


async def test_every_product_of_the_example_gets_its_adapter() -> None:
    sources = open_sources(load(EXAMPLE, SECRETS))
    assert list(sources.registries) == ["personalization-mlflow", "studio-mlflow"]
    assert list(sources.orchestrators) == ["prod-airflow"]
    assert list(sources.platforms) == ["growthbook", "unleash"]
    await close_sources(sources)


async def test_an_adapter_of_somebody_else_is_named_by_its_class() -> None:
    text = MLFLOW.format(name="own").replace('"mlflow"', '"resolvers.sources.registry.mlflow:Mlflow"')
    settings: Settings = read(text, {})
    sources = open_sources(settings)
    assert list(sources.registries) == ["own"]
    await close_sources(sources)


@pytest.mark.parametrize("product", ["no.such.module:Adapter", "json:Adapter", "json:JSONDecoder", ":", "json:"])
def test_a_class_that_is_no_adapter_is_refused(product: str) -> None:
    lines = mistakes(MLFLOW.format(name="own").replace('"mlflow"', f'"{product}"'))
    assert lines[1].startswith("  sources[0].product: ")
