"""What the Airflow adapter's methods cost, by the plans that stand in their docstrings; for 3.3 and later."""

from __future__ import annotations

from resolvers.sources.orchestration.airflow_lists import PAGE_ROWS
from resolvers.sources.plan import Plan, Plans, singly

_PATTERNS = 50
_PAIRS = 100
_BODY_IDS = 200


def airflow_plan(scan_rows: int) -> Plans:
    pages = -(-scan_rows // PAGE_ROWS)
    # A pattern matches more than its keys: a second page, at times.
    by_pattern = Plan(first=2, together=_PATTERNS)
    return {
        "version": singly(),
        "pipelines": singly(),
        "pipelines.scan": singly(2 + pages),
        # The list of owners, the tags that name one, and pages of what carries these.
        "pipelines.owner": singly(8),
        "pipelines_by_name": by_pattern,
        "pipelines_by_tag": by_pattern,
        # Runs are matched crosswise: a second page, or the missing ones once more in groups.
        "runs_by_key": Plan(first=4, together=_PAIRS, each=2),
        # Three rounds, then those singly that busy pipelines crowded out.
        "latest_runs": Plan(first=3, together=4),
        "runs": singly(),
        "tasks": singly(),
        "assets_by_pipeline": by_pattern,
        "assets_by_uri": by_pattern,
        "assets_by_place": by_pattern,
        "assets_by_name": by_pattern,
        "assets": singly(pages),
        "upstream_runs": singly(),
        "downstream_runs": singly(),
        "search": singly(1),
    }
