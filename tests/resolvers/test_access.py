"""Rules of access: what each role may see, judged on references alone."""

from __future__ import annotations

import pytest

from resolvers.access import ANY, EVERYTHING, Access, AccessRule, Sight
from resolvers.caller import ANYONE, Caller
from schema.identity import SHARED, EntityKind, Reference


def rule(roles: str, sources: str = ANY, domains: str | None = None) -> AccessRule:
    named = None if domains is None else frozenset(domains.split())
    return AccessRule(frozenset(roles.split()), frozenset(sources.split()), named)


def caller(*roles: str) -> Caller:
    return Caller("somebody", frozenset(roles))


def model(source: str) -> Reference:
    return Reference(EntityKind.MODEL, source, "ranker")


def test_without_rules_everybody_sees_everything() -> None:
    assert EVERYTHING.sight(ANYONE) is None
    assert EVERYTHING.allows(ANYONE, model("anything"))


def test_once_there_is_a_rule_nobody_sees_what_none_lets_them_see() -> None:
    access = Access([rule("studio", "one")])
    assert access.sight(ANYONE) == Sight()
    assert access.sight(caller("other")) == Sight()
    assert not access.allows(caller("other"), model("one"))
    assert access.allows(caller("studio"), model("one"))
    assert not access.allows(caller("studio"), model("two"))


def test_a_rule_for_everybody_holds_for_callers_nobody_knows() -> None:
    access = Access([rule(ANY, "one"), rule("studio", "two")])
    assert access.allows(ANYONE, model("one"))
    assert not access.allows(ANYONE, model("two"))
    assert access.allows(caller("studio"), model("one"))


def test_rules_of_several_roles_add_up() -> None:
    access = Access([rule("a", "one", "art"), rule("b", "one", "ads"), rule("b", domains="ops"), rule("c", "two")])
    sight = access.sight(caller("a", "b", "c", "unknown"))
    assert sight is not None
    assert sight.domains("one") == frozenset({"art", "ads", "ops"})
    assert sight.domains("two") is None
    assert sight.domains("three") == frozenset({"ops"})


def test_all_of_a_source_counts_more_than_a_domain_of_it() -> None:
    sight = Access([rule("a", "one"), rule("a", "one", "art")]).sight(caller("a"))
    assert sight is not None
    assert sight.domains("one") is None


def test_who_sees_every_source_whole_has_no_sight_to_be_judged_by() -> None:
    access = Access([rule("admin"), rule("admin studio", "one", "art")])
    assert access.sight(caller("admin")) is None
    assert access.sight(caller("studio")) is not None


def test_what_no_source_owns_is_judged_by_who_mentions_it() -> None:
    assert Sight().allows(Reference(EntityKind.DATASET, SHARED, "s3://any"))


@pytest.mark.parametrize("name", ["no-such-source", "two"])
def test_a_source_that_is_not_configured_is_judged_like_one_that_is(name: str) -> None:
    assert not Access([rule("a", "one")]).allows(caller("a"), model(name))
    assert Access([rule("a", domains="art")]).allows(caller("a"), model(name))


def test_a_caller_is_judged_by_the_roles_that_rules_know() -> None:
    """What is remembered of callers grows with the roles in the rules, not with those that tokens say."""
    access = Access([rule("studio", "one")])
    sights = {id(access.sight(caller("studio", f"group-{number}"))) for number in range(1000)}
    assert len(sights) == 1
