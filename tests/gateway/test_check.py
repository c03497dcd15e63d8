"""`check` tells an operator how the sources are, which rules find links in them, and which links lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.check import check
from gateway.check_hints import hints
from gateway.demo.company import Company
from gateway.demo.generator import build
from gateway.demo.server import ServedApp
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from gateway.settings import read
from gateway.sources import open_sources
from resolvers.links import ROWS
from tests.graph.unleash import serve_unleash

NOWHERE = "http://127.0.0.1:1"
MISSING = "-"


class Report:
    """What was printed, taken apart at its headings."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text
        self.sections = {part.split("\n")[0].split("  ")[0]: part.splitlines()[1:] for part in text.split("\n\n")}

    def line(self, source: str) -> str:
        return next(line.strip() for line in self.sections["SOURCES"] if line.startswith(f"  {source} "))

    def counts(self) -> dict[tuple[str, str], tuple[int, ...]]:
        """Found, resolved, dangling, unavailable, by field and rule."""
        field, found = "", {}
        for line in self.sections["LINKS"]:
            if heading := re.match(r"  (\w+\.\w+), of \d+ ", line):
                field = heading[1]
            elif row := re.fullmatch(r"    (\S.*?)" + r" +(\d+|-)" * 4, line):
                found[field, row[1]] = tuple(0 if number == MISSING else int(number) for number in row.groups()[1:])
        return found


async def checked(settings: str, capsys: pytest.CaptureFixture[str], environment: Mapping[str, str]) -> Report:
    code = await check(read(settings, environment))
    printed = capsys.readouterr()
    assert printed.err == ""
    return Report(code, printed.out)


async def checked_story(capsys: pytest.CaptureFixture[str], **replaced: str) -> Report:
    """A check of the story, with texts of its settings file replaced, or the address of a source by its name."""
    async with serve_company(story()) as running:
        settings = running.settings
        for source, url in replaced.items():
            settings = settings.replace(running.served[source.replace("_", "-")].url, url)
        return await checked(settings, capsys, ENVIRONMENT)


@pytest.fixture
async def report(capsys: pytest.CaptureFixture[str]) -> Report:
    return await checked_story(capsys)


# ---------------------------------------------------------------- sources


def test_each_source_has_a_line_with_its_version_and_how_much_was_read(report: Report) -> None:
    words = [re.split(" {2,}", line.strip()) for line in report.sections["SOURCES"][:-1]]
    assert words == [
        ["personalization-mlflow", "up", "mlflow 3.17.2", "all 7 models, 14 versions"],
        ["studio-mlflow", "up", "mlflow 3.17.2", "all 8 models, 18 versions"],
        ["growthbook", "up", "growthbook 5.0.1", "all 12 experiments"],
        ["airflow", "up", "airflow 3.3.2", "all 9 pipelines, 9 latest runs"],
        ["cannot answer pipelines.UPDATED_AT: Airflow does not tell when a DAG was changed: by name"],
    ]
    assert report.code == 0
    assert "NOT ANSWERED" not in report.text


async def test_a_stopped_source_is_said_and_makes_the_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    report = await checked_story(capsys, airflow=NOWHERE)
    assert report.code == 1
    assert re.split(" {2,}", report.line("airflow"))[1:] == [
        "down",
        "airflow",
        "SOURCE_UNAVAILABLE: airflow cannot be reached.",
    ]
    assert report.line("studio-mlflow").endswith("all 8 models, 18 versions")
    assert " ".join(" ".join(report.sections["NOT ANSWERED"]).split()).startswith(
        "airflow: SOURCE_UNAVAILABLE, so these lack something: Model.experiments, Model.producers,"
    )
    idle = " ".join(" ".join(report.sections["RULES THAT NEVER MATCHED, AND HOW TO DECLARE SUCH LINKS"]).split())
    assert "No orchestrator answers, so these could not match:" in idle
    assert "Asset(" not in idle, "no advice on links that may well be there"


