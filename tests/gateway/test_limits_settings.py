"""The `[limits]` table: who may ask for the schema, and that every limit reaches the gateway."""

from __future__ import annotations

import pytest

from gateway.app import create_app
from gateway.limits_settings import LimitSettings
from gateway.settings import SettingsError, read
from tests.gateway.asgi import get

SOURCE = '[[sources]]\nname = "studio"\nproduct = "mlflow"\nurl = "http://127.0.0.1:1"\n'


@pytest.mark.parametrize(
    ("said", "roles", "development", "production"),
    [
        ("development", [], True, False),
        ("on", [], True, True),
        ("off", ["admin"], False, False),
        (["admin", "tools"], [], False, False),
        (["admin", "tools"], ["tools", "studio"], True, True),
    ],
)
def test_the_schema_is_for_those_who_are_named(
    said: object, roles: list[str], development: bool, production: bool
) -> None:
    limits = LimitSettings.model_validate({"introspection": said})
    assert limits.may_introspect(roles, production=False) is development
    assert limits.may_introspect(roles, production=True) is production


@pytest.mark.parametrize(
    ("limit", "query", "code"),
    [
        ("depth = 2", "{ models { nodes { name } } }", "MAX_DEPTH_LIMIT"),
        ("aliases = 1", "{ a: __typename b: __typename }", "MAX_ALIASES_LIMIT"),
        ("root_fields = 1", "{ models { totalCount } __typename }", "MAX_ROOT_FIELDS_LIMIT"),
        ("directives = 1", "{ __typename @skip(if: false) @include(if: true) }", "MAX_DIRECTIVES_LIMIT"),
        ("tokens = 5", "{ models { totalCount } }", "MAX_TOKENS_LIMIT"),
        ("nodes = 19", "{ models { nodes { name } } }", "COST_ESTIMATED_TOO_EXPENSIVE"),
        ("calls = 1", "{ models { nodes { latestVersion { model { id } } } } }", "COST_ESTIMATED_TOO_EXPENSIVE"),
        ('introspection = "off"', "{ __schema { description } }", "INTROSPECTION_DISABLED"),
    ],
)  # fmt: skip
async def test_every_limit_is_a_setting(limit: str, query: str, code: str) -> None:
    app = create_app(read(f"[limits]\n{limit}\n{SOURCE}", {}))
    async with app.router.lifespan_context(app):
        answered = await get(app, "/graphql?query=" + query.replace(" ", "%20"))
    assert [error["extensions"]["code"] for error in answered.json["errors"]] == [code]


@pytest.mark.parametrize(
    "wrong", ["depth = 0", "calls = 1.5", 'introspection = "maybe"', "introspection = []", "levels = 3"]
)
def test_a_wrong_limit_is_told_with_its_place(wrong: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(f"[limits]\n{wrong}\n{SOURCE}", {})
    assert f"limits.{wrong.partition(' ')[0]}" in str(caught.value)


@pytest.mark.parametrize("products", [("mlflow",), ("mlflow", "airflow", "growthbook")])
async def test_a_search_is_not_too_much_in_a_house_of_many_sources(products: tuple[str, ...]) -> None:
    more = {"mlflow": "", "airflow": 'username = "u"\npassword_env = "P"', "growthbook": 'token_env = "P"'}
    sources = [
        f'[[sources]]\nname = "{product}-{number}"\nproduct = "{product}"\nurl = "http://127.0.0.1:1"\n{more[product]}\n'
        for number in range(10 // len(products) + 1)
        for product in products
    ]
    app = create_app(read("".join(sources), {"P": "secret"}))
    async with app.router.lifespan_context(app):
        answered = await get(app, "/graphql?query={search(query:%22x%22){completeness{complete}}}")
    assert answered.json == {"data": {"search": {"completeness": {"complete": False}}}}
