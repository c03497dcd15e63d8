"""Secrets in files, and that no secret shows in any text of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.settings import SettingsError, read
from gateway.source_settings import GrowthBookSource, MlflowSource, UnleashSource

CANARY = "canary-b3a1"
MLFLOW = '[[sources]]\nname = "{name}"\nproduct = "mlflow"\nurl = "http://127.0.0.1:5000"\n'
GROWTHBOOK = '[[sources]]\nname = "g"\nproduct = "growthbook"\nurl = "http://127.0.0.1:1"\n'
UNLEASH = '[[sources]]\nname = "u"\nproduct = "unleash"\nurl = "http://127.0.0.1:1"\n'


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "secret").write_text(f"{CANARY}\n", "utf-8")
    (tmp_path / "windows").write_bytes(f"{CANARY}\r\n".encode())
    (tmp_path / "empty").write_text("\n", "utf-8")
    (tmp_path / "two-lines").write_text(f"{CANARY}\n{CANARY}\n", "utf-8")
    (tmp_path / "latin").write_bytes(b"\xe9")
    return str(tmp_path / "gateway.toml")


def mistakes(text: str, file: str, environment: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read(text, environment or {}, file)
    assert CANARY not in str(refused.value)
    return str(refused.value).splitlines()[1:]


@pytest.mark.parametrize("name", ["secret", "windows"])
def test_each_secret_may_be_in_a_file_beside_the_settings(file: str, name: str) -> None:
    absolute = str(Path(file).parent / name)
    text = MLFLOW.format(name="m") + f'auth = "basic"\nusername = "a"\npassword_file = "{name}"\n'
    text += MLFLOW.format(name="n") + f'auth = "bearer"\ntoken_file = "{absolute}"\n'
    text += GROWTHBOOK + f'token_file = "{name}"\n'
    text += UNLEASH + f'client_token_file = "{name}"\nadmin_token_env = "ADMIN"\n'
    settings = read(text, {"ADMIN": f"{CANARY}-env"}, file)
    basic, bearer, growthbook, unleash = settings.sources
    assert isinstance(basic, MlflowSource)
    assert isinstance(bearer, MlflowSource)
    assert isinstance(growthbook, GrowthBookSource)
    assert isinstance(unleash, UnleashSource)
    held = [basic.password, bearer.token, growthbook.token, unleash.client_token, unleash.admin_token]
    assert [secret and secret.get_secret_value() for secret in held] == [*[CANARY] * 4, f"{CANARY}-env"]
    assert CANARY not in repr(settings) + str(settings) + repr(settings.model_dump())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "the file cannot be read: No such file or directory"),
        (".", "the file cannot be read: Is a directory"),
        ("", "must be the path of a file"),
        ("a\\u0000b", "the file cannot be read: its path is not well formed"),
        ("empty", "the file is empty, or holds more than one line or a control character"),
        ("two-lines", "the file is empty, or holds more than one line or a control character"),
        ("latin", "the file is not UTF-8 text"),
        (CANARY, "the file cannot be read: No such file or directory"),
    ],
)
def test_a_file_without_a_secret_is_a_mistake_at_its_key(file: str, name: str, said: str) -> None:
    text = MLFLOW.format(name="m") + f'auth = "bearer"\ntoken_file = "{name}"\n'
    assert mistakes(text, file) == [f"  sources[0].token_file: {said}"]


def test_a_secret_is_said_once(file: str) -> None:
    text = MLFLOW.format(name="m") + 'auth = "bearer"\ntoken_file = "secret"\ntoken_env = "TOKEN"\n'
    assert mistakes(text, file, {"TOKEN": CANARY}) == ["  sources[0].token_file: has no use beside token_env"]


def test_a_secret_that_nothing_needs_is_a_mistake_at_the_key_that_was_written(file: str) -> None:
    text = MLFLOW.format(name="m") + 'auth = "bearer"\ntoken_file = "secret"\npassword_file = "secret"\n'
    assert mistakes(text, file) == ['  sources[0].password_file: has no use with auth = "bearer"']
    assert mistakes(MLFLOW.format(name="m") + "token_file = 3\n", file) == [
        "  sources[0].token_file: is not known here"
    ]