async def test_a_refused_credential_is_said_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    async with serve_company(story()) as running:
        wrong = {**ENVIRONMENT, "DEMO_GROWTHBOOK_TOKEN": "secret_wrong"}
        report = await checked(running.settings, capsys, wrong)
    assert report.code == 1
    assert "SOURCE_AUTH_FAILED" in report.line("growthbook")
    assert "secret_wrong" not in report.text


async def test_what_a_product_cannot_answer_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    async with serve_unleash(story()) as running:
        report = await checked(running.settings, capsys, {**ENVIRONMENT, **running.environment})
    assert report.code == 0
    assert "    cannot answer results_by_id: Unleash has no results" in report.sections["SOURCES"]
    assert "no tags are read: set links.model_tag of the source" in report.text


# ---------------------------------------------------------------- links


def test_the_three_references_that_the_story_lets_dangle_are_named(report: Report) -> None:
    lines = report.sections["LINKS THAT LEAD NOWHERE"]
    dangling = {}
    for at, line in enumerate(lines):
        if line == "  dangling, the target is gone: 1":
            dangling[lines[at + 2].strip()] = lines[at + 3].strip(), lines[at + 4].strip()
    run = "studio_content_embedding_nightly%2Fscheduled__2026-02-17T02%3A00%3A00%2B00%3A00"
    trained_by = dangling.pop("mlg://model-version/studio-mlflow/legacy-subtitle-aligner%2F1")
    assert trained_by[0].startswith("-> mlg://training-run/studio-mlflow/")
    assert dangling == {
        "mlg://model-version/studio-mlflow/content-embedding%2F3": (
            f"-> mlg://pipeline-run/airflow/{run}",
            "says studio-mlflow: run tag lifecycle.pipeline",
        ),
        "mlg://experiment/growthbook/exp_e95f5aac75e7dc93 (skip-intro-timing), variation treatment": (
            "-> mlg://model/-/skip-intro-net",
            "says growthbook: value of variation treatment (names no registry)",
        ),
    }


def test_links_are_counted_by_field_and_rule(report: Report) -> None:
    counts = report.counts()
    assert counts["ModelVersion.trainingRun", "training run that a version records"] == (30, 29, 1, 0)
    assert counts["ModelVersion.producedBy", "pipeline named by a training run's tag"] == (18, 17, 1, 0)
    assert counts["Variation.models", "model named by a variation's value"] == (17, 14, 1, 2)
    assert counts["PipelineRun.testedIn", "A/B cells in a pipeline run's parameters"] == (1, 1, 0, 0)
    assert counts["ModelVersion.features", "features named by a version tag"] == (0, 0, 0, 0)
    with_rules = {(row.field, rule.name) for row in ROWS for rule in row.rules}
    assert len({rule for _, rule in counts}) == len({name for _, name in with_rules}) + 1


def test_a_name_that_two_registries_have_comes_with_what_settles_it(report: Report) -> None:
    lines = report.sections["LINKS THAT LEAD NOWHERE"]
    at = lines.index("  several sources have this name (links.registry can say which is meant): 1")
    assert lines[at + 3] == "      -> mlg://model/-/title-ranker"


async def test_a_reference_to_a_system_of_another_name_is_told_from_a_dangling_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serve_company(story()) as running:
        settings = running.settings.replace('name = "airflow"', 'name = "prod"')
        report = await checked(settings, capsys, ENVIRONMENT)
        same = await checked(
            settings.replace('name = "prod"', 'name = "prod"\nalso_named = ["airflow"]'), capsys, ENVIRONMENT
        )
    assert "  there is no source airflow (also_named can say which is meant): 4, 3 of them here" in report.text
    assert "there is no source" not in same.text
    assert (report.code, same.code) == (0, 0), "nobody failed to answer"


