"""What the Unleash adapter's methods cost, by the plans that stand in their docstrings."""

from __future__ import annotations

from resolvers.sources import Need
from resolvers.sources.experimentation.unleash_calls import PAGE
from resolvers.sources.plan import Plan, Plans, singly


def unleash_plan(scan_rows: int) -> Plans:
    pages = -(-scan_rows // PAGE)
    # Live flags and archived ones are asked for apart, and what archived ones served by an export.
    needs = {Need.VALUES: Plan(first=1, each=0)}
    by_name = Plan(alone=4, first=4, together=PAGE, each=3, needs=needs)
    return {
        "version": singly(),
        "experiments": Plan(alone=3, first=3, each=2, needs=needs),
        "experiments.scan": singly(4 + 2 * pages, needs),
        "experiments.owner": singly(4 + 2 * pages, needs),
        "experiments_by_id": by_name,
        "experiments_by_key": by_name,
        "experiments_by_model": Plan(alone=4, first=4, together=PAGE, each=2),
        "experiments_by_model.ever": Plan(alone=6 + pages, first=6 + pages, together=PAGE, each=2),
        "results_by_id": Plan(alone=0, first=0, each=0),
        "search": singly(4),
    }
