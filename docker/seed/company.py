"""The demo's story, with its experiments on two platforms: Personalization runs its tests on Unleash."""

from __future__ import annotations

from dataclasses import replace

from gateway.demo.company import Company
from gateway.demo.story import story

ON_UNLEASH = "prj_personalization"


def company() -> Company:
    """On one platform each: the same key on both would be two experiments that nobody can tell apart."""
    planned = story()
    (platform,) = planned.platforms
    there = tuple(experiment for experiment in platform.experiments if experiment.project == ON_UNLEASH)
    here = tuple(experiment for experiment in platform.experiments if experiment.project != ON_UNLEASH)
    return replace(
        planned,
        platforms=(replace(platform, experiments=here), replace(platform, name="unleash", experiments=there)),
    )
