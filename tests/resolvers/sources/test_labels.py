"""Who owns a thing, read from its labels, with and without a directory of people and teams."""

from __future__ import annotations

from resolvers.sources.directory import Directory, Person, Team
from resolvers.sources.labels import LabelRules, is_owner, is_unowned, owners_of
from schema.node import OwnerName

PLAIN = LabelRules()
MAYA = Person("maya.ortiz", "maya.ortiz@example.com", "scenes", ("mortiz", "Maya Ortiz"))
TOMAS = Person("tomas", None, "scenes")
SCENES = Team("scenes", "scenes@example.com", ("maya.ortiz", "tomas"), ("cu-team",))
KNOWING = LabelRules(directory=Directory((MAYA, TOMAS), (SCENES,)))


def test_an_address_is_known_by_its_local_part_and_a_name_as_it_is_written() -> None:
    labels = [("owner", "maya.ortiz@example.com, tomas"), ("team", "scenes")]
    assert owners_of(PLAIN, labels) == [
        OwnerName("maya.ortiz", "maya.ortiz@example.com", "scenes"),
        OwnerName("tomas", None, "scenes"),
    ]


def test_a_team_without_a_person_owns_by_itself() -> None:
    assert owners_of(PLAIN, [("team", "scenes")]) == [OwnerName("scenes", None, "scenes")]


def test_a_thing_is_unowned_where_neither_source_nor_labels_name_anybody() -> None:
    assert is_unowned(owners_of(PLAIN, [("domain", "studio"), ("owner", " , ")]))
    assert not is_unowned(owners_of(PLAIN, [("team", "scenes")]))
    assert not is_unowned(owners_of(PLAIN, [], ["maya.ortiz"]))


def test_every_spelling_of_somebody_is_one_owner() -> None:
    written = ["mortiz", "MAYA ORTIZ", "maya.ortiz@example.com", "maya.ortiz"]
    assert owners_of(KNOWING, [], written) == [OwnerName("maya.ortiz", "maya.ortiz@example.com", "scenes")]


def test_the_team_beside_an_owner_counts_before_the_directorys() -> None:
    assert owners_of(KNOWING, [("owner", "mortiz"), ("team", "ads")]) == [
        OwnerName("maya.ortiz", "maya.ortiz@example.com", "ads")
    ]
    assert owners_of(KNOWING, [("team", "cu-team")]) == [OwnerName("scenes", "scenes@example.com", "scenes")]


def test_whom_the_directory_does_not_know_stays_as_written() -> None:
    assert owners_of(KNOWING, [("owner", "lena@example.com")]) == [OwnerName("lena", "lena@example.com", None)]


def test_an_owner_is_meant_by_handle_address_or_team() -> None:
    owner = OwnerName("maya.ortiz", "maya.ortiz@example.com", "scenes")
    assert is_owner(owner, "maya.ortiz")
    assert is_owner(owner, "Maya.Ortiz@Example.com")
    assert is_owner(owner, "scenes")
    assert not is_owner(owner, "maya")
    assert not is_owner(OwnerName("x"), "")


def test_products_are_asked_for_every_spelling_that_no_other_one_finds() -> None:
    assert PLAIN.spellings("maya.ortiz") == ("maya.ortiz",)
    assert set(KNOWING.spellings("maya.ortiz")) == {"mortiz", "maya.ortiz", "Maya Ortiz"}
    # A team's own names, and its members': who is of a team owns for it.
    assert set(KNOWING.spellings("scenes")) == {"scenes", "cu-team", "tomas", "mortiz", "maya.ortiz", "Maya Ortiz"}
    assert (PLAIN.team_spellings("scenes"), KNOWING.team_spellings("maya.ortiz")) == (("scenes",), ())
    assert set(KNOWING.team_spellings("scenes")) == {"scenes", "scenes@example.com", "cu-team"}
