"""Studio's registry, with Payments as its guest: the model the story is about, and its neighbours."""

from __future__ import annotations

from gateway.demo.company import DatasetInput, Model, Registry, TrainingRun, Version
from gateway.demo.parts import (
    airflow_context_tags,
    at,
    dataset,
    feature_refs,
    hex_id,
    lifecycle_tags,
    lifecycle_uri_tags,
    signature,
)
from gateway.demo.story.places import (
    FRAME_COLUMNS,
    FRAMES,
    NIGHTLY,
    NIGHTLY_OF_GOOD_NIGHT,
    SCENE_FEATURES,
    SHOT_COLUMNS,
    SHOTS,
    STUDIO,
    TRANSACTIONS,
)
from gateway.demo.story.training import model, trained, version


def studio() -> Registry:
    embedding, embedding_runs = _content_embedding()
    shot_runs = [
        trained(
            STUDIO,
            "shot-boundary-detector",
            number,
            f"{day}T05:20:00Z",
            "tomas.lindqvist",
            tags=airflow_context_tags("studio.train-shot-detector", f"manual__{day}T04:00:00+00:00")
            | signature({"frame_no": "long", "pixels": "binary"}),
            datasets=(dataset(*FRAMES, FRAME_COLUMNS, day),),
            boundary_f1=f1,
        )
        for number, day, f1 in ((1, "2026-05-30", 0.88), (2, "2026-08-29", 0.91), (3, "2026-11-01", 0.93))
    ]
    café = trained(STUDIO, 'café-ranker "v2"', 1, "2026-08-12T10:00:00Z", "noor.haddad", ndcg_at_10=0.58)
    titles = [
        trained(STUDIO, "title-ranker", number, when, "noor.haddad", ndcg_at_10=score)
        for number, when, score in ((1, "2026-01-20T10:00:00Z", 0.44), (2, "2026-05-04T10:00:00Z", 0.47))
    ]
    fraud = [
        trained(
            STUDIO,
            "fraud-screen",
            number,
            f"{day}T07:20:00Z",
            "idris.bello",
            tags=lifecycle_uri_tags("payments_fraud_screen", f"manual__{day}T06:00:00+00:00"),
            datasets=(dataset(*TRANSACTIONS, {"amount": "double", "country": "string"}, day),),
            auc=auc,
        )
        for number, day, auc in ((1, "2026-07-15", 0.91), (2, "2026-10-15", 0.94))
    ]
    models = (
        embedding,
        model(
            "shot-boundary-detector",
            "Finds cuts, fades and wipes. Everything Studio knows about a scene begins with these shots.",
            {"domain": "studio", "owner": "tomas.lindqvist", "team": "content-understanding", "framework": "pytorch"},
            [
                version(number, run, owner="tomas.lindqvist", team="content-understanding")
                for number, run in enumerate(shot_runs, 1)
            ],
            champion=3,
        ),
        model(
            'café-ranker "v2"',
            "Ranks cafés, bars and diners for location scouts. The quotes were a mistake; now services need them.",
            {"domain": "studio", "owner": "noor.haddad@example.com", "team": "production-planning"},
            [version(1, café, owner="noor.haddad@example.com")],
            production=1,
        ),
        model(
            "poster.art.picker",
            "Picks the still that becomes the poster. Bought from a vendor and imported as a file, so no training run.",
            {"domain": "studio", "owner": "noor.haddad", "team": "production-planning", "framework": "onnx"},
            [Version(1, at("2026-03-03T09:00:00Z"), at("2026-03-03T09:00:00Z"), description="As delivered.")],
            champion=1,
        ),
        model(
            "trailer-cutter",
            "Will propose trailer cuts from scene structure. Registered to reserve the name; nothing trained yet.",
            {"domain": "studio", "owner": "maya.ortiz", "team": "content-understanding"},
            [],
            created="2026-11-02T08:00:00Z",
        ),
        model(
            "legacy-subtitle-aligner",
            "Aligns subtitles to speech. Still called every night; its builder has left, its training run is deleted.",
            {"domain": "studio"},
            [
                Version(
                    1,
                    at("2024-04-11T13:00:00Z"),
                    at("2024-04-11T13:00:00Z"),
                    run_id=hex_id("run", STUDIO, "legacy-subtitle-aligner", 1),
                    description="Do not touch.",
                )
            ],
        ),
        model(
            "title-ranker",
            "Orders a studio's titles for the sales catalogue. Not the one on the home page.",
            {"domain": "studio", "owner": "noor.haddad", "team": "production-planning"},
            [version(number, run) for number, run in enumerate(titles, 1)],
            champion=2,
        ),
        model(
            "fraud-screen",
            "Stops a stolen card before the first payment. Payments has no registry of its own and is a guest here.",
            {"domain": "payments", "owner": "idris.bello@example.com", "team": "risk", "framework": "xgboost"},
            [version(number, run, owner="idris.bello@example.com", team="risk") for number, run in enumerate(fraud, 1)],
            production=2,
        ),
    )
    groups = {
        "0": "Default",
        "1": "studio/content-understanding",
        "2": "studio/production-planning",
        "3": "payments/risk",
    }
    return Registry(STUDIO, groups, models, (*embedding_runs, *shot_runs, café, *titles, *fraud))


