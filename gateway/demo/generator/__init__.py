"""The whole demo company: the story, and around it as many generated models, pipelines and experiments as wanted.

The same number gives the same company, always. The generated rest never names anything of the story, so that every
answer about the story is the same in a company of any size. All its references resolve: what dangles is the story's.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from gateway.demo.company import Company
from gateway.demo.generator.experiments import experiments
from gateway.demo.generator.models import fill_registries
from gateway.demo.generator.pipelines import Plant
from gateway.demo.story import story

SEED = 2026


def build(models: int = 1200) -> Company:
    """The company with so many models, a third as many pipelines and two thirds as many experiments."""
    base = story()
    rng = Random(SEED)
    (orchestrator,), (platform,) = base.orchestrators, base.platforms
    plant = Plant(rng, _rest(models // 3, len(orchestrator.dags)))
    plant.lay_out()
    made = fill_registries(rng, _rest(models, sum(len(registry.models) for registry in base.registries)), plant)
    plant.serve()
    tests = experiments(rng, _rest(models * 2 // 3, len(platform.experiments)), made)
    return Company(
        registries=tuple(
            replace(
                registry,
                groups=registry.groups | made.groups.get(registry.name, {}),
                models=(*registry.models, *(row.model for row in made.rows if row.words.registry == registry.name)),
                runs=(*registry.runs, *made.runs.get(registry.name, ())),
            )
            for registry in base.registries
        ),
        orchestrators=(
            replace(
                orchestrator,
                dags=(*orchestrator.dags, *(line.dag() for line in plant.lines)),
                # Oldest first, as an orchestrator numbers them.
                runs=tuple(
                    sorted(
                        (*orchestrator.runs, *(run for line in plant.lines for run in line.runs)),
                        key=lambda run: run.queued,
                    )
                ),
                assets=(*orchestrator.assets, *(stock.asset() for stock in plant.stocks)),
                events=(*orchestrator.events, *(writing.event() for writing in plant.writings)),
            ),
        ),
        platforms=(replace(platform, experiments=(*platform.experiments, *tests)),),
    )


def _rest(total: int, told: int) -> int:
    return max(0, total - told)
