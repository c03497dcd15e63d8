"""A gateway over the real servers, and the settings it has: what the README tells an operator to write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.graph.client import Graph, graph_over
from tests.servers.real_company import RealCompany


def settings_of(real: RealCompany, *, model_tag: bool = True) -> tuple[str, dict[str, str]]:
    """The settings file, and the environment its secrets are in."""
    tables = [
        f'[[sources]]\nname = "{name}"\nproduct = "mlflow"\nurl = "{server.url}"\n'
        f'domain = "{name.removesuffix("-mlflow")}"\n'
        for name, server in real.mlflows.items()
    ]
    name, password = real.airflow.viewer
    tables.append(
        f'[[sources]]\nname = "airflow"\nproduct = "airflow"\nurl = "{real.airflow.url}"\n'
        f'username = "{name}"\npassword_env = "LIVE_AIRFLOW_PASSWORD"\n'
    )
    tag = '[sources.links]\nmodel_tag = "model"\n' if model_tag else ""
    tables.append(
        f'[[sources]]\nname = "unleash"\nproduct = "unleash"\nurl = "{real.unleash.url}"\n'
        'client_token_env = "LIVE_UNLEASH_CLIENT"\nadmin_token_env = "LIVE_UNLEASH_ADMIN"\n'
        f'environment = "{real.unleash.environment}"\n{tag}'
    )
    environment = {
        "LIVE_AIRFLOW_PASSWORD": password,
        "LIVE_UNLEASH_CLIENT": real.unleash.client_token,
        "LIVE_UNLEASH_ADMIN": real.unleash.viewer_token,
    }
    return "\n".join(tables), environment


@asynccontextmanager
async def graph_of_real(real: RealCompany, *, model_tag: bool = True) -> AsyncIterator[Graph]:
    """The same gateway as everywhere, pointed at the real servers."""
    settings, environment = settings_of(real, model_tag=model_tag)
    async with graph_over(settings, environment, {}) as graph:
        yield graph
