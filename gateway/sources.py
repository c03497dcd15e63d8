"""Makes the sources that the settings name: credentials, client and adapter of each, by role."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote_plus

from pydantic import SecretStr

from gateway.adapters import adapter_class
from gateway.settings import Settings
from gateway.source_settings import (
    AirflowSource,
    GrowthBookSource,
    MlflowSource,
    OtherSource,
    SourceSettings,
    UnleashSource,
)
from resolvers.forwarding import ExchangedToken, ForwardedToken, TokenExchange
from resolvers.http import ANONYMOUS, Credential, SourceClient, StaticCredential
from resolvers.mounts import Sources
from resolvers.sources import SourceAdapter
from resolvers.sources.directory import Directory
from resolvers.sources.orchestration.airflow_token import AirflowToken
from schema.source import SourceRole


def open_sources(settings: Settings) -> Sources:
    """Every configured source; no call is made, so that the gateway starts with all of them down."""
    adapters = [_adapter(source, settings.directory) for source in settings.sources]
    made = [(adapter.role, adapter) for adapter in adapters]
    of = {role: [adapter for its, adapter in made if its is role] for role in SourceRole}
    return Sources(
        of[SourceRole.MODEL_REGISTRY],  # type: ignore[arg-type] # the role says which protocol it has
        of[SourceRole.EXPERIMENT_PLATFORM],  # type: ignore[arg-type]
        of[SourceRole.ORCHESTRATOR],  # type: ignore[arg-type]
        settings.directory,
    )


async def close_sources(sources: Sources) -> None:
    """Close the connections of all."""
    for adapter in sources:
        await adapter.aclose()


def _adapter(source: SourceSettings, directory: Directory) -> SourceAdapter:
    client = SourceClient(source.name, source.url, _credentials(source), source.http_limits())
    more: dict[str, object] = {}
    if isinstance(source, GrowthBookSource):
        more["client_key"] = source.client_key
    elif isinstance(source, UnleashSource):
        more["environment"] = source.environment
    profile = source.profile()
    profile = replace(profile, labels=replace(profile.labels, directory=directory))
    adapter: SourceAdapter = adapter_class(source.product)(profile, client, **more)
    return adapter


def _credentials(source: SourceSettings) -> Mapping[str, Credential]:
    """By the names that the adapters use; "" is the one for most calls."""
    own = _callers(source)
    if own is not None:
        return {"": own, "sdk": ANONYMOUS} if isinstance(source, GrowthBookSource) else {"": own}
    match source:
        case MlflowSource() | OtherSource():
            return {"": _http_credential(source)}
        case AirflowSource():
            login = source.username and source.password
            return {"": AirflowToken(source.username or "", _text(source.password)) if login else ANONYMOUS}
        case GrowthBookSource():
            return {"": _header(f"Bearer {_text(source.token)}"), "sdk": ANONYMOUS}
        case UnleashSource():
            # Unleash wants its tokens bare.
            return {"": _header(_text(source.admin_token)), "client": _header(_text(source.client_token))}


def _callers(source: SourceSettings) -> Credential | None:
    """The caller's own credential, where the source is asked with it."""
    match source:
        case UnleashSource():
            return None
        case _ if source.auth == "forward":
            return ForwardedToken(source.name)
        case _ if source.auth == "exchange" and source.exchange is not None:
            said = source.exchange
            proof = {"Authorization": _basic(quote_plus(said.client_id), quote_plus(_text(said.client_secret)))}
            how = TokenExchange(said.audience, said.scope)
            return ExchangedToken(source.name, how, SourceClient(source.name, said.url, {"": StaticCredential(proof)}))
        case _:
            return None


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode('ascii')}"


def _http_credential(source: MlflowSource | OtherSource) -> Credential:
    if source.auth == "bearer":
        return _header(f"Bearer {_text(source.token)}")
    if source.auth == "basic":
        return _header(_basic(source.username or "", _text(source.password)))
    return ANONYMOUS


def _header(value: str) -> Credential:
    return StaticCredential({"Authorization": value})


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
