"""What the linters of the trade say of the clients' schema; each departure has its reason beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.clients.node import CLIENT_SDL, prepared, run
from tests.schema.evolution import RELEASED, breaks

pytestmark = pytest.mark.clients

# Of all rules of graphql-schema-linter: not those that sort, as the order of fields is the order of reading, and not
# the one for arguments of connections, which wants `before` and `last`: pages go forward only.
RULES = (
    "arguments-have-descriptions",
    "defined-types-are-used",
    "deprecations-have-a-reason",
    "descriptions-are-capitalized",
    "enum-values-all-caps",
    "enum-values-have-descriptions",
    "fields-are-camel-cased",
    "fields-have-descriptions",
    "input-object-values-are-camel-cased",
    "input-object-values-have-descriptions",
    "relay-connection-types-spec",
    "relay-page-info-spec",
    "types-are-capitalized",
    "types-have-descriptions",
)
TASKS_HAVE_NO_ID = "Edge type's field `node` must implement `Node` interface."
"""An orchestrator has no address for a single task that outlives its run, so TaskRun is no Node: one finding."""


@pytest.fixture
def folder() -> Path:
    prepared_folder = prepared("lint")
    shutil.copy(CLIENT_SDL, prepared_folder)
    return prepared_folder


async def test_graphql_schema_linter_finds_nothing(folder: Path) -> None:
    rules = ",".join(RULES)
    await run(folder, "node_modules/.bin/graphql-schema-linter", "--rules", rules, CLIENT_SDL.name)


async def test_graphql_eslint_finds_nothing_but_that_tasks_have_no_id(folder: Path) -> None:
    script = "node_modules/.bin/eslint --format json schema.client.graphql || true"
    (checked,) = json.loads(await run(folder, "sh", "-c", script))
    assert [message["message"] for message in checked["messages"]] == [TASKS_HAVE_NO_ID]


async def test_graphql_inspector_sees_no_break_that_our_own_check_does_not(folder: Path) -> None:
    found = json.loads(await run(folder, "node", "changes.mjs", str(RELEASED), str(CLIENT_SDL)))
    assert bool(found) is bool(breaks(RELEASED.read_text("utf-8"), CLIENT_SDL.read_text("utf-8"))), found


async def test_graphql_inspector_sees_a_field_that_is_gone(folder: Path, tmp_path: Path) -> None:
    without = tmp_path / "without.graphql"
    without.write_text(CLIENT_SDL.read_text("utf-8").replace("  dataType: String\n", "  kindOfData: String\n"), "utf-8")
    found = json.loads(await run(folder, "node", "changes.mjs", str(CLIENT_SDL), str(without)))
    assert found == ["Field 'dataType' was removed from object type 'Feature'"]
