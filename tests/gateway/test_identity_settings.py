"""The tables about clients: what they refuse, what they make, and that the example explains every key of them."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from pydantic import BaseModel

from gateway.client_settings import DocumentsSettings, RateLimit
from gateway.identity import Anyone
from gateway.identity_settings import IdentitySettings
from gateway.jwt_identity import JwtIdentity
from gateway.peer import Proxies
from gateway.proxy_identity import ProxyIdentity
from gateway.settings import Server, Settings, SettingsError, read
from tests.gateway.issuer import key, key_set

EXAMPLE = (Path(__file__).parents[2] / "gateway" / "example.toml").read_text("utf-8")
SOURCE = '[[sources]]\nname = "studio"\nproduct = "mlflow"\nurl = "http://127.0.0.1:5000"\n'
JWT = 'kind = "jwt"\nissuer = "https://login.example.org"\naudiences = ["graph"]\n'


def settings(text: str, file: str = "settings") -> Settings:
    return read(text + "\n" + SOURCE, {}, file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[identity]\nkind = "oidc"', ["identity.kind: must be 'none', 'proxy' or 'jwt'"]),
        ('[identity]\nissuer = "x"', ['identity.issuer: has no use with kind = "none"']),
        ("[identity]\nanonymous = false", ['identity.anonymous: has no use with kind = "none"']),
        (
            '[identity]\nkind = "proxy"\njwks_file = "keys.json"\nsubject_header = "X User"',
            [
                'identity.jwks_file: has no use with kind = "proxy"',
                "identity.jwks_file: the file cannot be read: No such file or directory",
                "identity.subject_header: must be the name of a header",
                'server.trusted_proxies: is missing: identity.kind = "proxy" needs it',
            ],
        ),
        (
            '[identity]\nkind = "jwt"',
            [
                'identity.audiences: is missing: kind = "jwt" needs it',
                'identity.issuer: is missing: kind = "jwt" needs it',
                "identity.jwks_url: name either an address or, as jwks_file, a file of keys",
            ],
        ),
        (
            f'[identity]\n{JWT}jwks_url = "http://login.example.org/keys"\nalgorithms = ["RS256", "HS256", "none"]',
            [
                "identity.algorithms[1]: must be 'RS256', 'ES256' or 'EdDSA'",
                "identity.algorithms[2]: must be 'RS256', 'ES256' or 'EdDSA'",
                "identity.jwks_url: must be https: whoever can change the keys on their way can be anyone",
            ],
        ),
        (
            '[server]\ntrusted_proxies = ["10.0.0.1/8", "proxy", 7]\ncors_origins = ["*", "https://a.example/x"]',
            [
                "server.cors_origins[0]: must be an address like https://mlflow.example.org",
                "server.cors_origins[1]: must be an origin like https://app.example.org, in small letters and without "
                "a path",
                *(f"server.trusted_proxies[{n}]: must be an address or a network like 10.0.0.0/8" for n in range(3)),
            ],
        ),
        (
            "[rate_limit]\npoints_per_minute = -1\nburst = 0",
            [
                "rate_limit.burst: must be greater than or equal to 1",
                "rate_limit.points_per_minute: must be greater than or equal to 0",
            ],
        ),
        ('[documents]\nmode = "require"', ['documents.manifest: is missing: mode = "require" needs it']),
        (
            '[documents]\nmanifest = "nowhere.json"',
            ["documents.manifest: the file cannot be read: No such file or directory"],
        ),
    ],
)
def test_every_mistake_is_said_at_its_place(text: str, said: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(text)
    assert str(refused.value).splitlines()[1:] == [f"  {line}" for line in said]


@pytest.mark.parametrize(("content", "said"), [("{", "is not JSON"), ('{"keys": []}', "holds no public key for")])
def test_files_without_what_they_are_named_for_are_mistakes(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "file.json").write_text(content, "utf-8")
    with pytest.raises(SettingsError, match=f"identity.jwks_file: the file {said}"):
        settings(f'[identity]\n{JWT}jwks_file = "file.json"', str(tmp_path / "gateway.toml"))
    with pytest.raises(SettingsError, match=r"documents\.manifest: the file "):
        settings('[documents]\nmode = "warn"\nmanifest = "file.json"', str(tmp_path / "gateway.toml"))


async def test_each_kind_makes_its_identity(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(msgspec.json.encode(key_set(key("first"))))
    texts = {
        "": Anyone,
        '[server]\ntrusted_proxies = ["10.0.0.0/8"]\n[identity]\nkind = "proxy"': ProxyIdentity,
        f'[identity]\n{JWT}jwks_file = "keys.json"': JwtIdentity,
        f'[identity]\n{JWT}jwks_url = "https://login.example.org/keys"': JwtIdentity,
        f'[identity]\n{JWT}jwks_url = "http://localhost:8080/keys"': JwtIdentity,
        f'[identity]\n{JWT}jwks_url = "http://[::1]:8080/keys"': JwtIdentity,
    }
    for text, kind in texts.items():
        identity = settings(text, str(tmp_path / "gateway.toml")).identity.opened(Proxies())
        assert type(identity) is kind
        await identity.aclose()


@pytest.mark.parametrize(
    ("table", "name"),
    [(IdentitySettings, "identity"), (RateLimit, "rate_limit"), (DocumentsSettings, "documents"), (Server, "server")],
)
def test_the_example_explains_every_key_with_its_default(table: type[BaseModel], name: str) -> None:
    part = EXAMPLE.partition(f"\n[{name}]\n")[2].partition("\n[")[0]
    for key_, field in table.model_fields.items():
        found = re.search(rf"^# +{field.alias or key_} = (.+?)(?:  +#|$)", part, re.MULTILINE)
        assert found, key_
        written = found[1].strip()
        if field.default not in (None, (), {}) and isinstance(field.default, str | int | float | tuple):
            shown = msgspec.json.encode(field.default).decode().replace(",", ", ")
            assert written == shown, key_
