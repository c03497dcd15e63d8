"""The demo company is the same each time, holds every way of linking, and dangles only where the story means it to."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache

import pytest

from gateway.demo.company import Company
from gateway.demo.generator import build
from gateway.demo.parts import NOW
from gateway.demo.story import story
from tests.gateway.references import (
    LINK_TAGS,
    dangling,
    model_named,
    named_models,
    pipeline_links,
    training_run,
    versions,
)

CHAMPION_RUN = "asset_triggered__2026-11-09T02:06:00+00:00"


@cache
def company() -> Company:
    return build(1200)


@pytest.fixture(params=["story", "whole"])
def told(request: pytest.FixtureRequest) -> Company:
    return story() if request.param == "story" else company()


# ---------------------------------------------------------------- the same, and as much as asked for


def test_two_builds_are_equal() -> None:
    assert build(400) == build(400)
    assert story() == story()


def test_the_company_has_as_much_as_is_asked_for() -> None:
    whole = company()
    assert sum(len(registry.models) for registry in whole.registries) == 1200
    assert len(whole.orchestrators[0].dags) == 400
    assert len(whole.platforms[0].experiments) == 800
    small = build(90)
    assert sum(len(registry.models) for registry in small.registries) == 90
    assert (len(small.orchestrators[0].dags), len(small.platforms[0].experiments)) == (30, 60)


def test_a_company_smaller_than_the_story_is_the_story_alone() -> None:
    small, tale = build(1), story()
    assert [registry.models for registry in small.registries] == [registry.models for registry in tale.registries]
    assert (small.orchestrators, small.platforms) == (tale.orchestrators, tale.platforms)


def test_experiments_are_in_every_state_in_the_usual_proportion() -> None:
    states = Counter("archived" if row.archived else row.status for row in company().platforms[0].experiments)
    assert abs(states["running"] - 300) < 10
    assert abs(states["stopped"] - 250) < 10
    assert abs(states["draft"] - 150) < 10
    assert abs(states["archived"] - 100) < 10


def test_three_models_in_five_name_their_pipeline() -> None:
    tags = {run.run_id: run.tags for registry in company().registries for run in registry.runs}
    linked = {
        model.name for model, version in versions(company()) if pipeline_links(tags.get(version.run_id or "", {}))
    }
    assert 0.5 < len(linked) / 1200 < 0.7


def test_the_story_is_in_the_whole_unchanged_and_nothing_else_names_it() -> None:
    """Otherwise an answer about the story would depend on the size of the company around it."""
    whole, tale = company(), story()
    for mine, all_ in zip(tale.registries, whole.registries, strict=True):
        assert all_.models[: len(mine.models)] == mine.models
        assert all_.runs[: len(mine.runs)] == mine.runs
    for part in ("dags", "assets", "events"):
        mine = getattr(tale.orchestrators[0], part)
        assert getattr(whole.orchestrators[0], part)[: len(mine)] == mine
    told = {(run.dag_id, run.run_id) for run in tale.orchestrators[0].runs}
    kept = tuple(run for run in whole.orchestrators[0].runs if (run.dag_id, run.run_id) in told)
    assert kept == tale.orchestrators[0].runs
    tests = tale.platforms[0].experiments
    assert whole.platforms[0].experiments[: len(tests)] == tests

    names = {model.name for registry in tale.registries for model in registry.models}
    rest = whole.platforms[0].experiments[len(tests) :]
    assert not [row.key for row in rest for said in named_models(row) if said.name in names]
    people = {run.user for registry in tale.registries for run in registry.runs}
    users = Counter(run.user for registry in whole.registries for run in registry.runs)
    assert sum(users[user] for user in people) == sum(len(registry.runs) for registry in tale.registries)


# ---------------------------------------------------------------- references


def test_only_the_story_dangles_and_only_where_it_means_to(told: Company) -> None:
    assert sorted(dangling(told)) == [
        "content-embedding/3: no run scheduled__2026-02-17T02:00:00+00:00 of studio_content_embedding_nightly",
        "legacy-subtitle-aligner/1: no training run",
        "skip-intro-timing: no model skip-intro-net",
    ]


def test_identities_are_unique(told: Company) -> None:
    orchestrator, platform = told.orchestrators[0], told.platforms[0]
    unique: list[list[object]] = [
        [run.run_id for registry in told.registries for run in registry.runs],
        [dag.dag_id for dag in orchestrator.dags],
        [(run.dag_id, run.run_id) for run in orchestrator.runs],
        [asset.uri for asset in orchestrator.assets],
        [asset.name for asset in orchestrator.assets],
        [row.key for row in platform.experiments],
        [row.id for row in platform.experiments],
    ]
    for registry in told.registries:
        unique.append([model.name for model in registry.models])
        for model in registry.models:
            assert [version.version for version in model.versions] == list(range(1, len(model.versions) + 1))
    for identities in unique:
        assert len(identities) == len(set(identities))


def test_one_model_name_is_in_both_registries(told: Company) -> None:
    names = Counter(model.name for registry in told.registries for model in registry.models)
    assert [name for name, count in names.items() if count > 1] == ["title-ranker"]


def test_run_ids_repeat_between_pipelines(told: Company) -> None:
    ids = Counter(run.run_id for run in told.orchestrators[0].runs)
    assert ids.most_common(1)[0][1] > 1


def test_pipeline_runs_and_their_events_follow_each_other(told: Company) -> None:
    began = {}
    for run in told.orchestrators[0].runs:
        assert run.started is not None
        assert run.queued <= run.started <= (run.ended or NOW) <= NOW
        began[run.dag_id, run.run_id] = run.started
    for event in told.orchestrators[0].events:
        assert began[event.dag_id, event.run_id] <= event.at <= NOW
        assert all(event.at <= began[fed] for fed in event.triggered)


def test_a_version_is_trained_and_registered_while_its_pipeline_run_lasts(told: Company) -> None:
    pipeline_runs = {(run.dag_id, run.run_id): run for run in told.orchestrators[0].runs}
    training_runs = {run.run_id: run for registry in told.registries for run in registry.runs}
    for model, version in versions(told):
        assert model.created <= version.created <= model.updated <= NOW
        run = training_runs.get(version.run_id or "")
        for link in pipeline_links(run.tags) if run else ():
            if link in pipeline_runs:
                made_by = pipeline_runs[link]
                span = (made_by.started or NOW, run.started if run else 0, version.created, made_by.ended or NOW)
                assert list(span) == sorted(span), (model.name, version.version)


def test_nothing_is_tested_before_it_exists(told: Company) -> None:
    created = {(model.name, str(version.version)): version.created for model, version in versions(told)}
    for experiment in told.platforms[0].experiments:
        assert experiment.created <= experiment.updated <= NOW
        for phase in experiment.phases:
            assert phase.started <= (phase.ended or NOW) <= NOW
            assert all(created.get((said.name, said.version), 0) <= phase.started for said in named_models(experiment))


# ---------------------------------------------------------------- every way of linking


def test_every_way_of_linking_a_version_to_its_pipeline_occurs(told: Company) -> None:
    runs = [run.tags for registry in told.registries for run in registry.runs]
    for key, run_key in LINK_TAGS:
        assert any(key in tags and run_key in tags for tags in runs), key
    assert any(tags.get("lifecycle.pipeline", "").startswith("airflow://airflow/") for tags in runs)
    assert any(tags.get("lifecycle.pipeline", "airflow://").partition(":")[0] != "airflow" for tags in runs)
    assert any("lifecycle.pipeline" in version.tags for _, version in versions(told))


def test_every_way_of_linking_a_pipeline_to_a_model_occurs(told: Company) -> None:
    models = [asset for asset in told.orchestrators[0].assets if asset.uri.startswith("mlflow://")]
    assert any(asset.producers for asset in models)
    assert any(asset.consumers for asset in models)
    assert any(tag.startswith("model:") for dag in told.orchestrators[0].dags for tag in dag.tags)
    assert any(event.extra.keys() == {"model_version", "mlflow_run_id"} for event in told.orchestrators[0].events)


def test_every_way_of_naming_a_model_in_an_experiment_occurs(told: Company) -> None:
    values = [variation.value or "" for row in told.platforms[0].experiments for variation in row.variations]
    for form in (
        r'^\{"model": "[^{}]*, "version": \d+\}$',
        r'^\{"model": "[^{}]*, "alias": "\w+"\}$',
        r'^\{"model": "[^{},]*"\}$',
        r'^\{"model_name": .*"model_version": ',
        r'^\{"\w+": \{"model": ',
        r'\{"model": .*\{"model": ',
        r"^models:/.+/\d+$",
        r"^models:/.+@\w+$",
        r"^\w+$",
    ):
        assert any(re.search(form, value) for value in values), form
    assert any(tag.startswith("model:") for row in told.platforms[0].experiments for tag in row.tags)
    assert any("ab_test_cells" in run.conf for run in told.orchestrators[0].runs)
    assert any("ab_test_cells" in version.tags for _, version in versions(told))


def test_every_source_of_datasets_and_features_occurs(told: Company) -> None:
    runs = [run for registry in told.registries for run in registry.runs]
    assert any(run.datasets and run.datasets[0].schema for run in runs)
    assert any("feast.feature_refs" in run.tags for run in runs)
    history = next(run.tags["mlflow.log-model.history"] for run in runs if "mlflow.log-model.history" in run.tags)
    assert json.loads(json.loads(history)[0]["signature"]["inputs"])[0].keys() == {"name", "type", "required"}


def test_experiments_are_complete_in_what_their_state_allows(told: Company) -> None:
    experiments = told.platforms[0].experiments
    assert {row.status for row in experiments} == {"draft", "running", "stopped"}
    assert any(row.archived for row in experiments)
    assert any(len(row.phases) > 1 for row in experiments)
    assert any(row.goals and row.secondary and row.guardrails and row.hypothesis for row in experiments)
    for row in experiments:
        assert bool(row.phases) == (row.status != "draft")
        assert bool(row.results) >= (row.status == "stopped")
        assert sum(variation.weight for variation in row.variations) == pytest.approx(1, abs=0.001)
        assert all(phase.ended for phase in row.phases) or row.status == "running"


def test_the_oddities_are_there() -> None:
    tale = story()
    models = {model.name: model for registry in tale.registries for model in registry.models}
    names = "".join(models)
    assert all(character in names for character in "'\"%. é検")
    assert any("'" in name and '"' in name for name in models)
    assert "owner" not in models["legacy-subtitle-aligner"].tags
    assert not models["trailer-cutter"].versions
    assert models["poster.art.picker"].versions[0].run_id is None
    broken = next(row for row in tale.platforms[0].experiments if row.key == "fraud-screen-threshold")
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken.variations[1].value or "")


# ---------------------------------------------------------------- the story itself


def test_the_champion_came_from_a_run_whose_upstream_failed() -> None:
    tale = story()
    champion = model_named(tale, "content-embedding").aliases["champion"]
    assert (champion, len(model_named(tale, "content-embedding").versions)) == (7, 8)
    run = training_run(tale, model_named(tale, "content-embedding").versions[champion - 1])
    (made_by,) = pipeline_links(run.tags)
    assert made_by[1].startswith(CHAMPION_RUN)
    assert _upstream(tale, made_by) == {"studio_frame_extraction": "success", "studio_shot_boundaries": "failed"}


def test_last_night_failed_from_the_first_pipeline_to_the_last() -> None:
    tale = story()
    runs = [run for run in tale.orchestrators[0].runs if run.dag_id == "studio_content_embedding_nightly"]
    newest = max(runs, key=lambda run: run.queued)
    assert newest.state == "failed"
    assert _upstream(tale, (newest.dag_id, newest.run_id))["studio_shot_boundaries"] == "failed"
    frames = next(
        fed for event in tale.orchestrators[0].events for fed in event.triggered if fed[0] == "studio_frame_extraction"
    )
    assert _upstream(tale, frames) == {"studio_ingest_masters": "failed"}


def test_ads_tests_the_champion_and_personalization_builds_it_again() -> None:
    tale = story()
    ads = next(row for row in tale.platforms[0].experiments if row.key == "ads-contextual-scene-match")
    assert ads.status == "running"
    assert json.loads(ads.variations[1].value or "") == {"model": "content-embedding", "version": 7}
    theirs = training_run(tale, model_named(tale, "viewer-embedding").versions[-1])
    ours = training_run(tale, model_named(tale, "content-embedding").versions[6])
    assert {row.name for row in ours.datasets} & {row.name for row in theirs.datasets} == {"studio.frames"}
    shared = set(json.loads(ours.tags["feast.feature_refs"])) & set(json.loads(theirs.tags["feast.feature_refs"]))
    assert shared == {"scene_stats:shot_len", "scene_stats:cut_rate"}


# ---------------------------------------------------------------- what real servers accept


def test_real_servers_would_accept_every_name(told: Company) -> None:
    for registry in told.registries:
        for model in registry.models:
            assert not set("/:\n") & set(model.name)
            tags = [model.tags, *(version.tags for version in model.versions)]
            assert all(re.fullmatch(r"[\w. :/-]+", key, re.ASCII) for pairs in tags for key in pairs)
        for run in registry.runs:
            assert re.fullmatch(r"[0-9a-f]{32}", run.run_id)
            assert all(re.fullmatch(r"[\w. :/-]+", key, re.ASCII) for key in run.tags)
            assert run.experiment_id in registry.groups
    for dag in told.orchestrators[0].dags:
        assert re.fullmatch(r"[\w.-]+", dag.dag_id, re.ASCII)
    for dag_run in told.orchestrators[0].runs:
        assert re.fullmatch(r"[A-Za-z0-9_.~:+-]+", dag_run.run_id)  # Airflow's allowed_run_id_pattern
        assert dag_run.run_id.partition("__")[0] == dag_run.run_type
    for asset in told.orchestrators[0].assets:
        assert asset.uri.isascii()
        assert asset.name.isascii()
    for experiment in told.platforms[0].experiments:
        assert re.fullmatch(r"[A-Za-z0-9._~-]+", experiment.key)
        assert all("," not in tag for tag in experiment.tags)  # GrowthBook's filter is a comma list
        assert all(2 <= len(tag.removeprefix("model:")) <= 50 for tag in experiment.tags)


def _upstream(told: Company, fed: tuple[str, str]) -> dict[str, str]:
    states = {(run.dag_id, run.run_id): run.state for run in told.orchestrators[0].runs}
    events = [event for event in told.orchestrators[0].events if fed in event.triggered]
    return {event.dag_id: states[event.dag_id, event.run_id] for event in events}
