"""The fake Unleash and the real one answer the same questions alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.demo.company import Platform
from gateway.demo.story import story
from gateway.demo.unleash import app
from resolvers.http import SourceClient, StaticCredential
from resolvers.sources import SourceProfile
from resolvers.sources.experimentation.unleash import Unleash
from tests.contract.questions import FAKE_OR_REAL, Fakes, Question, Raw, Server, brief, differences
from tests.contract.unleash_questions import QUESTIONS, entity
from tests.contract.unleash_requests import OF_ADMIN, OF_CLIENT, VOLATILE
from tests.servers.real_company import RealCompany

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORY = replace(story().platforms[0], name="unleash")
VIEWER, CLIENT = "user:0123", "default:development.4567"


def unleash(has: Platform, url: str, viewer: str, client: str) -> Server[Platform]:
    """Raw requests are signed by the viewer."""

    def adapter(at: str) -> Unleash:
        credentials = {token: StaticCredential({"Authorization": value}) for token, value in tokens.items()}
        return Unleash(SourceProfile(has.name, "https://unleash.example"), SourceClient(has.name, at, credentials))

    tokens = {"": viewer, "client": client}
    return Server(has, url, adapter, {"Authorization": viewer})


async def fake(fakes: Fakes, has: Platform) -> Server[Platform]:
    return unleash(has, await fakes.url(has, lambda: app(has, client_token=CLIENT, admin_token=VIEWER)), VIEWER, CLIENT)


def real(company: RealCompany) -> Server[Platform]:
    running = company.unleash
    return unleash(company.company.platforms[0], running.url, running.viewer_token, running.client_token)


async def server(fakes: Fakes, who: str, request: pytest.FixtureRequest) -> Server[Platform]:
    return real(request.getfixturevalue("real_company")) if who == "real" else await fake(fakes, STORY)


@pytest.fixture(scope="module")
def same(real_company: RealCompany) -> Platform:
    """What the real one has, for a fake: its flags were made with a token, so by no person."""
    (platform,) = real_company.company.platforms
    return replace(platform, experiments=tuple(replace(experiment, owner="") for experiment in platform.experiments))


def as_sdk(asked: Server[Platform], token: str) -> Server[Platform]:
    return replace(asked, headers={"Authorization": token})


@pytest.mark.parametrize("who", FAKE_OR_REAL)
@pytest.mark.parametrize("question", QUESTIONS, ids=str)
async def test_answers_what_the_story_says_by_so_many_calls(
    who: str, question: Question[Platform], fakes: Fakes, request: pytest.FixtureRequest
) -> None:
    answered = await (await server(fakes, who, request)).ask(question)
    assert [brief(item, entity) for item in answered.items] == question.answer
    assert len(answered.calls) == question.calls


@pytest.mark.live
@pytest.mark.parametrize("question", QUESTIONS, ids=str)
async def test_the_fake_with_what_the_real_one_has_answers_every_field_the_same_by_the_same_calls(
    question: Question[Platform], fakes: Fakes, same: Platform, real_company: RealCompany
) -> None:
    of_real, of_fake = await real(real_company).ask(question), await (await fake(fakes, same)).ask(question)
    assert differences(of_fake.whole, of_real.whole) == []
    assert of_fake.calls == of_real.calls


@pytest.mark.parametrize("who", FAKE_OR_REAL)
@pytest.mark.parametrize("raw", OF_ADMIN, ids=str)
async def test_a_request_is_answered_or_refused(
    who: str, raw: Raw[Platform], fakes: Fakes, request: pytest.FixtureRequest
) -> None:
    reply = await (await server(fakes, who, request)).send(raw)
    assert reply.status == raw.status
    assert [text for text in raw.says if text not in reply.text] == []


@pytest.mark.parametrize("who", FAKE_OR_REAL)
@pytest.mark.parametrize("raw", OF_CLIENT, ids=str)
async def test_a_request_of_an_sdk_is_answered_or_refused(
    who: str, raw: Raw[Platform], fakes: Fakes, request: pytest.FixtureRequest
) -> None:
    asked = await server(fakes, who, request)
    token = request.getfixturevalue("real_company").unleash.client_token if who == "real" else CLIENT
    reply = await as_sdk(asked, token).send(raw)
    assert reply.status == raw.status
    assert [text for text in raw.says if text not in reply.text] == []


@pytest.mark.live
@pytest.mark.parametrize("raw", OF_ADMIN, ids=str)
async def test_the_fake_answers_a_request_as_the_real_one_does(
    raw: Raw[Platform], fakes: Fakes, same: Platform, real_company: RealCompany
) -> None:
    of_real, of_fake = await real(real_company).send(raw), await (await fake(fakes, same)).send(raw)
    assert of_fake.differences(of_real, raw, VOLATILE) == []


@pytest.mark.live
@pytest.mark.parametrize("raw", OF_CLIENT, ids=str)
async def test_the_fake_answers_an_sdk_as_the_real_one_does(
    raw: Raw[Platform], fakes: Fakes, same: Platform, real_company: RealCompany
) -> None:
    asked = as_sdk(real(real_company), real_company.unleash.client_token)
    of_fake = await as_sdk(await fake(fakes, same), CLIENT).send(raw)
    assert of_fake.differences(await asked.send(raw), raw, VOLATILE) == []
