"""The story's orchestrator: from masters to frames to shots to the embedding, and two nights on which it failed."""

from __future__ import annotations

from gateway.demo.company import Asset, AssetEvent, Dag, DagRun, Orchestrator
from gateway.demo.parts import MINUTE, at, cells, chain, dag_run, hex_id, manual_id, model_uri
from gateway.demo.story.places import (
    BAD_NIGHT,
    FRAMES,
    FRAMES_OF_BAD_NIGHT,
    GOOD_NIGHT,
    MASTERS,
    NIGHTLY,
    NIGHTLY_OF_BAD_NIGHT,
    NIGHTLY_OF_GOOD_NIGHT,
    PERSONALIZATION,
    SCENE_MATCHES,
    SESSIONS,
    SHOTS,
    SHOTS_OF_BAD_NIGHT,
    SHOTS_OF_GOOD_NIGHT,
    STUDIO,
    TRANSACTIONS,
)


def airflow() -> Orchestrator:
    dags = {
        dag.dag_id: dag
        for dag in (
            _dag(
                "studio_ingest_masters",
                "Copies the night's finished masters into the lake and checks what arrived.",
                ("copy_masters", "verify_checksums"),
                owners=("noor.haddad",),
                schedule="0 0 * * *",
            ),
            _dag(
                "studio_frame_extraction",
                "One frame a second of every new master.",
                ("split", "write_frames"),
                owners=("tomas.lindqvist",),
            ),
            _dag(
                "studio_shot_boundaries",
                "Cuts the night's frames into shots, writes them, and only then reports on their quality.",
                ("detect_shots", "quality_report"),
                owners=("tomas.lindqvist",),
            ),
            _dag(
                NIGHTLY,
                "Trains content-embedding on the night's frames and shots; registers it only if it beats the champion.",
                ("collect_frames", "embed_scenes", "evaluate", "register"),
                owners=("maya.ortiz", "tomas.lindqvist"),
                tags=("tier:1",),
            ),
            _dag(
                "studio.train-shot-detector",
                "Trains the shot boundary detector again. Started by hand, once a quarter.",
                ("sample_frames", "train"),
                owners=("tomas.lindqvist",),
                tags=("model:shot-boundary-detector",),
            ),
            _dag(
                "personalization_viewer_embedding",
                "Learns viewer embeddings from what was watched and from the frames on screen at the time.",
                ("join_sessions", "train", "register"),
                owners=("jonas.weber",),
                schedule="0 2 * * *",
            ),
            _dag(
                "personalization_home_ranking",
                "Trains the home page's ranker on yesterday's sessions.",
                ("features", "train", "register"),
                owners=("lena.fischer",),
                schedule="0 2 * * *",
            ),
            _dag(
                "ads_context_matching",
                "Scores tomorrow's advertisement breaks against the scene before them.",
                ("load_model", "match_breaks"),
                owners=("priya.raman",),
                schedule="30 6 * * *",
            ),
            _dag(
                "payments_fraud_screen",
                "Trained the fraud screen each quarter. Paused while the new card scheme is tested.",
                ("extract", "train"),
                owners=("airflow",),
                tags=("model:fraud-screen",),
                schedule="0 6 15 */3 *",
                paused=True,
            ),
        )
    }
    return Orchestrator(
        "airflow", tuple(dags.values()), tuple(sorted(_runs(dags), key=lambda run: run.queued)), _assets(), _events()
    )


def _dag(
    dag_id: str,
    description: str,
    tasks: tuple[str, ...],
    *,
    owners: tuple[str, ...],
    tags: tuple[str, ...] = (),
    schedule: str | None = None,
    paused: bool = False,
) -> Dag:
    domain = dag_id.replace(".", "_").partition("_")[0]
    return Dag(
        dag_id,
        at("2026-01-12T09:00:00Z"),
        description,
        owners,
        (f"domain:{domain}", *tags),
        schedule,
        paused,
        chain(*tasks),
    )


