"""References are read as people write them, exactly, and whatever does not parse is no reference and no error."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.conventions import (
    CellMention,
    Conventions,
    ModelMention,
    PipelineMention,
    cells_in,
    features_in_tags,
    model_in_uri,
    models_in_labels,
    models_in_value,
    pipeline_in_tags,
)

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True, database=None)

CONVENTIONS = Conventions()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = TEXT.filter(lambda name: bool(name) and not name.startswith("models:/"))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["model", "version", "alias", "test_id", "cell_number", "x"]), inner)
    ),
    max_leaves=12,
)

RANKER = ModelMention("ranker")
RANKER_3 = ModelMention("ranker", "3")


# ---------------------------------------------------------------- models in the values of variations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"model": "ranker", "version": 3}', [RANKER_3]),
        ('{"model": "ranker", "version": "3"}', [RANKER_3]),
        ('{"model": "ranker", "version": 3.0}', [RANKER_3]),
        ('{"model_name": "ranker", "model_version": "3"}', [RANKER_3]),
        ('{"modelName": "ranker", "modelVersion": 3}', [RANKER_3]),
        ('{"model": "ranker", "alias": "champion"}', [ModelMention("ranker", None, "champion")]),
        ('{"model": "ranker"}', [RANKER]),
        ('{"model": "models:/ranker/3"}', [RANKER_3]),
        ('{"ranking": {"model": "ranker", "version": 3}, "rows": 40}', [RANKER_3]),
        ('{"a": {"model": "ranker"}, "b": {"model": "ranker", "version": 3}}', [RANKER, RANKER_3]),
        ('{"model": "ranker", "fallback": {"model": "old-ranker"}}', [RANKER, ModelMention("old-ranker")]),
        ('{"model": {"model": "ranker", "version": 3}}', [RANKER_3]),
        ('{"models": ["models:/ranker/3", {"model": "ranker"}]}', [RANKER_3, RANKER]),
        ('[{"model": "ranker"}, {"model": "ranker", "version": 3}]', [RANKER, RANKER_3]),
        ('{"a": {"model": "ranker"}, "b": {"model": "ranker"}}', [RANKER]),
        ('{"uri": "models:/ranker/3"}', [RANKER_3]),
        ("models:/ranker/3", [RANKER_3]),
        ("models:/ranker@champion", [ModelMention("ranker", None, "champion")]),
        ("models:/ranker", [RANKER]),
        ('"models:/ranker/3"', [RANKER_3]),
        ("models:/検索 ranker/3", [ModelMention("検索 ranker", "3")]),
        ('models:/it\'s a "ranker"@champion', [ModelMention('it\'s a "ranker"', None, "champion")]),
        ("models:/a@b/3", [ModelMention("a@b", "3")]),
        # a logged model's id, as log_model() of MLflow 3 returns it, names no registered model
        ("models:/m-0f6f3a5c1d2b4e7f8091a2b3c4d5e6f7", []),
        ("models:/m-ranker", [ModelMention("m-ranker")]),
    ],
)
def test_a_value_names_its_models(text: str, expected: list[ModelMention]) -> None:
    assert models_in_value(CONVENTIONS, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "ranker",
        "true",
        "null",
        "3",
        "[]",
        "{}",
        '{"model": ""}',
        '{"model": null, "version": 3}',
        '{"model": true}',
        '{"model": ["ranker"]}',
        '{"version": 3}',
        '{"Model": "ranker"}',
        '{"model": "ranker", "version": 3',  # somebody lost a brace
        "{'model': 'ranker'}",
        '{"model": "models:/"}',
        '{"model": "models:/m-0f6f3a5c1d2b4e7f8091a2b3c4d5e6f7"}',
        '{"a": {"b": {"model": "ranker"}}}',  # two levels down is somebody else's configuration
        "models:/",
        "models://ranker/3",
        "models:/ranker/",
        "models:/ranker@",
        "models:/@champion",
        "models://3",
        "models:/rank/er/3",
        "see models:/ranker/3",
        "MODELS:/ranker/3",
        "runs:/0f6f/model",
        '{"a":' * 5000 + "1" + "}" * 5000,
        "[" * 100_000,
        '{"model": "ranker", "version": ' + "1" * 5000 + "}",
    ],
)
def test_what_names_no_model_is_no_link_and_no_error(text: str | None) -> None:
    assert models_in_value(CONVENTIONS, text) == []


@pytest.mark.parametrize("version", ["true", "null", "[3]", '{"of": 3}', "3.5", '""'])
def test_a_version_that_cannot_be_one_leaves_a_link_to_the_model(version: str) -> None:
    assert models_in_value(CONVENTIONS, f'{{"model": "ranker", "version": {version}}}') == [RANKER]


def test_the_keys_that_name_models_can_be_set() -> None:
    own = replace(CONVENTIONS, model_keys=("ml_model",), version_keys=("rev",), alias_keys=("stage",))
    assert models_in_value(own, '{"ml_model": "ranker", "rev": 3}') == [RANKER_3]
    assert models_in_value(own, '{"ml_model": "ranker", "stage": "x"}') == [ModelMention("ranker", None, "x")]
    assert models_in_value(own, '{"model": "ranker"}') == []


@EXAMPLES
@given(NAMES, st.integers(1, 2**63))
def test_any_name_a_registry_takes_can_be_named(name: str, version: int) -> None:
    text = json.dumps({"model": name, "version": version})
    assert models_in_value(CONVENTIONS, text) == [ModelMention(name, str(version))]
    assert models_in_value(CONVENTIONS, json.dumps({"x": json.loads(text)})) == [ModelMention(name, str(version))]


@EXAMPLES
@given(TEXT)
def test_any_text_can_be_asked_for_models(text: str) -> None:
    for mention in models_in_value(CONVENTIONS, text):
        assert mention.name
    assert model_in_uri(CONVENTIONS, text) is None


@EXAMPLES
@given(JSON_VALUES)
def test_any_json_can_be_asked_for_models_and_cells(value: object) -> None:
    for mention in models_in_value(CONVENTIONS, json.dumps(value)):
        assert mention.name
        assert mention.source is None
    for cell in cells_in(value):
        assert cell.test_id
    features_in_tags(CONVENTIONS, {"feast.feature_refs": json.dumps(value)})


# ---------------------------------------------------------------- models in labels and URIs


def test_a_label_names_a_model_by_its_exact_key() -> None:
    labels = [("model", "ranker"), ("Model", "no"), ("model", None), ("model", ""), ("models", "no"), ("team", "x")]
    assert models_in_labels(CONVENTIONS, labels) == [RANKER]
    assert models_in_labels(replace(CONVENTIONS, model_tag="ml"), [("ml", "ranker"), ("model", "no")]) == [RANKER]
    assert models_in_labels(replace(CONVENTIONS, model_tag=None), labels) == []


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mlflow://studio-mlflow/models/ranker", ModelMention("ranker", None, None, "studio-mlflow")),
        ("mlflow://studio-mlflow/models/ranker/3", ModelMention("ranker", "3", None, "studio-mlflow")),
        ("mlflow://studio-mlflow/models/it%27s%2Fone", ModelMention("it's/one", None, None, "studio-mlflow")),
        ("mlflow://s/models/%E6%A4%9C%E7%B4%A2-ranker", ModelMention("検索-ranker", None, None, "s")),
        ("mlflow:///models/ranker", None),
        ("mlflow://studio-mlflow/models/", None),
        ("mlflow://studio-mlflow/models", None),
        ("mlflow://studio-mlflow/models/ranker/3/4", None),
        ("mlflow://studio-mlflow/models/ranker/", None),
        ("mlflow://studio-mlflow/runs/ranker", None),
        ("mlflow:studio-mlflow/models/ranker", None),
        ("MLFLOW://studio-mlflow/models/ranker", None),
        ("s3://studio-mlflow/models/ranker", None),
        ("", None),
    ],
)
def test_an_asset_uri_names_a_model_of_a_registry(uri: str, expected: ModelMention | None) -> None:
    assert model_in_uri(CONVENTIONS, uri) == expected


def test_the_scheme_of_model_assets_can_be_set() -> None:
    own = replace(CONVENTIONS, model_uri_scheme="registry")
    assert model_in_uri(own, "registry://studio/models/ranker") == ModelMention("ranker", None, None, "studio")
    assert model_in_uri(own, "mlflow://studio/models/ranker") is None


@EXAMPLES
@given(NAMES)
def test_any_name_survives_in_an_asset_uri(name: str) -> None:
    uri = f"mlflow://studio/models/{quote(name, safe='')}"
    assert model_in_uri(CONVENTIONS, uri) == ModelMention(name, None, None, "studio")


# ---------------------------------------------------------------- pipelines in tags


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (
            {"lifecycle.pipeline": "train", "lifecycle.pipeline_run": "r1"},
            PipelineMention("train", "r1", None, "lifecycle.pipeline"),
        ),
        (
            {"airflow.dag_id": "train", "airflow.dag_run_id": "r1"},
            PipelineMention("train", "r1", None, "airflow.dag_id"),
        ),
        (
            {"AIRFLOW_CTX_DAG_ID": "train", "AIRFLOW_CTX_DAG_RUN_ID": "r1"},
            PipelineMention("train", "r1", None, "AIRFLOW_CTX_DAG_ID"),
        ),
        (
            {"lifecycle.pipeline": "airflow://prod/train", "lifecycle.pipeline_run": "r1"},
            PipelineMention("train", "r1", "prod", "lifecycle.pipeline"),
        ),
        (
            {"lifecycle.pipeline": "airflow://prod/train%20it"},
            PipelineMention("train it", None, "prod", "lifecycle.pipeline"),
        ),
        ({"lifecycle.pipeline": "train"}, PipelineMention("train", None, None, "lifecycle.pipeline")),
        (
            {"lifecycle.pipeline": "train", "lifecycle.pipeline_run": ""},
            PipelineMention("train", None, None, "lifecycle.pipeline"),
        ),
        # the run of one pair is never taken for the pipeline of another
        (
            {"lifecycle.pipeline": "train", "airflow.dag_run_id": "r1"},
            PipelineMention("train", None, None, "lifecycle.pipeline"),
        ),
        (
            {"lifecycle.pipeline": "mine", "lifecycle.pipeline_run": "r1", "airflow.dag_id": "theirs"},
            PipelineMention("mine", "r1", None, "lifecycle.pipeline"),
        ),
        (
            {"lifecycle.pipeline": "airflow://prod", "airflow.dag_id": "train"},
            PipelineMention("train", None, None, "airflow.dag_id"),
        ),
        ({"lifecycle.pipeline": ""}, None),
        ({"lifecycle.pipeline": "airflow://"}, None),
        ({"lifecycle.pipeline": "airflow:///train"}, None),
        ({"lifecycle.pipeline": "airflow://prod/"}, None),
        ({"lifecycle.pipeline_run": "r1"}, None),
        ({"Lifecycle.Pipeline": "train"}, None),
        ({}, None),
    ],
)
def test_tags_name_a_pipeline_and_its_run(tags: dict[str, str], expected: PipelineMention | None) -> None:
    assert pipeline_in_tags(CONVENTIONS, tags) == expected


@EXAMPLES
@given(NAMES, TEXT)
def test_any_pipeline_and_run_survive_in_tags(name: str, run_id: str) -> None:
    tags = {"lifecycle.pipeline": f"airflow://prod/{quote(name, safe='')}", "lifecycle.pipeline_run": run_id}
    assert pipeline_in_tags(CONVENTIONS, tags) == PipelineMention(name, run_id or None, "prod", "lifecycle.pipeline")


# ---------------------------------------------------------------- cells


CELL = {"test_id": "home", "cell_number": 2, "cell_name": "treatment"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([CELL], [CellMention("home", 2, "treatment")]),
        (json.dumps([CELL]), [CellMention("home", 2, "treatment")]),
        (CELL, [CellMention("home", 2, "treatment")]),
        ([CELL, CELL, {"test_id": "row"}], [CellMention("home", 2, "treatment"), CellMention("row", None, None)]),
        ([{"test_id": 12345, "cell_number": 1}], [CellMention("12345", 1, None)]),
        ([{"test_id": "home", "cell_number": True}], [CellMention("home", None, None)]),
        ([{"test_id": "home", "cell_number": "2"}], [CellMention("home", None, None)]),
        ([{"cell_number": 2}], []),
        ([{"test_id": ""}], []),
        ([{"test_id": None}, "home", 3, None, [CELL]], []),
        ("home", []),
        ("[", []),
        (None, []),
        (3, []),
        ({}, []),
    ],
)
def test_cells_are_read_from_a_list_or_its_text(value: object, expected: list[CellMention]) -> None:
    assert cells_in(value) == expected


# ---------------------------------------------------------------- features


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["view:a", "view:b"]', ["view:a", "view:b"]),
        ("view:a, view:b", ["view:a", "view:b"]),
        ("view:a", ["view:a"]),
        ('["view:a", " view:a ", "", null, 3, {"name": "x"}]', ["view:a"]),
        (" , ,", []),
        ("[]", []),
        ('{"view": "a"}', []),
        ("", []),
    ],
)
def test_a_tag_lists_features_as_json_or_with_commas(text: str, expected: list[str]) -> None:
    found = features_in_tags(CONVENTIONS, {"feast.feature_refs": text, "other": "view:c"})
    assert found == [(name, "feast.feature_refs") for name in expected]


def test_a_feature_that_two_tags_name_is_said_of_the_first() -> None:
    own = replace(CONVENTIONS, feature_tags=("one", "two"))
    assert features_in_tags(own, {"two": "a,b", "one": "b"}) == [("b", "one"), ("a", "two")]
