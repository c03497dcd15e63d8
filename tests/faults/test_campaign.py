"""Whatever breaks at one source, the others' fields are as ever, nothing wrong is shown, and it is back soon after.

Here each row has five answers and shorter times, and a fault of the wire is tried at one source in turn, as all have
the one client; `make campaign` tries every row at every source with the gateway as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.faults.campaign import run
from tests.faults.judge import Expected, Judge
from tests.faults.questions import SOURCES
from tests.faults.result import Result
from tests.faults.rows import ROWS, Row
from tests.faults.site import BRIEF, Pace
from tests.faults.storms import STORMS


def _tried() -> list[tuple[Row, str]]:
    tried: list[tuple[Row, str]] = []
    for number, row in enumerate(ROWS):
        sources = list(row.of)
        tried += [(row, source) for source in (sources if row.own else [SOURCES[number % len(SOURCES)]])]
    return tried


@pytest.mark.parametrize(
    ("row", "source"), [pytest.param(*each, id=f"{each[0].name} at {each[1]}") for each in _tried()]
)
async def test_a_fault_costs_only_the_fields_of_its_source(row: Row, source: str) -> None:
    _holds(await run(row, source, BRIEF))


@pytest.mark.parametrize("storm", STORMS, ids=lambda storm: storm.__name__)
async def test_many_clients_outages_and_bombs_are_borne(storm: Callable[[Pace], Awaitable[Result]]) -> None:
    _holds(await storm(BRIEF))


def _holds(result: Result) -> None:
    assert result.faults == []
    assert result.right == result.answers or result.row == "30% of calls fail"


HEALTHY: dict[str, Any] = {
    "data": {
        "registry": {"name": "a", "latest": {"version": "2"}},
        "orchestrator": {"name": "train"},
        "registryList": {
            "nodes": [{"name": "a"}, {"name": "b"}],
            "totalCount": 2,
            "pageInfo": {"hasNextPage": False},
            "completeness": {"complete": True},
        },
        "linked": {"producedBy": {"state": "RESOLVED", "code": None, "node": {"name": "run"}}},
    }
}
SAID = {"code": "SOURCE_TIMEOUT", "source": "studio-mlflow", "retryable": True, "requestId": "1"}


def _judged(source: str = "studio-mlflow", *errors: object, **changed: object) -> list[str]:
    answer = {"data": HEALTHY["data"] | changed, "errors": list(errors)}
    return Judge(source, Expected(("SOURCE_TIMEOUT",))).judged(HEALTHY, answer)


def test_the_judge_sees_what_is_wrong() -> None:
    wrong = [
        _judged(registry={"name": "b", "latest": None}),
        _judged(registry=None),
        _judged(orchestrator=None),
        _judged("studio-mlflow", {"path": ["registry"], "extensions": SAID}),
        _judged("studio-mlflow", {"path": ["registry"], "extensions": SAID | {"code": "INTERNAL"}}, registry=None),
        _judged("studio-mlflow", {"path": ["registry"], "extensions": SAID | {"source": "airflow"}}, registry=None),
        _judged("studio-mlflow", *[{"path": ["registry"], "extensions": SAID}] * 2, registry=None),
        _judged(registryList=HEALTHY["data"]["registryList"] | {"nodes": [{"name": "a"}]}),
        _judged(registryList=HEALTHY["data"]["registryList"] | {"nodes": [{"name": "b"}, {"name": "a"}]}),
        _judged(registryList=HEALTHY["data"]["registryList"] | {"nodes": [{"name": "a"}, {"name": "a"}]}),
        _judged(registryList=HEALTHY["data"]["registryList"] | {"nodes": [{"name": "a"}, {"name": "c"}]}),
        _judged(registryList=HEALTHY["data"]["registryList"] | {"totalCount": 3}),
        _judged("airflow", linked={"producedBy": {"state": "DANGLING", "code": "NOT_FOUND", "node": None}}),
        _judged("airflow", linked={"producedBy": {"state": "UNAVAILABLE", "code": "INTERNAL", "node": None}}),
    ]
    assert [bool(each) for each in wrong] == [True] * len(wrong)


def test_the_judge_takes_what_is_missing_and_said() -> None:
    cut = {
        "nodes": [{"name": "a"}],
        "totalCount": None,
        "pageInfo": {"hasNextPage": True},
        "completeness": {"complete": False},
    }
    missing = {"producedBy": {"state": "UNAVAILABLE", "code": "SOURCE_TIMEOUT", "node": None}}
    summary = {"path": ["linked", "producedBy", "node"], "extensions": SAID | {"source": "airflow", "count": 1}}
    assert _judged() == []
    assert _judged("studio-mlflow", {"path": ["registry"], "extensions": SAID}, registry=None, registryList=cut) == []
    assert _judged("airflow", summary, linked=missing) == []
