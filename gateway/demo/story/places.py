"""What the story's systems say of each other: registries, datasets, and the runs of the two nights that matter."""

from __future__ import annotations

from gateway.demo.parts import MINUTE, asset_triggered_id, at

STUDIO = "studio-mlflow"
PERSONALIZATION = "personalization-mlflow"

FRAMES = ("studio.frames", "s3://studio/frames")
SHOTS = ("studio.shots", "s3://studio/shots")
MASTERS = ("studio.masters", "s3://studio/masters")
SESSIONS = ("personalization.viewing_sessions", "s3://personalization/viewing-sessions")
SCENE_MATCHES = ("ads.scene_matches", "s3://ads/scene-matches")
TRANSACTIONS = ("payments.transactions", "s3://payments/transactions")

FRAME_COLUMNS = {"title_id": "string", "frame_no": "long", "pixels": "binary", "captured_at": "datetime"}
SHOT_COLUMNS = {"title_id": "string", "shot_no": "long", "shot_len": "double", "boundary_strength": "double"}
SESSION_COLUMNS = {"viewer_id": "string", "title_id": "string", "watched_s": "double", "finished": "boolean"}

SCENE_FEATURES = ("scene_stats:shot_len", "scene_stats:cut_rate", "scene_stats:boundary_strength")

NIGHTLY = "studio_content_embedding_nightly"

# The two nights that matter. On the first, version 7 was made; on the second, last night, everything upstream broke.
GOOD_NIGHT = at("2026-11-09T01:00:00Z")
BAD_NIGHT = at("2026-11-23T00:00:00Z")

SHOTS_OF_GOOD_NIGHT = asset_triggered_id("studio_shot_boundaries", GOOD_NIGHT + 39 * MINUTE)
NIGHTLY_OF_GOOD_NIGHT = asset_triggered_id(NIGHTLY, GOOD_NIGHT + 66 * MINUTE)
FRAMES_OF_BAD_NIGHT = asset_triggered_id("studio_frame_extraction", BAD_NIGHT + 31 * MINUTE)
SHOTS_OF_BAD_NIGHT = asset_triggered_id("studio_shot_boundaries", BAD_NIGHT + 70 * MINUTE)
NIGHTLY_OF_BAD_NIGHT = asset_triggered_id(NIGHTLY, BAD_NIGHT + 97 * MINUTE)
