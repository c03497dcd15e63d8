"""What is sent to an Airflow with the story's pipelines in raw HTTP: limits, patterns, refusals, unknown ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

from gateway.demo.company import Orchestrator
from gateway.demo.story.places import NIGHTLY
from tests.contract.airflow_keys import GOOD, HOME, runs
from tests.contract.questions import Raw

API = "/api/v2"
RUNS = f"{API}/dags/~/dagRuns"
HOME_RUNS = f"{API}/dags/{HOME}/dagRuns"
ANONYMOUS: dict[str, str] = {}
VOLATILE = frozenset(
    {
        *("id", "asset_id", "dag_versions", "dag_version", "latest_dag_version"),  # numbers and UUIDs of its own
        # Moments are in microseconds there; through the adapter they are compared in the milliseconds kept of them.
        *("timestamp", "created_at", "updated_at", "queued_at", "start_date", "end_date", "run_after", "duration"),
        *("logical_date", "data_interval_start", "data_interval_end", "last_scheduling_decision", "queued_when"),
        *("scheduled_when", "last_parsed_time", "last_parse_duration", "next_dagrun_logical_date"),
        *("next_dagrun_data_interval_start", "next_dagrun_data_interval_end", "next_dagrun_run_after"),
        *("fileloc", "relative_fileloc", "file_token", "hostname", "unixname", "pid", "executor_config"),  # its machine
        *("operator", "operator_name", "max_tries", "priority_weight", "rendered_fields"),  # how a task is written
        *("timetable_description", "triggering_user_name", "git_version"),
        "owners",  # in no order; through the adapter they are compared in order
        "message",  # of a fault in the database, with a number for the log
    }
)


def get(about: str, path: str, status: int, says: Sequence[str] = (), *query: tuple[str, str]) -> Raw[Orchestrator]:
    return Raw(about, f"{API}{path}", status, says, query=query)


def listed(about: str, status: int, says: Sequence[str] = (), **body: object) -> Raw[Orchestrator]:
    return Raw(f"runs by body: {about}", f"{RUNS}/list", status, says, method="POST", body=body)


def of_good_night(rest: str = "") -> Callable[[Orchestrator], str]:
    def path(orchestrator: Orchestrator) -> str:
        (key,) = runs((NIGHTLY, GOOD))(orchestrator)
        return f"{API}/dags/{key.pipeline}/dagRuns/{quote(key.run_id, safe='')}{rest}"

    return path


REQUESTS: list[Raw[Orchestrator]] = [
    Raw("version, to anybody", f"{API}/version", 200, ["3.3.2"], headers=ANONYMOUS),
    Raw("no token", f"{API}/dags", 401, ["Not authenticated"], headers=ANONYMOUS),
    Raw("a token that is none", f"{API}/dags", 403, ["Invalid JWT token"], headers={"Authorization": "Bearer x.y.z"}),
    Raw("a token of another kind", f"{API}/dags", 401, headers={"Authorization": "Basic eDp5"}),
    Raw(
        "a wrong password",
        "/auth/token",
        401,
        ["Invalid credentials"],
        "POST",
        body={"username": "gateway", "password": "wrong"},
        headers=ANONYMOUS,
    ),
    Raw(
        "no password", "/auth/token", 422, method="POST", body={"username": "gateway"}, headers=ANONYMOUS, worded=False
    ),
    Raw("a token without a password", "/auth/token", 403, headers=ANONYMOUS),
    get("an address that is not there", "/pipelines", 404, ["API route not found"]),
    Raw("a page for people", "/dags/gone", 200, ["<html"]),
    get("pipelines", "/dags", 200, ['"total_entries":9']),
    get("pipelines: a page", "/dags", 200, [HOME], ("limit", "1"), ("offset", "2"), ("order_by", "dag_id")),
    get("pipelines: more than a page may have", "/dags", 200, ['"total_entries":9'], ("limit", "1000")),
    get("pipelines: no rows", "/dags", 200, ['"dags":[]'], ("limit", "0")),
    get("pipelines: past the last", "/dags", 200, ['"dags":[]', '"total_entries":9'], ("offset", "9")),
    get("pipelines: less than none", "/dags", 422, ["greater_than_equal"], ("limit", "-1")),
    get("pipelines: a limit that is no number", "/dags", 422, ["int_parsing"], ("limit", "many")),
    get("pipelines: an order that is none", "/dags", 400, ["is disallowed"], ("order_by", "size")),
    get("pipelines: backwards", "/dags", 200, [], ("order_by", "-dag_id"), ("limit", "2")),
    get("pipelines: a parameter that is none", "/dags", 200, ['"total_entries":9'], ("colour", "red")),
    get("pipelines: paused", "/dags", 200, ['"total_entries":1'], ("paused", "true")),
    get("pipelines: paused, perhaps", "/dags", 422, ["bool_parsing"], ("paused", "perhaps")),
    get("pipelines: any tag", "/dags", 200, ['"total_entries":2'], ("tags", "tier:1"), ("tags", "domain:ads")),
    get(
        "pipelines: all tags",
        "/dags",
        200,
        ['"total_entries":1'],
        ("tags", "tier:1"),
        ("tags", "domain:studio"),
        ("tags_match_mode", "all"),
    ),
    get("pipelines: tags otherwise", "/dags", 422, ["literal_error"], ("tags", "a"), ("tags_match_mode", "none")),
    get("pipelines: owned", "/dags", 200, ['"total_entries":2'], ("owners", "maya.ortiz"), ("owners", "priya.raman")),
    get("pipelines: last run failed", "/dags", 200, ['"total_entries":3'], ("last_dag_run_state", "failed")),
    get("pipelines: last run lost", "/dags", 422, ["enum"], ("last_dag_run_state", "lost")),
    get("pipelines: a part", "/dags", 200, ['"total_entries":2'], ("dag_id_pattern", "RANK|fraud")),
    get("pipelines: wildcards", "/dags", 200, ['"total_entries":1'], ("dag_id_pattern", "studio%detector")),
    get("pipelines: a part that is empty", "/dags", 200, ['"total_entries":9'], ("dag_id_pattern", "")),
    get("pipelines: beginnings", "/dags", 200, ['"total_entries":2'], ("dag_id_prefix_pattern", "ads|pay")),
    get("pipelines: a beginning that ends oddly", "/dags", 200, [], ("dag_id_prefix_pattern", "studio_")),
    get("pipelines: a whole name", "/dags", 200, [], ("dag_id_prefix_pattern", "studio.train-shot-detector")),
    get("pipelines: a wildcard is none in a beginning", "/dags", 200, [], ("dag_id_prefix_pattern", "studio%")),
    get("pipelines: by asset", "/dags", 200, ['"total_entries":2'], ("asset_dependency", "studio/frames")),
    get("a pipeline", f"/dags/{HOME}", 200, [HOME]),
    get("a pipeline: unknown", "/dags/gone", 404, ["The Dag with ID: `gone` was not found"]),
    get("a pipeline: all of them", "/dags/~", 404, ["was not found"]),
    get("runs of an unknown pipeline", "/dags/gone/dagRuns", 404, ["was not found"]),
    get("runs: two of all", "/dags/~/dagRuns", 200, ['"total_entries":26'], ("limit", "2"), ("order_by", "-run_after")),
    get("runs: of a state", "/dags/~/dagRuns", 200, ['"total_entries":4'], ("state", "failed")),
    get("runs: of a state that is none", "/dags/~/dagRuns", 422, ["Invalid value for state"], ("state", "lost")),
    get("runs: of a type", "/dags/~/dagRuns", 200, ['"total_entries":5'], ("run_type", "asset_triggered")),
    get("runs: by hand, on one day", "/dags/~/dagRuns", 200, [], ("run_id_prefix_pattern", "manual__2026-11-22T02")),
    get(
        "runs: by both beginnings",
        "/dags/~/dagRuns",
        200,
        ['"total_entries":1'],
        ("run_id_prefix_pattern", "manual__2026-11-22"),
        ("dag_id_prefix_pattern", "personalization_home"),
    ),
    get("runs: since a day", "/dags/~/dagRuns", 200, [], ("run_after_gte", "2026-01-01T00:00:00Z"), ("limit", "3")),
    get("runs: since no day", "/dags/~/dagRuns", 422, ["datetime"], ("run_after_gte", "then")),
    get("runs: since a moment without a zone", "/dags/~/dagRuns", 500, [], ("run_after_gte", "2026-01-01T00:00:00")),
    get(
        "runs: before all of them", "/dags/~/dagRuns", 200, ['"dag_runs":[]'], ("run_after_lt", "2020-01-01T00:00:00Z")
    ),
    get("runs: with a parameter's text", "/dags/~/dagRuns", 200, [], ("conf_contains", "home-ranking-freshness")),
    get("a run: unknown", f"/dags/{HOME}/dagRuns/gone", 404, ["was not found"]),
    get("a run: of an unknown pipeline", "/dags/gone/dagRuns/gone", 404, ["was not found"]),
    get("a run: a slash in its id", f"/dags/{HOME}/dagRuns/a%2Fb", 404, []),
    get("a run: all of them", f"/dags/{HOME}/dagRuns/~", 404, ["was not found"]),
    Raw("a run", of_good_night(), 200, ["asset_triggered", NIGHTLY]),
    listed("one pipeline", 200, ['"total_entries":3'], dag_ids=[HOME], order_by="-run_after", page_limit=2),
    listed("no pipelines are all", 200, ['"total_entries":26'], dag_ids=[], page_limit=1),
    listed("an unknown pipeline", 200, ['"dag_runs":[]'], dag_ids=["gone"]),
    listed("more than a page may have", 200, ['"total_entries":26'], page_limit=1000),
    listed("a state", 200, ['"total_entries":4'], states=["failed"], order_by="run_after"),
    listed("a field that is none", 422, ["extra_forbidden"], colour="red"),
    listed("a limit that is no number", 422, [], page_limit="many"),
    listed("less than none", 422, [], page_limit=-1),
    listed("an order that is none", 400, ["is disallowed"], order_by="size"),
    Raw("runs by body: of one pipeline's address", f"{HOME_RUNS}/list", 422, ["Input should be '~'"], "POST", body={}),
    Raw("tasks", of_good_night("/taskInstances"), 200, ['"total_entries":4'], query=[("order_by", "start_date")]),
    Raw("tasks: of a state", of_good_night("/taskInstances"), 200, ['"total_entries":0'], query=[("state", "failed")]),
    Raw("tasks: of no state", of_good_night("/taskInstances"), 200, ['"total_entries":0'], query=[("state", "none")]),
    Raw("tasks: of a state that is none", of_good_night("/taskInstances"), 422, [], query=[("state", "lost")]),
    Raw("tasks: by one name", of_good_night("/taskInstances"), 200, [], query=[("task_id", "evaluate")]),
    get("tasks: of an unknown run", f"/dags/{HOME}/dagRuns/gone/taskInstances", 404, ["was not found"]),
    get("tasks: of an unknown pipeline", "/dags/gone/dagRuns/gone/taskInstances", 404, ["was not found"]),
    Raw(
        "what fed a run",
        of_good_night("/upstreamAssetEvents"),
        200,
        ['"total_entries":2', "studio_frame_extraction"],
        by="uri",
    ),
    get("what fed an unknown run", f"/dags/{HOME}/dagRuns/gone/upstreamAssetEvents", 404, ["was not found"]),
    get("assets", "/assets", 200, ['"total_entries":9'], ("order_by", "uri")),
    get("assets: of two pipelines", "/assets", 200, [], ("dag_ids", HOME), ("dag_ids", NIGHTLY), ("order_by", "uri")),
    get("assets: of one with a comma", "/assets", 200, [], ("dag_ids", f"{HOME},{NIGHTLY}"), ("order_by", "uri")),
    get("assets: of an unknown pipeline", "/assets", 200, ['"assets":[]'], ("dag_ids", "gone")),
    get(
        "assets: parts of addresses",
        "/assets",
        200,
        ['"total_entries":2'],
        ("uri_pattern", "SHOTS|masters"),
        ("order_by", "uri"),
    ),
    get("assets: wildcards", "/assets", 200, [], ("uri_pattern", "s3://studio/_____s"), ("order_by", "name")),
    get("assets: an order that is none", "/assets", 400, ["is disallowed"], ("order_by", "size")),
    get("events", "/assets/events", 200, ['"total_entries":6'], ("limit", "2"), ("order_by", "timestamp")),
    get("events: of a pipeline", "/assets/events", 200, ['"total_entries":1'], ("source_dag_id", NIGHTLY)),
]
