"""The company with its experiments on Unleash instead of GrowthBook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from gateway.demo import unleash
from gateway.demo.company import Company
from gateway.demo.server import ServedApp, serve
from gateway.demo.sources import serve_company


@dataclass(frozen=True, slots=True)
class OnUnleash:
    settings: str
    environment: Mapping[str, str]
    served: Mapping[str, ServedApp]


@asynccontextmanager
async def serve_unleash(company: Company) -> AsyncIterator[OnUnleash]:
    """Serve a company's registries and orchestrators as ever, and its platform as an Unleash."""
    (platform,) = company.platforms
    environment = {"TEST_UNLEASH_CLIENT": "default:development.client", "TEST_UNLEASH_ADMIN": "*:*.admin"}
    application = unleash.app(
        platform, client_token=environment["TEST_UNLEASH_CLIENT"], admin_token=environment["TEST_UNLEASH_ADMIN"]
    )
    async with serve_company(replace(company, platforms=()), remember=True) as rest, serve(application) as flags:
        table = (
            f'[[sources]]\nname = "unleash"\nproduct = "unleash"\nurl = "{flags.url}"\n'
            'client_token_env = "TEST_UNLEASH_CLIENT"\nadmin_token_env = "TEST_UNLEASH_ADMIN"\n'
        )
        yield OnUnleash(f"{rest.settings}\n{table}", environment, {**rest.served, "unleash": flags})
