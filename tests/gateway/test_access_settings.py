"""The tables of access: what they say, and every mistake in them with its place."""

from __future__ import annotations

import pytest

from gateway.access_settings import access_of
from gateway.settings import Settings, SettingsError, read
from resolvers.access import AccessRule
from resolvers.caller import ANYONE, Caller

SOURCE = '[[sources]]\nname = "studio-mlflow"\nproduct = "mlflow"\nurl = "http://127.0.0.1:5000"\n'


def settings(rules: str) -> Settings:
    return read(f"{rules}\n{SOURCE}", {})


def test_without_a_table_everybody_sees_everything() -> None:
    assert settings("").access == ()
    assert access_of(settings("").access).sight(ANYONE) is None


def test_a_table_says_roles_sources_and_domains() -> None:
    said = settings('[[access]]\nroles = ["a", "b"]\nsources = ["studio-mlflow"]\ndomains = ["art"]')
    assert said.access[0].rule() == AccessRule(frozenset("ab"), frozenset({"studio-mlflow"}), frozenset({"art"}))


def test_every_source_and_everything_in_it_is_meant_where_none_is_said() -> None:
    said = settings('[[access]]\nroles = ["admin"]\n')
    assert access_of(said.access).sight(Caller("one", frozenset({"admin"}))) is None
    assert access_of(said.access).sight(ANYONE) is not None


@pytest.mark.parametrize(("rules", "mistake"), [
    ('[[access]]\nsources = ["*"]', "access[0].roles: is missing"),
    ('[[access]]\nroles = []', "access[0].roles: must not be empty"),
    ('[[access]]\nroles = ["a"]\ndomains = []',
     "access[0].domains: must not be empty"),
    ('[[access]]\nroles = "a"', "access[0].roles: must be a list"),
    ('[[access]]\nroles = ["a"]\nsources = ["*", "studio"]',
     "access[0].sources[1]: 'studio' is no source of this file"),
    ('[[access]]\nroles = ["a"]\nkinds = ["MODEL"]', "access[0].kinds: is not known here"),
])  # fmt: skip
def test_a_mistake_is_told_with_its_place(rules: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings(rules)
    assert str(raised.value) == f"settings has a mistake:\n  {mistake}"
