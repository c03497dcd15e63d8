"""The fake MLflow and the real one answer the same questions alike: 3.17.2, 3.16.0 without lists, and basic auth."""

from __future__ import annotations

import pytest

from gateway.demo.company import Registry
from gateway.demo.mlflow import app
from gateway.demo.story import story
from resolvers.errors import SourceAuthFailed
from resolvers.http import SourceClient, StaticCredential
from resolvers.sources import SourceProfile
from resolvers.sources.registry.mlflow import Mlflow
from tests.contract.mlflow_keys import entity
from tests.contract.mlflow_questions import OF_PERSONALIZATION, OF_STUDIO
from tests.contract.mlflow_requests import REQUESTS, VOLATILE
from tests.contract.questions import FAKE_OR_REAL, Answered, Fakes, Question, Raw, Server, brief, differences
from tests.servers import install
from tests.servers.mlflow import RunningMlflow
from tests.servers.real_company import RealCompany, SeededMlflow
from tests.servers.rest import basic

pytestmark = pytest.mark.asyncio(loop_scope="module")

Ask = Question[Registry]
User = tuple[str, str]
STUDIO, PERSONALIZATION = story().registries
ALL = [
    *((STUDIO.name, question) for question in OF_STUDIO),
    *((PERSONALIZATION.name, question) for question in OF_PERSONALIZATION),
]
NAMES = [f"{name.removesuffix('-mlflow')} {question}" for name, question in ALL]


def mlflow(has: Registry, url: str, user: User | None = None) -> Server[Registry]:
    headers = basic(*user) if user else {}

    def adapter(at: str) -> Mlflow:
        client = SourceClient(has.name, at, {"": StaticCredential(headers)})
        return Mlflow(SourceProfile(has.name, "https://mlflow.example"), client)

    return Server(has, url, adapter, headers)


async def fake(
    fakes: Fakes, has: Registry, version: str = install.MLFLOW, user: User | None = None
) -> Server[Registry]:
    url = await fakes.url(has, lambda: app(has, version=version, auth=user), version, user)
    return mlflow(has, url, user)


def real(company: RealCompany, name: str) -> Server[Registry]:
    has = next(registry for registry in company.company.registries if registry.name == name)
    return mlflow(has, company.mlflows[name].url)


async def server(fakes: Fakes, who: str, name: str, request: pytest.FixtureRequest) -> Server[Registry]:
    if who == "real":
        return real(request.getfixturevalue("real_company"), name)
    return await fake(fakes, STUDIO if name == STUDIO.name else PERSONALIZATION)


def said(answered: Answered) -> list[object]:
    return [brief(item, entity) for item in answered.items]


@pytest.mark.parametrize("who", FAKE_OR_REAL)
@pytest.mark.parametrize(("name", "question"), ALL, ids=NAMES)
async def test_answers_what_the_story_says_by_so_many_calls(
    who: str, name: str, question: Ask, fakes: Fakes, request: pytest.FixtureRequest
) -> None:
    answered = await (await server(fakes, who, name, request)).ask(question)
    assert said(answered) == question.answer
    assert len(answered.calls) == question.calls


@pytest.mark.live
@pytest.mark.parametrize(("name", "question"), ALL, ids=NAMES)
async def test_the_fake_with_what_the_real_one_has_answers_every_field_the_same_by_the_same_calls(
    name: str, question: Ask, fakes: Fakes, real_company: RealCompany
) -> None:
    asked = real(real_company, name)
    of_real, of_fake = await asked.ask(question), await (await fake(fakes, asked.has)).ask(question)
    assert differences(of_fake.whole, of_real.whole) == []
    assert of_fake.calls == of_real.calls


@pytest.mark.parametrize("who", FAKE_OR_REAL)
@pytest.mark.parametrize("raw", REQUESTS, ids=str)
async def test_a_request_is_answered_or_refused(
    who: str, raw: Raw[Registry], fakes: Fakes, request: pytest.FixtureRequest
) -> None:
    reply = await (await server(fakes, who, STUDIO.name, request)).send(raw)
    assert reply.status == raw.status
    assert [text for text in raw.says if text not in reply.text] == []


@pytest.mark.live
@pytest.mark.parametrize("raw", REQUESTS, ids=str)
async def test_the_fake_answers_a_request_as_the_real_one_does(
    raw: Raw[Registry], fakes: Fakes, real_company: RealCompany
) -> None:
    asked = real(real_company, STUDIO.name)
    of_real, of_fake = await asked.send(raw), await (await fake(fakes, asked.has)).send(raw)
    assert of_fake.differences(of_real, raw, VOLATILE) == []


# ---------------------------------------------------------------- 3.16.0