def _runs(dags: dict[str, Dag]) -> tuple[DagRun, ...]:
    def run(
        dag_id: str,
        run_id: str,
        started: int,
        *,
        minutes: int = 40,
        failed: str | None = None,
        skipped: tuple[str, ...] = (),
        conf: dict[str, object] | None = None,
    ) -> DagRun:
        tasks = dags[dag_id].tasks
        return dag_run(dag_id, run_id, tasks, started, minutes=minutes, failed=failed, skipped=skipped, conf=conf)

    def by_hand(dag_id: str, when: str, conf: dict[str, object] | None = None, *skipped: str) -> DagRun:
        started = at(when)
        return run(dag_id, manual_id(started), started + 5_000, minutes=90, skipped=skipped, conf=conf)

    home = "personalization_home_ranking"
    return (
        # the night that made version 7: the shots were written before their report failed
        run("studio_frame_extraction", manual_id(GOOD_NIGHT), GOOD_NIGHT + 5_000, minutes=38),
        run(
            "studio_shot_boundaries", SHOTS_OF_GOOD_NIGHT, GOOD_NIGHT + 39 * MINUTE, minutes=52, failed="quality_report"
        ),
        run(NIGHTLY, NIGHTLY_OF_GOOD_NIGHT, GOOD_NIGHT + 66 * MINUTE, minutes=96),
        # last night: a master arrived broken, and the chain carried it to the end
        run("studio_ingest_masters", manual_id(BAD_NIGHT), BAD_NIGHT + 5_000, minutes=60, failed="verify_checksums"),
        run("studio_frame_extraction", FRAMES_OF_BAD_NIGHT, BAD_NIGHT + 31 * MINUTE, minutes=38),
        run("studio_shot_boundaries", SHOTS_OF_BAD_NIGHT, BAD_NIGHT + 70 * MINUTE, minutes=52, failed="quality_report"),
        run(NIGHTLY, NIGHTLY_OF_BAD_NIGHT, BAD_NIGHT + 97 * MINUTE, minutes=96, failed="evaluate"),
        # nights when nothing broke
        by_hand(NIGHTLY, "2026-06-08T02:00:00Z"),
        by_hand(NIGHTLY, "2026-07-06T02:00:00Z"),
        by_hand(NIGHTLY, "2026-09-21T02:00:00Z"),
        by_hand(NIGHTLY, "2026-11-22T02:00:00Z", None, "register"),
        by_hand("studio_ingest_masters", "2026-11-22T00:00:00Z"),
        by_hand("studio.train-shot-detector", "2026-05-30T04:00:00Z"),
        by_hand("studio.train-shot-detector", "2026-08-29T04:00:00Z"),
        by_hand("studio.train-shot-detector", "2026-11-01T04:00:00Z"),
        by_hand("personalization_viewer_embedding", "2026-11-16T02:00:00Z"),
        by_hand("personalization_viewer_embedding", "2026-11-22T02:00:00Z"),
        by_hand(home, "2026-08-31T02:00:00Z"),
        by_hand(home, "2026-10-12T02:00:00Z"),
        by_hand(home, "2026-11-22T02:00:00Z", {"ab_test_cells": cells("home-ranking-freshness", 2, "treatment")}),
        by_hand("ads_context_matching", "2026-06-15T06:30:00Z"),
        by_hand("ads_context_matching", "2026-08-10T06:30:00Z"),
        by_hand("ads_context_matching", "2026-10-05T06:30:00Z"),
        by_hand("ads_context_matching", "2026-11-22T06:30:00Z"),
        by_hand("payments_fraud_screen", "2026-07-15T06:00:00Z"),
        by_hand("payments_fraud_screen", "2026-10-15T06:00:00Z"),
    )


