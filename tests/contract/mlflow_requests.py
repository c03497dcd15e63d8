"""What is sent to an MLflow with the studio's registry in raw HTTP: limits, empty answers, unknown ids, bad filters."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.demo.company import Registry
from tests.contract.questions import Raw

API = "/api/2.0/mlflow"
MODELS, VERSIONS = f"{API}/registered-models", f"{API}/model-versions"
VOLATILE = frozenset({"source", "creation_time", "last_update_time", "message"})
"""A version's artifacts, the times of MLflow's own groups of runs, and the sentence of a refusal beside its code."""
INVALID, ABSENT = ['"INVALID_PARAMETER_VALUE"'], ['"RESOURCE_DOES_NOT_EXIST"']
ALL_GROUPS = ["0", "1", "2", "3"]


def models(about: str, status: int, says: Sequence[str] = (), **query: str) -> Raw[Registry]:
    return Raw(f"models: {about}", f"{MODELS}/search", status, says, query=[*query.items()])


def versions(about: str, status: int, says: Sequence[str] = (), **query: str) -> Raw[Registry]:
    return Raw(f"versions: {about}", f"{VERSIONS}/search", status, says, query=[*query.items()])


def runs(about: str, status: int, says: Sequence[str] = (), **body: object) -> Raw[Registry]:
    body = {"experiment_ids": ALL_GROUPS, **body}
    return Raw(f"runs: {about}", f"{API}/runs/search", status, says, method="POST", body=body)


def one(about: str, path: str, status: int, says: Sequence[str] = (), **query: str) -> Raw[Registry]:
    return Raw(about, f"{API}/{path}", status, says, query=[*query.items()])


REQUESTS: list[Raw[Registry]] = [
    Raw("health", "/health", 200, ["OK"]),
    Raw("version", "/version", 200, ["3.1"]),
    Raw("an address that is not there", f"{API}/registered-models/find", 404),
    Raw("a method that is not there", f"{MODELS}/search", 405, method="PUT", body={}),
    models("the most that one page may have", 200, max_results="1000"),
    models("more than that", 400, INVALID, max_results="1001"),
    models("less than none", 200, ["next_page_token"], max_results="-1"),
    models("a limit that is no number", 400, INVALID, max_results="many"),
    models("a page", 200, ["next_page_token"], max_results="2", order_by="name ASC"),
    models("none match", 200, ["{}"], filter="name = 'gone'"),
    models("by a pattern", 200, ["title-ranker"], filter="name LIKE '%ranker%'", order_by="name DESC"),
    models("by a pattern in any case", 200, ["title-ranker"], filter="name ILIKE '%RANKER'"),
    models("by a tag", 200, ["fraud-screen"], filter="tags.`domain` = 'payments'", order_by="name"),
    models(
        "by not having a tag's value", 200, ["title-ranker"], filter="tags.domain != 'payments' AND tags.team != 'x'"
    ),
    models("two clauses", 200, ["title-ranker"], filter="name LIKE '%-ranker' AND tags.domain = 'studio'"),
    models("an unquoted name", 400, INVALID, filter="name = ranker"),
    models("OR", 400, INVALID, filter="name = 'a' OR name = 'b'"),
    models("two statements", 400, INVALID, filter="name = 'a'; name = 'b'"),
    models("half a clause", 400, INVALID, filter="name ="),
    models("an attribute that is none", 400, INVALID, filter="description = 'a'"),
    models("a comparison that is none", 400, INVALID, filter="name > 'a'"),
    models("an escaped quote ends nothing", 200, ["{}"], filter="name = 'it''s'"),
    models("an empty list", 400, INVALID, filter="name IN ()"),
    models("a list of numbers", 400, INVALID, filter="name IN (1, 2)"),
    models("an order that is none", 400, INVALID, order_by="size"),
    models("a page token that is none", 400, INVALID, page_token="garbage!"),
    models("a token of another form", 400, INVALID, page_token="e30="),
    versions("none", 400, INVALID, max_results="0"),
    versions("more than one page may have", 400, INVALID, max_results="200001"),
    versions("none match", 200, ["{}"], filter="name = 'trailer-cutter'"),
    versions(
        "between numbers",
        200,
        ["content-embedding"],
        filter="name = 'content-embedding' AND version_number >= 3 AND version_number <= 4",
    ),
    versions(
        "by number, highest first",
        200,
        filter="name = 'content-embedding'",
        order_by="version_number DESC",
        max_results="3",
    ),
    versions(
        "by a tag with dots",
        200,
        ["content-embedding"],
        filter="tags.`lifecycle.pipeline` = 'studio_content_embedding_nightly'",
    ),
    versions("a number in quotes", 200, filter="version_number = '7'", order_by="name"),
    versions("the attribute version", 400, INVALID, filter="version = '7'"),
    versions("no run", 200, ["poster.art.picker"], filter="run_id = ''"),
    one("a model: no name", "registered-models/get", 400, INVALID),
    one("a model: unknown", "registered-models/get", 404, ABSENT, name="gone"),
    one("a model: a slash", "registered-models/get", 400, INVALID, name="a/b"),
    one("a model: one with quotes", "registered-models/get", 200, ["production"], name='café-ranker "v2"'),
    one("an alias", "registered-models/alias", 200, ["champion"], name="content-embedding", alias="champion"),
    one(
        "an alias: unknown",
        "registered-models/alias",
        400,
        [*INVALID, "alias gone not found"],
        name="content-embedding",
        alias="gone",
    ),
    one("an alias: of no model", "registered-models/alias", 404, ABSENT, name="gone", alias="champion"),
    one("an alias: not given", "registered-models/alias", 400, INVALID, name="content-embedding"),
    one("an alias: a space", "registered-models/alias", 400, INVALID, name="content-embedding", alias="a b"),
    one("a version", "model-versions/get", 200, ["champion"], name="content-embedding", version="7"),
    one("a version: 07", "model-versions/get", 200, ["champion"], name="content-embedding", version="07"),
    one("a version: unknown", "model-versions/get", 404, ABSENT, name="content-embedding", version="99"),
    one("a version: of no model", "model-versions/get", 404, ABSENT, name="gone", version="1"),
    one("a version: no number", "model-versions/get", 400, INVALID, name="content-embedding", version="x"),
    one("a run: unknown", "runs/get", 404, ABSENT, run_id="0123456789abcdef0123456789abcdef"),
    one("a run: no id", "runs/get", 400, INVALID),
    one("groups: no limit", "experiments/search", 400, INVALID),
    one("groups: all", "experiments/search", 200, ["studio/production-planning"], max_results="10", order_by="name"),
    one("groups: by name", "experiments/search", 200, ["payments/risk"], max_results="10", filter="name LIKE 'pay%'"),
    one("groups: deleted ones", "experiments/search", 200, ["{}"], max_results="10", view_type="DELETED_ONLY"),
    runs("no groups", 200, ["{}"], experiment_ids=[]),
    runs("more than one page may have", 400, INVALID, max_results=50001),
    runs("newest first", 200, ["content-embedding 8", "next_page_token"], max_results=2),
    runs(
        "by a tag",
        200,
        ["fraud-screen 2"],
        filter="tags.`lifecycle.pipeline` = 'airflow://airflow/payments_fraud_screen'",
    ),
    runs(
        "by a metric",
        200,
        ["content-embedding 8"],
        filter="metrics.recall_at_10 > 0.7",
        order_by=["metrics.recall_at_10 DESC"],
    ),
    runs("by a parameter", 200, ["content-embedding 3"], filter="params.window = '12'"),
    runs("by a dataset", 200, ["content-embedding 7"], filter="dataset.name = 'studio.shots'"),
    runs("without a tag", 200, filter="tags.`lifecycle.pipeline` IS NULL", max_results=3),
    runs("a metric that is no number", 400, INVALID, filter="metrics.recall_at_10 > 'x'"),
    runs("a dataset's field that is none", 400, INVALID, filter="dataset.uri = 'x'"),
    runs("an entity that is none", 400, INVALID, filter="metadata.x = 'y'"),
]
