"""Runs the demo company's systems on loopback, and writes the settings file a gateway over them would have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from gateway.demo import airflow, growthbook, mlflow
from gateway.demo.company import Company
from gateway.demo.server import ServedApp, serve

ENVIRONMENT = {"DEMO_AIRFLOW_PASSWORD": "demo", "DEMO_GROWTHBOOK_TOKEN": "secret_demo"}
"""The secrets of the demo's servers, which hold nothing but generated data."""
CLIENT_KEY = "sdk-demo"
CALLS_PER_MINUTE = 6000
"""GrowthBook's own 60 would stop a person who tries things out; self-hosters raise it too."""


@dataclass(frozen=True, slots=True)
class RunningCompany:
    """The company's systems by source name, and the settings of a gateway over them."""

    served: dict[str, ServedApp]
    settings: str


@asynccontextmanager
async def serve_company(company: Company, *, remember: bool = False) -> AsyncIterator[RunningCompany]:
    """Serve every registry, orchestrator and platform of a company until the block ends."""
    async with AsyncExitStack() as stack:
        served: dict[str, ServedApp] = {}
        tables: list[str] = []
        for registry in company.registries:
            domain = registry.name.removesuffix("-mlflow")
            here = served[registry.name] = await stack.enter_async_context(
                serve(mlflow.app(registry), remember=remember)
            )
            tables.append(_table(registry.name, "mlflow", here.url, f'domain = "{domain}"'))
        for orchestrator in company.orchestrators:
            application = airflow.app(orchestrator, users={"gateway": ENVIRONMENT["DEMO_AIRFLOW_PASSWORD"]})
            here = served[orchestrator.name] = await stack.enter_async_context(serve(application, remember=remember))
            login = 'username = "gateway"\npassword_env = "DEMO_AIRFLOW_PASSWORD"'
            tables.append(_table(orchestrator.name, "airflow", here.url, login))
        for platform in company.platforms:
            application = growthbook.app(
                platform,
                secret=ENVIRONMENT["DEMO_GROWTHBOOK_TOKEN"],
                client_key=CLIENT_KEY,
                calls_per_minute=CALLS_PER_MINUTE,
            )
            here = served[platform.name] = await stack.enter_async_context(serve(application, remember=remember))
            keys = f'token_env = "DEMO_GROWTHBOOK_TOKEN"\nclient_key = "{CLIENT_KEY}"'
            tables.append(_table(platform.name, "growthbook", here.url, keys))
        yield RunningCompany(served, "\n".join(tables))


def _table(name: str, product: str, url: str, more: str) -> str:
    return f'[[sources]]\nname = "{name}"\nproduct = "{product}"\nurl = "{url}"\n{more}\n'
