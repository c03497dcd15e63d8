"""What the GrowthBook adapter's methods cost, by the plans that stand in their docstrings."""

from __future__ import annotations

from resolvers.sources import Need
from resolvers.sources.experimentation.growthbook_api import PAGE
from resolvers.sources.experimentation.growthbook_lists import MOST_WORDS
from resolvers.sources.plan import Plan, Plans, singly

_PAYLOAD = 1
_NAMES = 2
"""Lists of names: of metrics two, mostly of one page each."""


def growthbook_plan(scan_rows: int) -> Plans:
    pages = -(-scan_rows // PAGE)
    needs = {
        Need.VALUES: Plan(alone=_PAYLOAD + 2, first=_PAYLOAD + 2, each=2, most=_PAYLOAD + pages),
        Need.METRICS: Plan(alone=_NAMES, first=_NAMES, each=0),
        Need.DOMAIN: Plan(each=0),
    }
    # A page has many experiments, and each row that is passed over is completed too.
    listed = {**needs, Need.VALUES: singly(_PAYLOAD + pages)}
    by_key = Plan(alone=2, first=2, most=pages, needs=needs)
    return {
        "version": singly(),
        "experiments": singly(1, listed),
        "experiments.scan": singly(4 + pages, listed),
        "experiments.owner": singly(2 + pages, listed),
        "experiments_by_id": Plan(most=pages, needs=needs),
        "experiments_by_key": by_key,
        # The payload, then what it names each, at most as many as there are pages of what runs.
        "experiments_by_model": Plan(alone=_PAYLOAD + pages, first=_PAYLOAD + pages, each=0),
        "experiments_by_model.ever": Plan(alone=2 * pages, first=2 * pages, each=0),
        "results_by_id": Plan(most=15 + pages),
        "search": singly(MOST_WORDS, listed),
    }
