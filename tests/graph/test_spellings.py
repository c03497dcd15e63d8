"""References as people misspell, half-write and contradict them, with the names of links set in the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.company import Asset, Company, Dag, Experiment, Model, Registry, TrainingRun, Variation, Version
from gateway.demo.parts import as_json, at, chain, dag_run, serves
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from tests.graph.client import Graph, graph_over
from tests.graph.ids import id_of, version_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRAIN, OTHER = "speller.train", "speller.other"
ONE, TWO = "manual__2026-11-01T04:00:00+00:00", "manual__2026-11-02T04:00:00+00:00"
CREATED = at("2026-11-03T04:00:00Z")
FIRST_TEST, SECOND_TEST = "winback-offer", "trailer-moments"
TRAINED = "0" * 31 + "1"

VERSIONS: dict[int, dict[str, str]] = {
    1: {"airflow.dag_id": TRAIN, "airflow.dag_run_id": ONE},
    2: {"lifecycle.pipeline": TRAIN},
    3: {"lifecycle.pipeline": f"airflow://prod/{TRAIN}", "lifecycle.pipeline_run": TWO},
    4: {"lifecycle.pipeline": f"airflow://nowhere/{TRAIN}", "lifecycle.pipeline_run": ONE},
    5: {"lifecycle.pipeline": TRAIN, "lifecycle.pipeline_run": ONE},  # its training run says OTHER
    6: {"lifecycle.pipeline": "airflow://", "lifecycle.pipeline_run": ONE},
    7: {"ab_test_cells": '[{"test_id": "winback-offer", '},
    8: {"ab_test_cells": as_json([{"test_id": "nobody", "cell_number": 1}])},
    9: {"ab_test_cells": as_json([{"test_id": FIRST_TEST, "cell_number": 9, "cell_name": "no such cell"}])},
    10: {"ab_test_cells": as_json([{"test_id": "exp_e20161499a9451c0", "cell_number": 1}])},
    11: {"ab_test_cells": as_json([{"test_id": FIRST_TEST, "cell_name": "Offer"}, {"test_id": SECOND_TEST}])},
    12: {"feast.feature_refs": "view:a, view:b"},
}


def company() -> Company:
    told = story()
    studio, others = told.registries[0], told.registries[1:]
    versions = tuple(
        Version(number, CREATED, CREATED, run_id=TRAINED if number in (5, 12) else None, tags=tags)
        for number, tags in VERSIONS.items()
    )
    run = TrainingRun(
        TRAINED,
        "1",
        "trained",
        "maya.ortiz",
        "FINISHED",
        CREATED,
        CREATED,
        tags={
            "lifecycle.pipeline": OTHER,
            "lifecycle.pipeline_run": TWO,
            "feast.feature_refs": as_json(["view:b", "view:c"]),
        },
    )
    speller = Model("speller", CREATED, CREATED, aliases={"old": 12}, versions=versions)
    registry = Registry(studio.name, studio.groups, (*studio.models, speller), (*studio.runs, run))

    airflow = told.orchestrators[0]
    tasks = chain("train")
    dags = tuple(Dag(name, CREATED, tasks=tasks) for name in (TRAIN, OTHER))
    text = as_json([{"test_id": FIRST_TEST, "cell_number": 1}, {"test_id": FIRST_TEST, "cell_number": 2}])
    runs = (
        dag_run(TRAIN, ONE, tasks, at("2026-11-01T04:00:00Z"), conf={"ab_test_cells": text}),
        dag_run(TRAIN, TWO, tasks, at("2026-11-02T04:00:00Z"), conf={"ab_test_cells": [{"test_id": "nobody"}, 7]}),
        dag_run(OTHER, TWO, tasks, at("2026-11-02T04:00:00Z"), conf={"ab_test_cells": "{"}),
    )
    assets = tuple(
        Asset(uri, uri, producers=((OTHER, "train"),))
        for uri in (
            "mlflow://prod-mlflow/models/speller/3",
            "mlflow://prod-mlflow/models/speller/99",
            "mlflow://nowhere/models/speller",
            "mlflow://studio-mlflow/models/nobody",
        )
    )
    orchestrator = replace(
        airflow, dags=(*airflow.dags, *dags), runs=(*airflow.runs, *runs), assets=(*airflow.assets, *assets)
    )

    growthbook = told.platforms[0]
    template = next(test for test in growthbook.experiments if test.key == FIRST_TEST)

    def test(key: str, control: str, treatment: str, **more: Any) -> Experiment:
        values = (Variation("control", "Control", 0.5, control), Variation("treatment", "Treatment", 0.5, treatment))
        return replace(template, id=f"exp_{key}", key=key, name=key, variations=values, **more)

    tests = (
        test("gone-version", serves("speller", version=99), serves("speller", alias="nobody")),
        test("same-name", serves("title-ranker", version=1), as_json(["models:/speller/1", "models:/speller@old"])),
        test("tagged", "off", "on", tags=("model:speller", "model:nobody")),
    )
    platform = replace(growthbook, experiments=(*growthbook.experiments, *tests))
    return Company((registry, *others), (orchestrator,), (platform,))


SAID = {
    'name = "airflow"\n': 'name = "airflow"\nalso_named = ["prod"]\n',
    'name = "studio-mlflow"\n': 'name = "studio-mlflow"\nalso_named = ["prod-mlflow"]\n',
    'name = "growthbook"\n': 'name = "growthbook"\nlinks.registry = "studio-mlflow"\n',
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def spelled() -> AsyncIterator[Graph]:
    async with serve_company(company(), remember=True) as running:
        settings = running.settings
        for plain, said in SAID.items():
            assert plain in settings
            settings = settings.replace(plain, said)
        async with graph_over(settings, ENVIRONMENT, running.served) as graph:
            yield graph


async def version(graph: Graph, number: int, fields: str) -> Any:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on ModelVersion {{ {fields} }} }} }}"
    return (await graph.ask(query, id=version_id(f"speller/{number}")))["data"]["node"]


# ---------------------------------------------------------------- where versions come from


@pytest.mark.parametrize(
    ("number", "link"),
    [
        (1, ("RESOLVED", None, f"{TRAIN}/{ONE}", ["studio-mlflow: version tag airflow.dag_id"])),
        (2, None),  # a pipeline, but no run of it
        (3, ("RESOLVED", None, f"{TRAIN}/{TWO}", ["studio-mlflow: version tag lifecycle.pipeline"])),
        (
            4,
            (
                "UNAVAILABLE",
                "SOURCE_UNAVAILABLE",
                f"{TRAIN}/{ONE}",
                ["studio-mlflow: version tag lifecycle.pipeline"],
            ),
        ),
        # the version's own tag is nearer than its run's, which says another run and is no evidence of this one
        (5, ("RESOLVED", None, f"{TRAIN}/{ONE}", ["studio-mlflow: version tag lifecycle.pipeline"])),
        (6, None),
        (12, ("RESOLVED", None, f"{OTHER}/{TWO}", ["studio-mlflow: run tag lifecycle.pipeline"])),
    ],
)
async def test_a_version_comes_from_where_its_tags_say(spelled: Graph, number: int, link: Any) -> None:
    answer = await version(spelled, number, "producedBy { state code ref { key } evidence { assertedBy } }")
    found = answer["producedBy"]
    if found is not None:
        found = (
            found["state"],
            found["code"],
            found["ref"]["key"],
            [item["assertedBy"] for item in found["evidence"]],
        )
    assert found == link


async def test_a_system_that_is_not_configured_is_named_in_the_error(spelled: Graph) -> None:
    answer = await spelled.ask(
        "query($id: ID!) { node(id: $id) { ... on ModelVersion { producedBy { state } } } }", id=version_id("speller/4")
    )
    (error,) = answer["errors"]
    assert error["message"] == "nowhere is not a configured source."
    assert error["path"] == ["node", "producedBy", "state"]


async def test_a_model_is_made_by_the_pipelines_its_versions_name_even_without_a_run(spelled: Graph) -> None:
    answer = await spelled.ask(
        '{ model(name: "speller") { producers { edges { state code ref { source key } evidence { assertedBy } } } } }'
    )
    made = "studio-mlflow: what produced version"
    assert answer["data"]["model"]["producers"]["edges"] == [
        {
            "state": "UNAVAILABLE",
            "code": "SOURCE_UNAVAILABLE",
            "ref": {"source": "-", "key": TRAIN},
            "evidence": [{"assertedBy": f"{made} 4"}],
        },
        {
            "state": "RESOLVED",
            "code": None,
            "ref": {"source": "airflow", "key": OTHER},
            "evidence": [{"assertedBy": f"{made} 12"}],
        },
        {
            "state": "RESOLVED",
            "code": None,
            "ref": {"source": "airflow", "key": TRAIN},
            "evidence": [{"assertedBy": f"{made} 5"}],
        },
    ]


async def test_outlet_assets_name_versions_models_and_what_is_not_there(spelled: Graph) -> None:
    answer = await spelled.ask("""{ pipeline(name: "speller.other") { modelVersions { totalCount edges { state code
      ref { kind source key } node { version } model { name } evidence { assertedBy } } }
      produces { totalCount } } }""")
    edges = {edge["ref"]["key"]: edge for edge in answer["data"]["pipeline"]["modelVersions"]["edges"]}
    outlet = "airflow: outlet asset mlflow://{}"
    assert {key: (edge["state"], edge["code"], edge["ref"]["source"]) for key, edge in edges.items()} == {
        "speller/3": ("RESOLVED", None, "studio-mlflow"),
        "speller/99": ("DANGLING", "NOT_FOUND", "studio-mlflow"),
        # registered from a run that says so, whatever the version's own tag says
        "speller/5": ("RESOLVED", None, "studio-mlflow"),
        "speller/12": ("RESOLVED", None, "studio-mlflow"),
        "speller": ("UNAVAILABLE", "SOURCE_UNAVAILABLE", "-"),
        "nobody": ("DANGLING", "NOT_FOUND", "studio-mlflow"),
    }
    assert edges["speller/3"]["evidence"] == [{"assertedBy": outlet.format("prod-mlflow/models/speller/3")}]
    assert edges["speller/3"]["node"] == {"version": "3"}
    assert edges["speller/99"]["node"] is None
    assert edges["speller/99"]["model"] == {"name": "speller"}
    assert edges["speller/12"]["evidence"] == [{"assertedBy": "studio-mlflow: run tag lifecycle.pipeline"}]
    assert edges["speller"]["model"] is None
    assert answer["data"]["pipeline"]["produces"] == {"totalCount": 0}  # models are no datasets


# ---------------------------------------------------------------- cells

USES = """edges { state code running ref { source key } node { key } variations { key } evidence { assertedBy } }
  completeness { complete }"""


@pytest.mark.parametrize(
    ("number", "usage", "expected"),
    [
        (7, "EVER", []),  # no JSON
        (8, "CURRENT", []),  # nothing of that name runs
        (8, "EVER", [("DANGLING", "nobody", None)]),
        (8, "DRAFT", [("DANGLING", "nobody", None)]),
        (9, "CURRENT", [("RESOLVED", FIRST_TEST, None)]),  # the test is known, the cell is not
        (10, "CURRENT", [("RESOLVED", FIRST_TEST, ["control"])]),
        (11, "CURRENT", [("RESOLVED", FIRST_TEST, ["offer"])]),
        (11, "EVER", [("RESOLVED", FIRST_TEST, ["offer"]), ("RESOLVED", SECOND_TEST, None)]),
        (11, "DRAFT", []),
    ],
)
async def test_cells_of_a_version_lead_to_tests_of_the_window(
    spelled: Graph, number: int, usage: str, expected: list[Any]
) -> None:
    """Evidence of a test is not withheld because its cell cannot be found, nor is a cell made up."""
    answer = await version(spelled, number, f"experiments(usage: {usage}) {{ {USES} }}")
    page = answer["experiments"]
    found = [
        (
            edge["state"],
            edge["node"]["key"] if edge["node"] else edge["ref"]["key"],
            edge["variations"] and [item["key"] for item in edge["variations"]],
        )
        for edge in page["edges"]
    ]
    assert found == expected
    assert page["completeness"] == {"complete": True}
    for edge in page["edges"]:
        assert edge["evidence"] == [{"assertedBy": "studio-mlflow: version tag ab_test_cells"}]
        assert edge["running"] is (None if edge["state"] == "DANGLING" else edge["node"]["key"] == FIRST_TEST)


async def test_the_test_leads_back_to_the_versions_with_its_key_or_its_id_in_their_tag(spelled: Graph) -> None:
    query = (
        "query($key: String!) { experiment(key: $key) { testedModels { edges { ref { key } variations { key } } } } }"
    )
    answer = await spelled.data(query, key=FIRST_TEST)
    found = {
        edge["ref"]["key"]: edge["variations"] and [item["key"] for item in edge["variations"]]
        for edge in answer["experiment"]["testedModels"]["edges"]
    }
    assert found == {
        "churn 30% uplift/1": ["offer"],
        "speller/9": None,
        "speller/10": ["control"],
        "speller/11": ["offer"],
    }


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (f"{TRAIN}/{ONE}", [("RESOLVED", FIRST_TEST, ["control", "offer"])]),  # two cells of one test are one link
        (f"{TRAIN}/{TWO}", [("DANGLING", "nobody", None)]),
        (f"{OTHER}/{TWO}", []),
    ],
)
async def test_cells_of_a_run_lead_to_their_tests(spelled: Graph, run: str, expected: list[Any]) -> None:
    answer = await spelled.data(
        "query($id: ID!) { node(id: $id) { ... on PipelineRun { testedIn { state ref { key } node { key } "
        "variations { key } } } } }",
        id=id_of("pipeline-run", "airflow", run),
    )
    assert [
        (
            link["state"],
            link["node"]["key"] if link["node"] else link["ref"]["key"],
            link["variations"] and [item["key"] for item in link["variations"]],
        )
        for link in answer["node"]["testedIn"]
    ] == expected


# ---------------------------------------------------------------- values


async def test_a_version_that_is_not_there_dangles_and_an_alias_of_nobody_leaves_the_model(spelled: Graph) -> None:
    answer = await spelled.data("""{ experiment(key: "gone-version") { testedModels { edges { state code
      ref { kind key } node { version } model { name } variations { key } } } } }""")
    assert answer["experiment"]["testedModels"]["edges"] == [
        {
            "state": "DANGLING",
            "code": "NOT_FOUND",
            "ref": {"kind": "MODEL_VERSION", "key": "speller/99"},
            "node": None,
            "model": {"name": "speller"},
            "variations": [{"key": "control"}],
        },
        {
            "state": "RESOLVED",
            "code": None,
            "ref": {"kind": "MODEL", "key": "speller"},
            "node": None,
            "model": {"name": "speller"},
            "variations": [{"key": "treatment"}],
        },
    ]


async def test_a_platform_that_says_which_registry_it_means_is_never_ambiguous(spelled: Graph) -> None:
    answer = await spelled.data("""{ experiment(key: "same-name") { variations { models { state ref { entityId }
      version { version aliases } alias evidence { assertedBy } } } } }""")
    control, treatment = answer["experiment"]["variations"]
    assert control["models"] == [
        {
            "state": "RESOLVED",
            "ref": {"entityId": "mlg://model/studio-mlflow/title-ranker"},
            "version": {"version": "1", "aliases": []},
            "alias": None,
            "evidence": [{"assertedBy": "growthbook: value of variation control"}],
        }
    ]
    assert [(link["version"]["version"], link["alias"]) for link in treatment["models"]] == [("1", None), ("12", "old")]


async def test_a_model_of_another_registry_is_not_meant(spelled: Graph) -> None:
    query = """query($source: String!) { model(name: "title-ranker", source: $source) {
      experiments(usage: EVER) { edges { node { key } } } } }"""
    ours = (await spelled.data(query, source="studio-mlflow"))["model"]["experiments"]["edges"]
    theirs = (await spelled.data(query, source="personalization-mlflow"))["model"]["experiments"]["edges"]
    assert {edge["node"]["key"] for edge in ours} == {"same-name", "two-stage-home", "directors-cut-first"}
    assert theirs == []


async def test_a_tag_names_the_model_and_another_that_is_not_there(spelled: Graph) -> None:
    answer = await spelled.data("""{ experiment(key: "tagged") { testedModels { edges { state ref { source key }
      variations { key } evidence { assertedBy } } } } }""")
    assert answer["experiment"]["testedModels"]["edges"] == [
        {
            "state": state,
            "ref": {"source": "studio-mlflow", "key": name},
            "variations": None,
            "evidence": [{"assertedBy": f"growthbook: tag model:{name}"}],
        }
        for state, name in (("DANGLING", "nobody"), ("RESOLVED", "speller"))
    ]


# ---------------------------------------------------------------- features


async def test_features_of_a_version_and_its_run_are_united(spelled: Graph) -> None:
    answer = await version(spelled, 12, "features { node { name } evidence { assertedBy } }")
    version_tag, run_tag = (
        "studio-mlflow: version tag feast.feature_refs",
        "studio-mlflow: run tag feast.feature_refs",
    )
    assert [(item["node"]["name"], [one["assertedBy"] for one in item["evidence"]]) for item in answer["features"]] == [
        ("view:a", [version_tag]),
        ("view:b", [version_tag, run_tag]),
        ("view:c", [run_tag]),
    ]
