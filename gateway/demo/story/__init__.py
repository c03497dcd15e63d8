"""The hand-written corner of the demo company: Studio's model, the test in Ads that depends on it, the mess between.

Small enough to be seeded into real servers. Every link convention and every oddity a gateway meets is here once.

Studio turns masters into frames, frames into shots, and both into `content-embedding`, which knows where scenes begin
and what they are about. Version 7 is the champion. Nobody has noticed that the shots it was trained on came from a run
whose quality report failed, that Ads bets a running experiment on that very version, or that Personalization has begun
to build the same thing from the same frames under the name `viewer-embedding`.
"""

from __future__ import annotations

from gateway.demo.company import Company
from gateway.demo.story.experiments import growthbook
from gateway.demo.story.personalization import personalization
from gateway.demo.story.pipelines import airflow
from gateway.demo.story.studio import studio


def story() -> Company:
    return Company(registries=(studio(), personalization()), orchestrators=(airflow(),), platforms=(growthbook(),))
