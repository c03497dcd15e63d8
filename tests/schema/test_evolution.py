"""A change that breaks clients is seen, and passes only where the CHANGELOG tells it."""

from __future__ import annotations

from tests.schema.evolution import main, unowned

RELEASED = "type Query { model(name: String!): String  pipelines: [String!]! }"
BROKEN = "type Query { model(name: String!, source: String!): String }"
FOUND = [
    "A required argument Query.model(source:) was added.",
    "Field Query.pipelines was removed.",
]


def test_the_schema_breaks_nothing_of_the_last_release_that_the_changelog_does_not_own() -> None:
    assert main() == 0


def test_a_break_is_told() -> None:
    assert unowned(RELEASED, BROKEN, "# Changelog\n\n## Unreleased\n") == FOUND


def test_additions_and_deprecations_break_nothing() -> None:
    more = "type Query { model(name: String!): String @deprecated pipelines(first: Int): [String!]! runs: [Int] }"
    assert unowned(RELEASED, more, "") == []


def test_a_break_is_owned_by_telling_it_under_unreleased_and_nowhere_else() -> None:
    told = f"- Breaking: Field `Query.pipelines` was\n  removed. Ask `runs`.\n- {FOUND[0]}"
    assert unowned(RELEASED, BROKEN, f"## Unreleased\n{told}\n\n## 0.1.0\n") == []
    assert unowned(RELEASED, BROKEN, f"## Unreleased\n\n## 0.1.0\n{told}\n") == FOUND
