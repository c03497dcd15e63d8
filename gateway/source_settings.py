"""What can be said of one source: the fields each product knows, so that a wrong one is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationInfo,
)

from gateway.adapters import PRODUCTS, adapter_class
from gateway.secret_files import SecretFile, read_secret
from resolvers.conventions import Conventions
from resolvers.http import HttpLimits
from resolvers.sources import SourceProfile
from resolvers.sources.labels import LabelRules


class Frozen(BaseModel):
    """A table of the settings file: unknown keys are refused, nothing is converted, no value is ever shown."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True, validate_default=False
    )


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", text):
        raise ValueError("must be small letters, digits and '-', beginning with no '-', at most 63")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("must be an address like https://mlflow.example.org") from None
    plain = text.isascii() and text.isprintable() and " " not in text
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not plain:
        raise ValueError("must be an address like https://mlflow.example.org")
    if "@" in parts.netloc:
        raise ValueError("must hold no user and no password: name these in their own fields")
    if "?" in text or "#" in text:
        raise ValueError("must end before any '?' or '#'")
    return text.rstrip("/")


def _origin(text: str) -> str:
    text = _url(text)
    if urlsplit(text).path or text != text.lower():
        raise ValueError("must be an origin like https://app.example.org, in small letters and without a path")
    return text


def _secret(name: object, info: ValidationInfo) -> SecretStr:
    """The value of the environment variable that is named; a text that is no such name could be a secret itself."""
    if isinstance(name, SecretFile):
        return SecretStr(read_secret(name, info))
    if not isinstance(name, str) or not re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name):
        raise ValueError("must be the name of an environment variable, in capital letters")
    environment: Mapping[str, str] = (info.context or {}).get("environment", {})
    value = environment.get(name, "")
    if not value:
        raise ValueError(f"the environment variable {name} is not set")
    if not value.isprintable():
        raise ValueError(f"the environment variable {name} holds a line break or another control character")
    return SecretStr(value)


def _adapter(product: str) -> str:
    adapter_class(product)
    return product


