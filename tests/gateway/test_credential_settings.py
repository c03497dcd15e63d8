"""With whose credential a source is asked: what its settings say of it, and every mistake in that."""

from __future__ import annotations

import pytest

from gateway.settings import SettingsError, read
from gateway.sources import close_sources, open_sources

NAMED = '[[sources]]\nname = "one"\nproduct = "{product}"\nurl = "http://127.0.0.1:5000"\n'
EXCHANGE = 'auth = "exchange"\nexchange.url = "https://login.example.org/token"\nexchange.client_id = "graph"\n'
SECRET = {"EXCHANGE_SECRET": "s3cr3t-canary"}


@pytest.mark.parametrize("product", ["mlflow", "airflow", "growthbook"])
@pytest.mark.parametrize("auth", ["forward", "exchange"])
async def test_these_products_can_be_asked_with_what_the_caller_sent(product: str, auth: str) -> None:
    more = EXCHANGE + 'exchange.client_secret_env = "EXCHANGE_SECRET"\n' if auth == "exchange" else 'auth = "forward"\n'
    settings = read(NAMED.format(product=product) + more, SECRET)
    assert settings.sources[0].profile().forwarded
    assert "s3cr3t-canary" not in repr(settings) + repr(settings.model_dump())
    await close_sources(open_sources(settings))


def test_a_source_with_a_credential_of_the_gateways_is_no_callers_own() -> None:
    settings = read(NAMED.format(product="mlflow") + 'auth = "bearer"\ntoken_env = "T"\n', {"T": "token"})
    assert not settings.sources[0].profile().forwarded


@pytest.mark.parametrize(("product", "more", "mistake"), [
    ("mlflow", 'auth = "exchange"', 'sources[0].exchange: is missing: auth = "exchange" needs it'),
    ("mlflow", 'auth = "forward"\nusername = "me"', 'sources[0].username: has no use with auth = "forward"'),
    ("mlflow", 'exchange.url = "https://l.example"\nexchange.client_id = "a"\nexchange.client_secret_env = '
     '"EXCHANGE_SECRET"', 'sources[0].exchange: has no use with auth = "none"'),
    ("mlflow", EXCHANGE, "sources[0].exchange.client_secret_env: is missing"),
    ("growthbook", 'auth = "forward"\ntoken_env = "EXCHANGE_SECRET"',
     'sources[0].token_env: has no use with auth = "forward"'),
    ("growthbook", "", 'sources[0].token_env: is missing: auth = "bearer" needs it'),
    ("airflow", 'auth = "anything"', "sources[0].auth: must be 'none', 'password', 'forward' or 'exchange'"),
])  # fmt: skip
def test_a_mistake_is_told_with_its_place(product: str, more: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(f"{NAMED.format(product=product)}{more}\n", SECRET)
    assert str(raised.value) == f"settings has a mistake:\n  {mistake}"


def test_unleash_is_asked_with_the_gateways_own_tokens_only() -> None:
    """It tells what runs by a token that all share, so that nothing could be shown that a caller's own read told."""
    with pytest.raises(SettingsError, match=r"sources\[0\]\.auth: is not known here"):
        read(NAMED.format(product="unleash") + 'auth = "forward"\n', {})
