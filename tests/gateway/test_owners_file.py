"""The owners file: what it may say, and that all its mistakes are listed with those of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import SettingsError, load
from gateway.sources import close_sources, open_sources
from schema.node import OwnerName

SETTINGS = """
[owners]
file = "owners.toml"
[[sources]]
name = "studio"
product = "mlflow"
url = "http://127.0.0.1:5000"
"""


def settings(folder: Path, owners: str | None, text: str = SETTINGS) -> Path:
    if owners is not None:
        (folder / "owners.toml").write_text(owners, "utf-8")
    file = folder / "gateway.toml"
    file.write_text(text, "utf-8")
    return file


def mistakes(file: Path) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(file, {})
    return [line.strip() for line in str(refused.value).splitlines()[1:]]


async def test_every_source_knows_the_people_and_teams_of_the_file(tmp_path: Path) -> None:
    owners = """
        [people."maya.ortiz"]
        email = "maya@example.com"
        also = ["mortiz"]
        [people.tomas]
        team = "tools"
        [teams.scenes]
        members = ["maya.ortiz", "lena"]
        also = ["cu"]
    """
    sources = open_sources(load(settings(tmp_path, owners), {}))
    try:
        directory = sources.registries["studio"].profile.labels.directory
        assert directory is sources.directory
        assert directory.owner("MORTIZ") == OwnerName("maya.ortiz", "maya@example.com", "scenes")
        assert directory.owner("lena") == OwnerName("lena", None, "scenes")
        assert directory.owner("cu") == OwnerName("scenes", None, "scenes")
        # A team that only a person names is one, too.
        assert set(directory.spellings("tools")) == {"tools", "tomas"}
        assert directory.owner("nobody") is None
    finally:
        await close_sources(sources)


def test_without_a_file_nobody_is_known(tmp_path: Path) -> None:
    bare = SETTINGS.replace('[owners]\nfile = "owners.toml"\n', "")
    assert load(settings(tmp_path, None, bare), {}).directory.owner("maya.ortiz") is None


def test_every_mistake_in_it_is_listed_at_once_beside_those_of_the_settings(tmp_path: Path) -> None:
    owners = """
        [people.maya]
        mail = "maya@example.com"
        also = "mortiz"
        [teams.scenes]
        email = ""
        members = [1]
    """
    found = mistakes(settings(tmp_path, owners, SETTINGS.replace("mlflow", "mlfow")))
    assert [line for line in found if line.startswith("owners")] == [
        "owners.file: owners.toml: people.maya.also: must be a list",
        "owners.file: owners.toml: people.maya.mail: is not known here",
        "owners.file: owners.toml: teams.scenes.email: must not be empty",
        "owners.file: owners.toml: teams.scenes.members.0: must be a valid string",
    ]
    assert any(line.startswith("sources[0].product") for line in found)


def test_a_spelling_that_means_two_is_a_mistake(tmp_path: Path) -> None:
    owners = """
        [people.maya]
        also = ["scenes", "MO"]
        [people.mona]
        also = ["mo"]
        [teams.scenes]
        members = ["mona"]
    """
    assert mistakes(settings(tmp_path, owners)) == [
        "owners.file: owners.toml: people.mona: 'mo' means people.maya already",
        "owners.file: owners.toml: teams.scenes: 'scenes' means people.maya already",
    ]


def test_a_file_that_cannot_be_read_is_one_mistake(tmp_path: Path) -> None:
    assert mistakes(settings(tmp_path, None)) == ["owners.file: owners.toml: cannot be read: No such file or directory"]
    assert mistakes(settings(tmp_path, "[people"))[0].startswith("owners.file: owners.toml: is not TOML")
    (tmp_path / "owners.toml").write_bytes(b"\xff")
    assert mistakes(tmp_path / "gateway.toml") == ["owners.file: owners.toml: is not UTF-8 text"]
