"""The story with its data mentioned in other ways, and gateways over it with a source down or a smaller bound."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from gateway.demo.company import Asset, Company, DatasetInput
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from tests.graph.client import Graph, graph_over

NOWHERE = "http://127.0.0.1:9"
"""An address where nothing listens."""


def mention(name: str, uri: str | None, digest: str = "d1") -> DatasetInput:
    """An input as a training run logs it, with or without a place."""
    source = {"uri": uri} if uri else {"tags": {"mlflow.source.name": "train.py"}}
    return DatasetInput(name=name, digest=digest, source_type="s3" if uri else "code", source=json.dumps(source))


def with_inputs(company: Company, inputs: dict[tuple[str, int], tuple[DatasetInput, ...]]) -> Company:
    """The company with other inputs of the training runs of these versions (model and number)."""
    meant = {
        version.run_id: inputs[model.name, version.version]
        for registry in company.registries
        for model in registry.models
        for version in model.versions
        if (model.name, version.version) in inputs
    }
    registries = tuple(
        replace(
            registry,
            runs=tuple(
                replace(run, datasets=meant[run.run_id]) if run.run_id in meant else run for run in registry.runs
            ),
        )
        for registry in company.registries
    )
    return replace(company, registries=registries)


def with_assets(company: Company, *assets: Asset) -> Company:
    (orchestrator,) = company.orchestrators
    return replace(company, orchestrators=(replace(orchestrator, assets=(*orchestrator.assets, *assets)),))


@asynccontextmanager
async def asked(company: Company | None = None, *, down: str | None = None, more: str = "") -> AsyncIterator[Graph]:
    """A gateway over the company; `down` does not answer, `more` is added to the settings of every source."""
    async with serve_company(company or story(), remember=True) as running:
        settings = running.settings
        if down is not None:
            settings = settings.replace(running.served[down].url, NOWHERE)
        if more:
            settings = settings.replace("[[sources]]\n", f"[[sources]]\n{more}\n")
        async with graph_over(settings, ENVIRONMENT, running.served) as graph:
            if down != "airflow":
                await graph.ask('{ pipeline(name: "no-such", source: "airflow") { name } }')  # its token, once
            await graph.ask("{ sources { name } }")
            graph.forget_calls()
            yield graph


def calls(graph: Graph) -> dict[str, int]:
    """How many calls each source got since they were last forgotten."""
    return {name: len(graph.calls(name)) for name in graph.served}
