"""The fake Airflow and the real one answer the same questions alike."""

from __future__ import annotations

import aiohttp
import pytest

from gateway.demo.airflow import app
from gateway.demo.company import Orchestrator
from gateway.demo.story import story
from resolvers.http import SourceClient
from resolvers.sources import SourceProfile
from resolvers.sources.orchestration.airflow import Airflow
from resolvers.sources.orchestration.airflow_token import AirflowToken
from tests.contract.airflow_keys import entity
from tests.contract.airflow_questions import QUESTIONS
from tests.contract.airflow_requests import REQUESTS, VOLATILE
from tests.contract.questions import FAKE_OR_REAL, Fakes, Question, Raw, Server, brief, differences
from tests.servers.real_company import RealCompany

pytestmark = pytest.mark.asyncio(loop_scope="module")

(STORY,) = story().orchestrators
VIEWER = ("gateway", "correct horse: battery")


async def airflow(has: Orchestrator, url: str, user: tuple[str, str]) -> Server[Orchestrator]:
    def adapter(at: str) -> Airflow:
        client = SourceClient(has.name, at, {"": AirflowToken(*user)})
        return Airflow(SourceProfile(has.name, "https://airflow.example"), client)

    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/auth/token", json={"username": user[0], "password": user[1]}) as response,
    ):
        token = (await response.json())["access_token"]
    return Server(has, url, adapter, {"Authorization": f"Bearer {token}"})


async def fake(fakes: Fakes, has: Orchestrator) -> Server[Orchestrator]:
    return await airflow(has, await fakes.url(has, lambda: app(has, users=dict([VIEWER]))), VIEWER)


async def real(company: RealCompany) -> Server[Orchestrator]:
    return await airflow(company.company.orchestrators[0], company.airflow.url, company.airflow.viewer)


async def server(fakes: Fakes, who: str, request: pytest.FixtureRequest) -> Server[Orchestrator]:
    return await (real(request.getfixturevalue("real_company")) if who == "real" else fake(fakes, STORY))


@pytest.mark.parametrize("who", FAKE_OR_REAL)
@pytest.mark.parametrize("question", QUESTIONS, ids=str)
async def test_answers_what_the_story_says_by_so_many_calls(
    who: str, question: Question[Orchestrator], fakes: Fakes, request: pytest.FixtureRequest
) -> None:
    answered = await (await server(fakes, who, request)).ask(question)
    assert [brief(item, entity) for item in answered.items] == question.answer
    assert len(answered.calls) == question.calls


@pytest.mark.live
@pytest.mark.parametrize("question", QUESTIONS, ids=str)
async def test_the_fake_with_what_the_real_one_has_answers_every_field_the_same_by_the_same_calls(
    question: Question[Orchestrator], fakes: Fakes, real_company: RealCompany
) -> None:
    asked = await real(real_company)
    of_real, of_fake = await asked.ask(question), await (await fake(fakes, asked.has)).ask(question)
    assert differences(of_fake.whole, of_real.whole) == []
    assert of_fake.calls == of_real.calls


@pytest.mark.parametrize("who", FAKE_OR_REAL)
@pytest.mark.parametrize("raw", REQUESTS, ids=str)
async def test_a_request_is_answered_or_refused(
    who: str, raw: Raw[Orchestrator], fakes: Fakes, request: pytest.FixtureRequest
) -> None:
    reply = await (await server(fakes, who, request)).send(raw)
    assert reply.status == raw.status
    assert [text for text in raw.says if text not in reply.text] == []


@pytest.mark.live
@pytest.mark.parametrize("raw", REQUESTS, ids=str)
async def test_the_fake_answers_a_request_as_the_real_one_does(
    raw: Raw[Orchestrator], fakes: Fakes, real_company: RealCompany
) -> None:
    asked = await real(real_company)
    of_real, of_fake = await asked.send(raw), await (await fake(fakes, asked.has)).send(raw)
    assert of_fake.differences(of_real, raw, VOLATILE) == []
