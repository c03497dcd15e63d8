"""A caller with every type from the schema; prints what it shows. Argument: the address of the graph."""

import asyncio
import json
import sys

from lifecycle import AnyEntityNodePipeline, Lifecycle, RunState, UsageWindow


async def main(url: str) -> None:
    async with Lifecycle(url) as graph:
        model = await graph.model_card("content-embedding", usage=UsageWindow.CURRENT)
        entity = await graph.any_entity("mlg://pipeline/airflow/studio_content_embedding_nightly")
    assert model is not None
    version = model.find_version
    assert version is not None
    maker = version.produced_by
    assert maker is not None
    tests = [
        {
            "name": edge.node.name if edge.node else None,
            "since": edge.since.isoformat() if edge.since else None,
            "cells": [variation.key for variation in edge.variations or []],
        }
        for edge in version.experiments.edges
    ]
    shown = {
        "title": f"{model.name} {version.version}",
        "owners": [owner.handle for owner in model.owners],
        "madeWell": maker.node is not None and maker.node.state is RunState.SUCCESS,
        "tests": tests,
        "any": entity.name if isinstance(entity, AnyEntityNodePipeline) else None,
    }
    print(json.dumps(shown))


asyncio.run(main(sys.argv[1]))
