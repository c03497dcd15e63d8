"""Airflow's assets as mentions of data: by place however it is spelled, by name, and all of them."""

from __future__ import annotations

from gateway.demo.company import Asset
from resolvers.sources import NOTHING, Found, SourceProfile
from schema.connection import IncompleteReason
from schema.pipeline import AssetMention
from tests.resolvers.sources.test_airflow import bench, company, query

ASSETS = (
    Asset("s3a://Lake/frames/", "frames", producers=(("make", "t"),)),
    Asset("s3://lake/frames_2", "frames 2"),
    Asset("shots", "shots"),
    Asset("s3://lake/shots", "Shots|cut"),
)


def uris(found: Found[AssetMention] | object) -> list[str]:
    assert isinstance(found, Found), found
    return [asset.uri for asset in found.items]


async def test_a_place_is_found_however_its_uri_is_spelled_and_many_are_one_call() -> None:
    async with bench(company(assets=ASSETS)) as at:
        keys = ["s3://lake/frames", "s3://lake/none", "s3://lake/shots"]
        found = await at.airflow.assets_by_place(keys, None, NOTHING)
        assert [uris(item) for item in found] == [["s3a://Lake/frames/"], [], ["s3://lake/shots"]]
        (call,) = at.last()
        assert query(call)["uri_pattern"] == ["lake/frames|lake/none|lake/shots"]


async def test_a_name_is_found_exactly_and_a_bar_in_it_is_asked_alone() -> None:
    async with bench(company(assets=ASSETS)) as at:
        found = await at.airflow.assets_by_name(["shots", "frames", "Shots|cut", "", "~"], None, NOTHING)
        assert [uris(item) for item in found] == [["shots"], ["s3a://Lake/frames/"], ["s3://lake/shots"], [], []]
        assert sorted(query(call)["name_pattern"][0] for call in at.last()) == ["Shots|cut", "shots|frames"]


async def test_before_3_2_each_is_asked_by_itself() -> None:
    async with bench(company(assets=ASSETS), version="3.1.0") as at:
        found = await at.airflow.assets_by_name(["shots", "frames"], None, NOTHING)
        assert [uris(item) for item in found] == [["shots"], ["s3a://Lake/frames/"]]
        assert len(at.calls()) == 2


async def test_all_assets_or_those_whose_name_holds_a_text_are_listed() -> None:
    async with bench(company(assets=ASSETS)) as at:
        every, some, barred = await at.airflow.assets(["", "SHOTS", "s|c"], None, NOTHING)
        assert len(uris(every)) == 4
        assert uris(some) == ["s3://lake/shots", "shots"]
        assert uris(barred) == ["s3://lake/shots"]


async def test_past_the_bound_a_list_says_that_it_is_cut() -> None:
    many = [Asset(f"s3://lake/{number:03}", f"{number:03}") for number in range(250)]
    async with bench(company(assets=many), profile=SourceProfile("prod", "", scan_rows=120)) as at:
        (found,) = await at.airflow.assets([""], None, NOTHING)
        assert isinstance(found, Found)
        assert (len(found.items), found.reasons) == (120, frozenset({IncompleteReason.SCAN_LIMIT}))
