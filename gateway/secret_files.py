"""Secrets in files, as Docker and Kubernetes mount them: a key in _file, in place of one in _env."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationInfo

from gateway.setting_files import named_file
from gateway.source_checks import Place

SECRETS = ("password", "token", "client_token", "admin_token", "client_secret")


class SecretFile(str):
    """The path of a file, where else the name of a variable stands: both fill the same field."""

    __slots__ = ()


def with_secret_files(written: object) -> object:
    """What is written in a settings file, with the paths of secrets in the places of their variables."""
    if isinstance(written, list):
        return [with_secret_files(each) for each in written]
    if not isinstance(written, dict):
        return written
    found = {name: with_secret_files(value) for name, value in written.items()}
    for secret in SECRETS:
        if isinstance(found.get(f"{secret}_file"), str):
            found.setdefault(f"{secret}_env", SecretFile(found.pop(f"{secret}_file")))
    return found


def secret_mistakes(written: object, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Secrets that are said twice."""
    if isinstance(written, list):
        for number, each in enumerate(written):
            yield from secret_mistakes(each, (*place, number))
    elif isinstance(written, dict):
        for name, value in written.items():
            yield from secret_mistakes(value, (*place, name))
        for secret in SECRETS:
            if f"{secret}_file" in written and f"{secret}_env" in written:
                yield (*place, f"{secret}_file"), f"has no use beside {secret}_env"


def place_written(place: Place, written: object) -> Place:
    """The place of a mistake by the key that stands in the file."""
    *above, last = place or ("",)
    table = written
    for part in above:
        try:
            table = table[part]  # type: ignore[index] # tables and lists, or there is no such place
        except (TypeError, KeyError, IndexError):
            return place
    if not isinstance(last, str) or not isinstance(table, Mapping) or last in table:
        return place
    file = f"{last.removesuffix('_env')}_file"
    return (*above, file) if last.endswith("_env") and file in table else place


def read_secret(path: SecretFile, info: ValidationInfo) -> str:
    """The secret alone, without the line break that editors put behind it; raises ValueError."""
    try:
        text = named_file(str(path), info).decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8 text") from None
    if not text or not text.isprintable():
        raise ValueError("the file is empty, or holds more than one line or a control character")
    return text