def _content_embedding() -> tuple[Model, list[TrainingRun]]:
    def frames(day: str) -> DatasetInput:
        return dataset(*FRAMES, FRAME_COLUMNS, day)

    def nightly(day: str) -> dict[str, str]:
        return lifecycle_tags(NIGHTLY, f"manual__{day}T02:00:00+00:00")

    of_good_night = lifecycle_tags(NIGHTLY, NIGHTLY_OF_GOOD_NIGHT)
    # Airflow's database is cleaned of runs older than half a year: the one of version 3 is gone.
    cleaned_up = lifecycle_tags(NIGHTLY, "scheduled__2026-02-17T02:00:00+00:00")
    features = feature_refs(*SCENE_FEATURES) | signature(
        {"shot_len": "double", "cut_rate": "double", "boundary_strength": "double"}
    )
    notebook = {"mlflow.source.name": "notebooks/longer_context.ipynb", "mlflow.source.type": "NOTEBOOK"}
    shots = dataset(*SHOTS, SHOT_COLUMNS, "2026-11-09")
    maya, tomas = "maya.ortiz", "tomas.lindqvist"

    history: tuple[tuple[str, str, float, tuple[DatasetInput, ...], dict[str, str], str], ...] = (
        ("2025-09-14T11:20:00Z", maya, 0.41, (), {}, "Mean of per-frame vectors. Knows colours, not scenes."),
        ("2025-12-02T15:05:00Z", maya, 0.48, (frames("2025-12-02"),), {}, "Adds motion."),
        (
            "2026-02-17T03:25:00Z",
            maya,
            0.55,
            (frames("2026-02-17"),),
            cleaned_up,
            "First version with scene boundaries.",
        ),
        (
            "2026-06-08T03:25:00Z",
            tomas,
            0.61,
            (frames("2026-06-08"),),
            nightly("2026-06-08"),
            "Twice the context: sixteen shots either side.",
        ),
        (
            "2026-07-06T03:25:00Z",
            tomas,
            0.66,
            (frames("2026-07-06"),),
            nightly("2026-07-06"),
            "Learns from dialogue pauses too.",
        ),
        (
            "2026-09-21T03:25:00Z",
            tomas,
            0.69,
            (frames("2026-09-21"),),
            nightly("2026-09-21"),
            "Smaller, and better.",
        ),
        (
            "2026-11-09T03:36:00Z",
            tomas,
            0.74,
            (frames("2026-11-09"), shots),
            of_good_night | features,
            "Weights shots by how strong their boundary is. Champion since 10 November.",
        ),
        (
            "2026-11-19T16:48:00Z",
            maya,
            0.75,
            (frames("2026-11-09"),),
            notebook,
            "From a notebook: a minute of context. Slower, and never through the nightly evaluation.",
        ),
    )
    runs, versions = [], []
    owned = {"owner": "maya.ortiz@example.com", "team": "content-understanding"}
    for number, (when, user, recall, inputs, tags, note) in enumerate(history, 1):
        run = trained(STUDIO, "content-embedding", number, when, user, tags=tags, datasets=inputs, recall_at_10=recall)
        runs.append(run)
        versions.append(version(number, run, note, **owned, **(of_good_night if number == 7 else {})))
    embedding = model(
        "content-embedding",
        "Scene structure from video: where a scene boundary lies, what the scene is about. One embedding a shot.",
        {"domain": "studio", **owned, "framework": "pytorch", "tier": "1"},
        versions,
        champion=7,
        challenger=8,
    )
    return embedding, runs