async def test_without_an_orchestrator_nothing_is_said_to_dangle_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    async with serve_company(story()) as running:
        alone = next(part for part in running.settings.split("\n[[") if "studio-mlflow" in part)
        report = await checked(f"[[{alone.removeprefix('[[')}", capsys, ENVIRONMENT)
    assert report.code == 0
    assert "no orchestrator is configured that could have the target: 9, 3 of them here" in report.text
    assert report.text.count("dangling, the target is gone") == 1


# ---------------------------------------------------------------- rules that never matched


def test_a_rule_that_never_matched_comes_with_how_to_declare_such_a_link(report: Report) -> None:
    assert report.sections["RULES THAT NEVER MATCHED, AND HOW TO DECLARE SUCH LINKS"] == [
        "  features named by a version tag",
        "    tag a model version `feast.feature_refs` with its features: a,b or a JSON list",
    ]


async def test_hints_are_in_the_names_that_the_settings_give(capsys: pytest.CaptureFixture[str]) -> None:
    registry = 'product = "mlflow"\nlinks.pipeline_tags = [["dag", "dag_run"]]\nlinks.feature_tags = ["uses"]'
    async with serve_company(story()) as running:
        settings = running.settings.replace('product = "mlflow"', registry)
        report = await checked(settings, capsys, ENVIRONMENT)
    idle = report.sections["RULES THAT NEVER MATCHED, AND HOW TO DECLARE SUCH LINKS"]
    assert "    tag a model version `dag` (airflow://airflow/PIPELINE) and `dag_run` (the run's id)" in idle
    assert (
        "    in the task that trains, set MLFLOW_RUN_CONTEXT="
        """'{"dag": "airflow://airflow/PIPELINE", "dag_run": "RUN ID"}' in the environment"""
    ) in idle
    assert "    tag a training run `uses` with its features: a,b or a JSON list" in idle


async def test_every_rule_has_a_hint() -> None:
    sources = open_sources(read('[[sources]]\nname = "a"\nproduct = "mlflow"\nurl = "http://127.0.0.1:1"', {}))
    known = hints(sources)
    assert not [rule.name for row in ROWS for rule in row.rules if rule not in known]
    assert all(hint.text and "\n" not in hint.text for hint in known.values())


# ---------------------------------------------------------------- bounds


async def test_a_large_company_is_sampled_within_the_calls_that_the_report_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """GrowthBook takes 60 calls a minute: a check that used them up would report its own doing."""
    async with serve_company(build(600), remember=True) as running:
        report = await checked(running.settings, capsys, ENVIRONMENT)
        sent = {name: calls_of(served) for name, served in running.served.items()}
    assert report.code == 0
    assert report.line("studio-mlflow").endswith("the first 200 models, 300 versions")
    assert report.line("growthbook").endswith("200 of 400 experiments")
    assert sent["growthbook"] < 30
    assert sum(sent.values()) < 500
    told: dict[str, int] = {}
    for line in re.findall(r"^  Calls: \d+ \((.*)\)$", report.text, re.MULTILINE):
        for name, number in re.findall(r"(\S+) (\d+)", line):
            told[name] = told.get(name, 0) + int(number)
    assert told == sent


def calls_of(served: ServedApp) -> int:
    return len(served.calls)


async def test_a_company_without_anything_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    async with serve_company(empty()) as running:
        report = await checked(running.settings, capsys, ENVIRONMENT)
    assert report.code == 0
    assert "No link of this sample leads nowhere." in report.text
    assert not report.counts()


def empty() -> Company:
    tale = story()
    registry, orchestrator, platform = tale.registries[0], tale.orchestrators[0], tale.platforms[0]
    return Company(
        (type(registry)(registry.name, {}, (), ()),),
        (type(orchestrator)(orchestrator.name, (), (), (), ()),),
        (type(platform)(platform.name, {}, {}, ()),),
    )


def test_settings_to_correct_are_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gateway.toml"
    assert main(["check", "--config", str(file)]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (
        "",
        f"{file} has a mistake:\n  cannot be read: No such file or directory\n",
    )
