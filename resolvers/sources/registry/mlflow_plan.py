"""What the MLflow adapter's methods cost, by the plans that stand in their docstrings; for 3.17 and later."""

from __future__ import annotations

from resolvers.sources import Need
from resolvers.sources.plan import Plan, Plans, singly
from resolvers.sources.registry.mlflow_data import RUNS_A_PAGE, SWEEPS
from resolvers.sources.registry.mlflow_lists import MOST_WORDS
from resolvers.sources.registry.mlflow_lookup import ROWS_A_PAGE

_KEYS = 100
_GROUPS = 1
"""The experiment ids that a search of runs needs."""
_TEXTS = 4
"""Texts of one tag that are asked for singly; for more all rows with the tag are read, mostly in one page."""
_SHORT = 2
"""Models whose versions take a call: one answer holds those of 100 models that have few, others take one each."""


def mlflow_plan(scan_rows: int, feature_tags: int) -> Plans:
    pages = -(-scan_rows // ROWS_A_PAGE)
    run_pages = -(-scan_rows // RUNS_A_PAGE)
    # A feature is looked for in each tag that holds some, in what was logged, and in datasets with its columns.
    texts = feature_tags + 1
    aliases = {Need.ALIASES: Plan(together=_KEYS)}
    return {
        "version": singly(),
        "models": Plan(together=10),
        # Unwanted rows are passed in stretches of 100 at least.
        "models.scan": singly(2 + -(-scan_rows // 100)),
        "models.owner": singly(6 * pages),
        "models_by_name": Plan(first=2, together=_KEYS),
        "versions_by_key": Plan(first=2, together=_KEYS, needs=aliases),
        "versions_by_alias": Plan(first=3, together=_KEYS, each=2),
        "versions_by_training_run": Plan(first=pages, together=_KEYS, each=pages, needs=aliases),
        "versions_by_tag": Plan(most=_TEXTS, needs=aliases),
        "training_runs_by_id": Plan(first=2 + _GROUPS, together=_KEYS),
        "training_runs_by_tag": Plan(alone=1 + _GROUPS, first=1 + _GROUPS, most=_GROUPS + _TEXTS),
        "training_runs_by_dataset": Plan(alone=_GROUPS + run_pages, first=_GROUPS + run_pages, together=_KEYS, each=2),
        "training_runs_by_feature": Plan(
            alone=_GROUPS + texts + 1,
            first=_GROUPS + texts + 1,
            each=texts,
            most=_GROUPS + texts * max(run_pages, _TEXTS) + run_pages,
        ),
        "training_runs_with_datasets": singly(_GROUPS + run_pages + SWEEPS),
        "training_runs_with_features": singly(_GROUPS + 2 * run_pages),
        "versions": Plan(first=2, together=_SHORT, needs=aliases),
        "search": singly(MOST_WORDS),
    }
