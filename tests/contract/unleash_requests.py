"""What is sent to an Unleash with the story's experiments in raw HTTP: tokens, limits, filters, refusals."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.demo.company import Platform
from tests.contract.questions import Raw
from tests.contract.unleash_questions import ADS, CUT, RECALL, TWO_STAGE

SEARCH, FEATURES = "/api/admin/search/features", "/api/client/features"
EXPORT = "/api/admin/features-batch/export"
BAD = ["BadDataError"]
VOLATILE = frozenset(
    {
        *("id", "imageUrl", "createdBy"),  # of a refusal, of a person
        *("revisionId", "etag", "queryHash"),
        *("createdAt", "archivedAt", "enteredStageAt"),  # the moments it is seeded at; the adapter's are compared
        "stage",  # a flag that is on is `pre-live` once an SDK has reported; through the adapter it is compared
        *("color", "icon", "tagTypes", "contextFields"),
    }
)


def search(
    about: str, status: int, says: Sequence[str] = (), *query: tuple[str, str], worded: bool = True
) -> Raw[Platform]:
    return Raw(f"search: {about}", SEARCH, status, says, query=[("sortBy", "name"), *query], worded=worded)


def client(about: str, status: int, says: Sequence[str] = (), *query: tuple[str, str], path: str = "") -> Raw[Platform]:
    # A refusal of the database's is the whole statement there.
    return Raw(f"client: {about}", FEATURES + path, status, says, query=query, worded=status != 500)


def export(about: str, status: int, says: Sequence[str] = (), **body: object) -> Raw[Platform]:
    return Raw(f"export: {about}", EXPORT, status, says, "POST", body=body, worded=status == 200)


OF_ADMIN: list[Raw[Platform]] = [
    Raw("version", "/api/admin/ui-config", 200, ['"version":"7.5.1"'], worded=False),
    Raw("health", "/health", 200, ["GOOD"], headers={}),
    Raw("nobody at the admin's address", SEARCH, 401, ["You must log in"], headers={}, worded=False),
    Raw("a wrong token at the admin's address", SEARCH, 401, ["You must log in"], headers={"Authorization": "wrong"}),
    Raw("nobody at the SDKs' address", FEATURES, 401, headers={}),
    Raw("a wrong token at the SDKs' address", FEATURES, 401, headers={"Authorization": "wrong"}),
    Raw("an address that is not there", "/api/admin/nothing", 404, ["NotFoundError"]),
    Raw("a page for people", "/nothing", 200, ["<html"], headers={}),
    search("all", 200, ['"total":11']),
    search("a page", 200, ['"total":11'], ("limit", "2"), ("offset", "3")),
    search("past the last, where nothing is counted", 200, ['"total":0'], ("offset", "11")),
    search("more than a page may have", 200, ['"total":11'], ("limit", "101")),
    search("no rows", 200, ['"total":11'], ("limit", "0")),
    search("less than none", 200, ['"total":11'], ("limit", "-1")),
    search("a limit that is no number", 200, ['"total":11'], ("limit", "many")),
    search("a limit that is no whole number", 500, ["UnknownError"], ("limit", "1.5"), worded=False),
    search("backwards", 200, [TWO_STAGE], ("sortOrder", "desc"), ("limit", "2")),
    search("an order that is none", 400, BAD, ("sortOrder", "up"), worded=False),
    search("a type", 200, ['"total":11'], ("type", "IS:experiment")),
    search("a type nobody has", 200, ['"total":0'], ("type", "IS:release")),
    search("a type without its operator", 400, BAD, ("type", "experiment")),
    search("a word of a name", 200, [ADS], ("query", "scene")),
    search("a word in capitals, and another", 200, [ADS, TWO_STAGE], ("query", "CONTEXTUAL, two-stage")),
    search("a wildcard", 200, [RECALL], ("query", "scene_search%recall")),
    search("the words of a description", 200, ["skip-intro-timing"], ("query", "was deleted from")),
    search("a word nobody has", 200, ['"features":[]', '"total":0'], ("query", "gone")),
    search("on", 200, ['"total":6'], ("status[]", "development:enabled")),
    search("off", 200, ['"total":5'], ("status[]", "development:disabled")),
    search("on, in no environment there is", 200, ['"total":0'], ("status[]", "gone:enabled")),
    search("a status that is none", 200, ['"total":11'], ("status[]", "development:lost")),
    search("a status in another form", 400, BAD, ("status", "development:enabled")),
    search("completed", 200, ['"total":3'], ("lifecycle", "IS:completed")),
    search(
        "off and not completed",
        200,
        ['"total":2'],
        ("status[]", "development:disabled"),
        ("lifecycle", "IS_NOT:completed"),
    ),
    search("archived", 200, ['"total":1', CUT], ("archived", "IS:true")),
    search("archived, perhaps", 400, BAD, ("archived", "IS:perhaps")),
    search("a tag", 200, ['"total":1', TWO_STAGE], ("tag", "INCLUDE:model:viewer-embedding")),
    search("any of two tags", 200, ['"total":2'], ("tag", "INCLUDE_ANY_OF:model:viewer-embedding,simple:q4")),
    search("a tag with quotes", 200, ['"total":1'], ("tag", 'INCLUDE:model:café-ranker "v2"')),
    search("all of two tags", 200, ['"total":1'], ("tag", "INCLUDE_ALL_OF:model:viewer-embedding,simple:home")),
    search("without a tag", 200, ['"total":10'], ("tag", "DO_NOT_INCLUDE:simple:home")),
    search("a tag without its type", 400, BAD, ("tag", "INCLUDE:home")),
    search("a parameter twice", 400, BAD, ("type", "IS:experiment"), ("type", "IS:release")),
    search("a parameter that is none", 200, ['"total":11'], ("colour", "red")),
    export("one, archived", 200, ["featureStrategies", CUT], environment="development", features=[CUT]),
    export("an unknown one", 200, ['"features":[]'], environment="development", features=["gone"]),
    export("an environment that is none", 200, ['"featureStrategies":[]'], environment="gone", features=[ADS]),
    export("a tag's value", 200, [TWO_STAGE], environment="development", tag="viewer-embedding"),
    export("no environment", 400, BAD, features=[ADS]),
    export("no features", 400, BAD, environment="development"),
]

OF_CLIENT: list[Raw[Platform]] = [
    client("all", 200, ['"features":[', ADS]),
    client("a beginning", 200, [RECALL], ("namePrefix", "scene")),
    client("a beginning nobody has", 200, ['"features":[]'], ("namePrefix", "gone")),
    client("a beginning with a wildcard", 200, [RECALL], ("namePrefix", "scene_search")),
    client("no beginning", 400, BAD, ("namePrefix", "")),
    client("two beginnings", 400, BAD, ("namePrefix", "a"), ("namePrefix", "b")),
    client("a tag", 200, [TWO_STAGE], ("tag", "model:viewer-embedding")),
    client("a tag that is none", 400, BAD, ("tag", "viewer")),
    client("a tag with two colons", 500, [], ("tag", "simple:model:viewer")),
    client("another environment", 200, ['"environment":"development"'], ("environment", "production")),
    client("one", 200, [ADS], path=f"/{ADS}"),
    client("an archived one", 404, ["NotFoundError"], path=f"/{CUT}"),
    client("an unknown one", 404, ["NotFoundError"], path="/gone"),
    Raw("the SDKs' token at the admin's address", SEARCH, 403),
]