OLD = install.MLFLOW_WITHOUT_NAME_IN
OLD_REQUESTS = [raw for raw in REQUESTS if raw.about != "health"]  # whose text it calls HTML
OTHERWISE: dict[str, object] = {
    # One call a model tells its aliases, asked for or not, and no answer is long enough for all rows of one model.
    "versions_by_key: several of many models, without aliases": [
        "content-embedding/7 champion",
        "title-ranker/1",
        None,
        'café-ranker "v2"/1 production',
        None,
    ],
    "versions: of many, with aliases": [
        (["content-embedding/8 challenger", "content-embedding/7 champion"], True, None),
        ([], False, 0),
        (["title-ranker/2 champion", "title-ranker/1"], False, 2),
        (['café-ranker "v2"/1 production'], False, 1),
    ],
}


@pytest.mark.parametrize("who", FAKE_OR_REAL)
@pytest.mark.parametrize("question", OF_STUDIO, ids=str)
async def test_before_3_17_the_same_is_answered_by_more_calls(
    who: str, question: Ask, fakes: Fakes, request: pytest.FixtureRequest
) -> None:
    asked = old(request.getfixturevalue("mlflow_316")) if who == "real" else await fake(fakes, STUDIO, OLD)
    answered = await asked.ask(question)
    assert said(answered) == OTHERWISE.get(str(question), question.answer)
    assert len(answered.calls) >= question.calls


@pytest.mark.live
@pytest.mark.parametrize("question", OF_STUDIO, ids=str)
async def test_before_3_17_the_fake_answers_every_field_the_same_by_the_same_calls(
    question: Ask, fakes: Fakes, mlflow_316: SeededMlflow
) -> None:
    asked = old(mlflow_316)
    of_real, of_fake = await asked.ask(question), await (await fake(fakes, asked.has, OLD)).ask(question)
    assert differences(of_fake.whole, of_real.whole) == []
    assert of_fake.calls == of_real.calls


@pytest.mark.live
@pytest.mark.parametrize("raw", OLD_REQUESTS, ids=str)
async def test_before_3_17_the_fake_answers_a_request_as_the_real_one_does(
    raw: Raw[Registry], fakes: Fakes, mlflow_316: SeededMlflow
) -> None:
    asked = old(mlflow_316)
    of_real, of_fake = await asked.send(raw), await (await fake(fakes, asked.has, OLD)).send(raw)
    assert of_fake.differences(of_real, raw, VOLATILE) == []


def old(seeded: SeededMlflow) -> Server[Registry]:
    return mlflow(seeded.registry, seeded.server.url)


# ---------------------------------------------------------------- basic auth

READER = ("gateway", "correct horse: battery")
GUARDED = ["/version", "/health", "/api/2.0/mlflow/registered-models/search", "/api/2.0/mlflow/nothing"]
SOME = [question for question in OF_STUDIO if question.about in ("one", "many", "the whole list")]


async def guarded(fakes: Fakes, who: str, request: pytest.FixtureRequest) -> Server[Registry]:
    if who == "fake":
        return await fake(fakes, STUDIO, user=READER)
    seeded: SeededMlflow = request.getfixturevalue("mlflow_basic")
    return mlflow(seeded.registry, seeded.server.url, reader(seeded.server))


def reader(running: RunningMlflow) -> User:
    assert running.reader is not None
    return running.reader


@pytest.mark.parametrize("who", FAKE_OR_REAL)
@pytest.mark.parametrize("question", SOME, ids=str)
async def test_its_reader_is_answered(who: str, question: Ask, fakes: Fakes, request: pytest.FixtureRequest) -> None:
    assert said(await (await guarded(fakes, who, request)).ask(question)) == question.answer


@pytest.mark.parametrize("who", FAKE_OR_REAL)
async def test_a_wrong_password_is_refused(who: str, fakes: Fakes, request: pytest.FixtureRequest) -> None:
    asked = await guarded(fakes, who, request)
    adapter = mlflow(asked.has, asked.url, ("gateway", "wrong")).adapter(asked.url)
    with pytest.raises(SourceAuthFailed):
        await adapter.version()
    await adapter.aclose()


@pytest.mark.live
@pytest.mark.parametrize("path", GUARDED)
async def test_the_fake_refuses_strangers_where_the_real_one_does(
    path: str, fakes: Fakes, mlflow_basic: SeededMlflow
) -> None:
    asked = mlflow(mlflow_basic.registry, mlflow_basic.server.url)
    of_fake = await fake(fakes, asked.has, user=reader(mlflow_basic.server))
    stranger: Raw[Registry] = Raw(path, path, 401, headers={})
    said_by_fake, said_by_real = await of_fake.send(stranger), await asked.send(stranger)
    assert said_by_fake.differences(said_by_real, stranger, VOLATILE) == []
