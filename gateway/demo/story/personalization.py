"""Personalization's registry, which Ads shares: the second model of scenes, and names that need quoting."""

from __future__ import annotations

from gateway.demo.company import Registry, Version
from gateway.demo.parts import (
    airflow_tags,
    as_json,
    at,
    cells,
    dataset,
    feature_refs,
    lifecycle_tags,
    lifecycle_uri_tags,
    signature,
)
from gateway.demo.story.places import FRAME_COLUMNS, FRAMES, PERSONALIZATION, SESSION_COLUMNS, SESSIONS
from gateway.demo.story.training import model, trained, version


def personalization() -> Registry:
    viewer = [
        trained(
            PERSONALIZATION,
            "viewer-embedding",
            number,
            f"{day}T03:15:00Z",
            "jonas.weber",
            tags=lifecycle_uri_tags("personalization_viewer_embedding", f"manual__{day}T02:00:00+00:00")
            | feature_refs("scene_stats:shot_len", "scene_stats:cut_rate", "viewer_history:watched_s"),
            datasets=(dataset(*FRAMES, FRAME_COLUMNS, day), dataset(*SESSIONS, SESSION_COLUMNS, day)),
            recall_at_10=recall,
        )
        for number, day, recall in ((1, "2026-11-16", 0.52), (2, "2026-11-22", 0.57))
    ]
    home = [
        trained(
            PERSONALIZATION,
            "it's-a-ranker",
            number,
            f"{day}T03:20:00Z",
            "lena.fischer",
            tags=airflow_tags("personalization_home_ranking", f"manual__{day}T02:00:00+00:00")
            | signature({"watched_s": "double", "hour": "long", "is_kids": "boolean"}),
            datasets=(dataset(*SESSIONS, SESSION_COLUMNS, day),),
            ndcg_at_10=score,
        )
        for number, day, score in ((1, "2026-08-31", 0.63), (2, "2026-10-12", 0.66), (3, "2026-11-22", 0.67))
    ]
    titles = [
        trained(PERSONALIZATION, "title-ranker", number, when, "lena.fischer", ndcg_at_10=score)
        for number, when, score in ((1, "2026-02-10T10:00:00Z", 0.61), (2, "2026-09-30T10:00:00Z", 0.60))
    ]
    search = [
        trained(PERSONALIZATION, "検索-ranker", number, when, "aiko.mori", ndcg_at_10=score)
        for number, when, score in ((1, "2026-06-18T04:00:00Z", 0.71), (2, "2026-10-22T04:00:00Z", 0.74))
    ]
    ads = [
        trained(
            PERSONALIZATION,
            "ads-context-matcher",
            number,
            f"{day}T07:45:00Z",
            "priya.raman",
            tags=lifecycle_tags("ads_context_matching", f"manual__{day}T06:30:00+00:00"),
            auc=auc,
        )
        for number, day, auc in ((1, "2026-06-15", 0.71), (2, "2026-08-10", 0.73), (3, "2026-10-05", 0.74))
    ]
    cut = trained(PERSONALIZATION, 'the "director\'s cut" ranker', 1, "2026-04-01T09:30:00Z", "lena.fischer", auc=0.69)
    imported = at("2026-10-28T12:00:00Z")
    models = (
        model(
            "viewer-embedding",
            "Embedding of what a viewer likes inside a title: learns each scene, and every scene boundary, from video.",
            {
                "domain": "personalization",
                "owner": "jonas.weber@example.com",
                "team": "foundations",
                "framework": "jax",
            },
            [version(number, run, owner="jonas.weber", team="foundations") for number, run in enumerate(viewer, 1)],
            candidate=2,
        ),
        model(
            "it's-a-ranker",
            "Orders the rows of the home page for one viewer. The name was a joke in a pull request.",
            {
                "domain": "personalization",
                "owner": "lena.fischer",
                "team": "home",
                "framework": "lightgbm",
                "tier": "1",
            },
            [version(number, run, owner="lena.fischer", team="home") for number, run in enumerate(home, 1)],
            champion=3,
            fallback=1,
        ),
        model(
            "title-ranker",
            "Orders the titles within a row of the home page, most likely to be finished first.",
            {"domain": "personalization", "owner": "lena.fischer@example.com", "team": "home"},
            [version(number, run) for number, run in enumerate(titles, 1)],
            champion=1,
        ),
        model(
            "検索-ranker",
            "Ranks search results in Japanese, where a word has no spaces around it.",
            {"domain": "personalization", "owner": "aiko.mori@example.com", "team": "search"},
            [version(number, run, owner="aiko.mori", team="search") for number, run in enumerate(search, 1)],
            champion=2,
        ),
        model(
            'the "director\'s cut" ranker',
            "Decides which edition of a film to offer first.",
            {"domain": "personalization", "owner": "lena.fischer", "team": "home"},
            [version(1, cut)],
        ),
        model(
            "churn 30% uplift",
            "Who would stay if offered 30% off. Trained on a laptop and registered without a run.",
            {"domain": "personalization", "owner": "jonas.weber", "team": "foundations"},
            [
                Version(
                    1,
                    imported,
                    imported,
                    description="For one campaign only.",
                    tags={"ab_test_cells": as_json(cells("winback-offer", 2, "offer"))},
                )
            ],
        ),
        model(
            "ads-context-matcher",
            "Matches an advertisement to the words spoken around the break. Blind to the picture.",
            {"domain": "ads", "owner": "priya.raman@example.com", "team": "relevance", "framework": "xgboost"},
            [
                version(number, run, owner="priya.raman@example.com", team="relevance")
                for number, run in enumerate(ads, 1)
            ],
            production=3,
        ),
    )
    groups = {
        "0": "Default",
        "1": "personalization/foundations",
        "2": "personalization/home",
        "3": "personalization/search",
        "4": "ads/relevance",
    }
    return Registry(PERSONALIZATION, groups, models, (*viewer, *home, *titles, *search, cut, *ads))