Name = Annotated[str, AfterValidator(_name)]
Url = Annotated[str, AfterValidator(_url)]
Origin = Annotated[str, AfterValidator(_origin)]
Word = Annotated[str, Field(min_length=1)]
Words = Annotated[tuple[Word, ...], Field(strict=False)]
Pair = Annotated[tuple[Word, Word], Field(strict=False)]
Seconds = Annotated[float, Field(ge=0.05, le=300)]
Places = Annotated[int, Field(ge=1, le=32)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
Tagged = Annotated[Word | None, BeforeValidator(lambda text: None if text == "" else text)]
"""The key of a tag; an empty text says that there is no such tag."""

_NAMES = Conventions()
_LABELS = LabelRules()
_LIMITS = HttpLimits()


class Limits(Frozen):
    """Bounds of the calls to one source."""

    attempt_s: Seconds = _LIMITS.attempt_s
    connect_s: Seconds = _LIMITS.connect_s
    source_s: Seconds = _LIMITS.source_s
    response_mb: Annotated[float, Field(gt=0, le=1024)] = _LIMITS.response_bytes / 2**20
    concurrency: Places = _LIMITS.concurrency
    queue: Annotated[int, Field(ge=1, le=10_000)] = _LIMITS.queue
    queue_s: Seconds = _LIMITS.queue_s


class MlflowLimits(Limits):
    concurrency: Places = 4


class GrowthBookLimits(Limits):
    # Twenty calls at once were no faster than five, and a key has sixty a minute.
    concurrency: Places = 5
    # The SDK payload is one answer of all that runs: 8.5 MB for 12,500 experiments.
    response_mb: Annotated[float, Field(gt=0, le=1024)] = 32.0


class Labels(Frozen):
    """Which tags say who owns a thing and where it belongs."""

    owner_tags: Words = _LABELS.owner_tags
    team_tag: Word = _LABELS.team_tag
    domain_tag: Word = _LABELS.domain_tag


class RegistryLinks(Frozen):
    """Names under which training runs and versions refer to pipelines, cells and features."""

    pipeline_tags: Annotated[tuple[Pair, ...], Field(strict=False)] = _NAMES.pipeline_tags
    cells: Word = _NAMES.cells
    feature_tags: Words = _NAMES.feature_tags


class PlatformLinks(Frozen):
    """Names under which experiments refer to models."""

    model_keys: Words = _NAMES.model_keys
    version_keys: Words = _NAMES.version_keys
    alias_keys: Words = _NAMES.alias_keys
    model_tag: Tagged = _NAMES.model_tag
    registry: Name | None = None


class UnleashLinks(PlatformLinks):
    # Unleash refuses a search for a tag of a type it does not have.
    model_tag: Tagged = None


class OrchestratorLinks(Frozen):
    """Names under which pipelines and their runs refer to models and cells."""

    model_tag: Tagged = _NAMES.model_tag
    cells: Word = _NAMES.cells
    model_uri_scheme: Word = _NAMES.model_uri_scheme
    registry: Name | None = None


class AnyLinks(RegistryLinks, PlatformLinks):
    """All names, for adapters of which nothing is known here."""

    model_uri_scheme: Word = _NAMES.model_uri_scheme


class Exchange(Frozen):
    """Where a caller's token is exchanged for one that the source takes (RFC 8693)."""

    url: Url
    client_id: Word
    client_secret: Secret = Field(alias="client_secret_env")
    audience: Word | None = None
    scope: Word | None = None


class Source(Frozen):
    """What is said of every source."""

    name: Name
    url: Url
    ui_url: Url | None = None
    """Where people open it in a browser."""
    domain: Word | None = None
    also_named: Words = ()
    scan_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    labels: Labels = Labels()
    links: Frozen
    limits: Limits = Limits()

    def profile(self) -> SourceProfile:
        """What its adapter and the link table read."""
        return SourceProfile(
            name=self.name,
            ui_url=self.ui_url or self.url,
            also_named=self.also_named,
            labels=LabelRules(**self.labels.model_dump(), domain=self.domain),
            conventions=replace(_NAMES, **self.links.model_dump()),
            scan_rows=self.scan_rows,
            forwarded=getattr(self, "auth", "") in ("forward", "exchange"),
        )

    def http_limits(self) -> HttpLimits:
        limits = self.limits.model_dump()
        return HttpLimits(response_bytes=int(limits.pop("response_mb") * 2**20), **limits)


class MlflowSource(Source):
    product: Literal["mlflow"]
    auth: Literal["none", "basic", "bearer", "forward", "exchange"] = "none"
    exchange: Exchange | None = None
    username: Word | None = None
    password: Secret | None = Field(default=None, alias="password_env")
    token: Secret | None = Field(default=None, alias="token_env")
    links: RegistryLinks = RegistryLinks()
    limits: MlflowLimits = MlflowLimits()


class AirflowSource(Source):
    product: Literal["airflow"]
    auth: Literal["none", "password", "forward", "exchange"] = "password"
    exchange: Exchange | None = None
    username: Word | None = None
    password: Secret | None = Field(default=None, alias="password_env")
    links: OrchestratorLinks = OrchestratorLinks()


class GrowthBookSource(Source):
    product: Literal["growthbook"]
    auth: Literal["bearer", "forward", "exchange"] = "bearer"
    exchange: Exchange | None = None
    token: Secret | None = Field(default=None, alias="token_env")
    client_key: Word | None = None
    """Of an SDK connection: no secret, applications are shipped with it."""
    links: PlatformLinks = PlatformLinks()
    limits: GrowthBookLimits = GrowthBookLimits()

    def profile(self) -> SourceProfile:
        # Its API has an address of its own: without `ui_url` there is nothing to open.
        return replace(super().profile(), ui_url=self.ui_url or "")


class UnleashSource(Source):
    product: Literal["unleash"]
    client_token: Secret = Field(alias="client_token_env")
    admin_token: Secret = Field(alias="admin_token_env")
    environment: Word = "development"
    links: UnleashLinks = UnleashLinks()


class OtherSource(Source):
    """A source whose adapter is not ours, made as `Class(profile, client)`."""

    product: Annotated[str, AfterValidator(_adapter)]
    auth: Literal["none", "basic", "bearer", "forward", "exchange"] = "none"
    exchange: Exchange | None = None
    username: Word | None = None
    password: Secret | None = Field(default=None, alias="password_env")
    token: Secret | None = Field(default=None, alias="token_env")
    links: AnyLinks = AnyLinks()


def _member(source: Any) -> str | None:
    product = source.get("product") if isinstance(source, dict) else getattr(source, "product", None)
    if not isinstance(product, str):
        return None
    return product if product in PRODUCTS else "other" if ":" in product else None


SourceSettings = Annotated[
    Annotated[MlflowSource, Tag("mlflow")]
    | Annotated[AirflowSource, Tag("airflow")]
    | Annotated[GrowthBookSource, Tag("growthbook")]
    | Annotated[UnleashSource, Tag("unleash")]
    | Annotated[OtherSource, Tag("other")],
    Discriminator(
        _member,
        custom_error_type="unknown_product",
        custom_error_message=f"must be {', '.join(PRODUCTS)}, or module:Class of an adapter",
    ),
]