def _assets() -> tuple[Asset, ...]:
    embedding = model_uri(STUDIO, "content-embedding")
    detector = model_uri(STUDIO, "shot-boundary-detector")
    home = model_uri(PERSONALIZATION, "it's-a-ranker")
    return (
        Asset(
            MASTERS[1],
            MASTERS[0],
            producers=(("studio_ingest_masters", "copy_masters"),),
            consumers=(("studio_frame_extraction", "split"),),
            scheduled=("studio_frame_extraction",),
        ),
        Asset(
            FRAMES[1],
            FRAMES[0],
            producers=(("studio_frame_extraction", "write_frames"),),
            consumers=(
                ("studio_shot_boundaries", "detect_shots"),
                (NIGHTLY, "collect_frames"),
                ("studio.train-shot-detector", "sample_frames"),
                ("personalization_viewer_embedding", "join_sessions"),
            ),
            scheduled=("studio_shot_boundaries", NIGHTLY),
        ),
        Asset(
            SHOTS[1],
            SHOTS[0],
            producers=(("studio_shot_boundaries", "detect_shots"),),
            consumers=((NIGHTLY, "embed_scenes"),),
            scheduled=(NIGHTLY,),
        ),
        Asset(
            embedding,
            embedding,
            producers=((NIGHTLY, "register"),),
            consumers=(("ads_context_matching", "load_model"),),
        ),
        Asset(detector, detector, consumers=(("studio_shot_boundaries", "detect_shots"),)),
        Asset(home, home, producers=(("personalization_home_ranking", "register"),)),
        Asset(
            SESSIONS[1],
            SESSIONS[0],
            consumers=(
                ("personalization_viewer_embedding", "join_sessions"),
                ("personalization_home_ranking", "features"),
            ),
        ),
        Asset(SCENE_MATCHES[1], SCENE_MATCHES[0], producers=(("ads_context_matching", "match_breaks"),)),
        Asset(TRANSACTIONS[1], TRANSACTIONS[0], consumers=(("payments_fraud_screen", "extract"),)),
    )


def _events() -> tuple[AssetEvent, ...]:
    good, bad = (NIGHTLY, NIGHTLY_OF_GOOD_NIGHT), (NIGHTLY, NIGHTLY_OF_BAD_NIGHT)
    shots_of_good, shots_of_bad = (
        ("studio_shot_boundaries", SHOTS_OF_GOOD_NIGHT),
        ("studio_shot_boundaries", SHOTS_OF_BAD_NIGHT),
    )
    frames_of_bad = ("studio_frame_extraction", FRAMES_OF_BAD_NIGHT)
    frames_of_good = ("studio_frame_extraction", manual_id(GOOD_NIGHT))

    def written(uri: str, at_: int, task: str, by: tuple[str, str], *fed: tuple[str, str], **extra: str) -> AssetEvent:
        return AssetEvent(uri, at_, by[0], task, by[1], extra, fed)

    return (
        written(FRAMES[1], GOOD_NIGHT + 38 * MINUTE, "write_frames", frames_of_good, shots_of_good, good),
        written(SHOTS[1], GOOD_NIGHT + 65 * MINUTE, "detect_shots", shots_of_good, good),
        written(
            model_uri(STUDIO, "content-embedding"),
            GOOD_NIGHT + 160 * MINUTE,
            "register",
            good,
            model_version="7",
            mlflow_run_id=hex_id("run", STUDIO, "content-embedding", 7),
        ),
        written(
            MASTERS[1],
            BAD_NIGHT + 30 * MINUTE,
            "copy_masters",
            ("studio_ingest_masters", manual_id(BAD_NIGHT)),
            frames_of_bad,
        ),
        written(FRAMES[1], BAD_NIGHT + 69 * MINUTE, "write_frames", frames_of_bad, shots_of_bad, bad),
        written(SHOTS[1], BAD_NIGHT + 96 * MINUTE, "detect_shots", shots_of_bad, bad),
    )
