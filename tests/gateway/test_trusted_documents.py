"""Trusted documents: what is run by its hash, what is not run at all, and which manifests are none."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from gateway.request import GraphQLRequest, Refused
from gateway.trusted_documents import Mode, TrustedDocuments, read_manifest

TEXT, OTHER = "query A { sources { name } }", "query B { __typename }"
HASH, UNKNOWN = sha256(TEXT.encode()).hexdigest(), sha256(OTHER.encode()).hexdigest()
MODES: list[Mode] = ["off", "warn", "require"]


def trusted(mode: Mode) -> TrustedDocuments:
    return TrustedDocuments(mode, {HASH: TEXT})


@pytest.mark.parametrize("mode", MODES)
def test_a_trusted_document_is_run_by_text_and_by_hash(mode: Mode) -> None:
    for request in (
        GraphQLRequest(TEXT),
        GraphQLRequest("", document_hash=HASH),
        GraphQLRequest(TEXT, document_hash=HASH),
    ):
        assert trusted(mode).resolved(request).query == TEXT


@pytest.mark.parametrize("mode", MODES)
def test_a_hash_that_is_not_known_is_refused(mode: Mode) -> None:
    with pytest.raises(Refused) as refused:
        trusted(mode).resolved(GraphQLRequest("", document_hash=UNKNOWN))
    assert refused.value.status == 400
    assert refused.value.extensions == {"code": "PERSISTED_DOCUMENT_NOT_FOUND"}


@pytest.mark.parametrize(
    "text", [OTHER, TEXT + " ", TEXT.replace("name", "url"), "{ __schema { types { name } } }", "{ __typename }"]
)
def test_no_other_document_is_run_where_trust_is_required(text: str) -> None:
    with pytest.raises(Refused) as refused:
        trusted("require").resolved(GraphQLRequest(text))
    assert refused.value.extensions == {"code": "PERSISTED_DOCUMENT_NOT_FOUND"}
    assert trusted("off").resolved(GraphQLRequest(text)).query == text


@pytest.mark.parametrize("mode", MODES)
def test_a_hash_beside_another_text_is_refused(mode: Mode) -> None:
    with pytest.raises(Refused) as refused:
        trusted(mode).resolved(GraphQLRequest(OTHER, document_hash=HASH))
    assert refused.value.extensions == {"code": "BAD_REQUEST"}


def test_a_warning_names_each_hash_once_and_no_text(caplog: pytest.LogCaptureFixture) -> None:
    documents = trusted("warn")
    for text in (OTHER, OTHER, TEXT):
        assert documents.resolved(GraphQLRequest(text)).query == text
    assert [record.getMessage() for record in caplog.records] == [
        f"a document that is not trusted was asked: sha256 {UNKNOWN}"
    ]
    for number in range(2000):
        documents.resolved(GraphQLRequest(f"query N{number} {{ __typename }}"))
    assert len(documents._told) == 1000


@pytest.mark.parametrize("written", [{HASH: TEXT}, {f"sha256:{HASH}": TEXT}, {"documents": {HASH.upper(): TEXT}}])
def test_a_manifest_is_texts_by_their_hash(written: dict[str, object]) -> None:
    assert read_manifest(msgspec.json.encode(written)) == {HASH: TEXT}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[]", "holds no documents"),
        (b"{}", "holds no documents"),
        (b'{"documents": []}', "holds no documents"),
        (msgspec.json.encode({"abc": TEXT}), "has an entry that is no text by its SHA-256: 'abc'"),
        (msgspec.json.encode({HASH: 1}), "has an entry that is no text by its SHA-256"),
        (msgspec.json.encode({HASH: OTHER}), "has a text that is not the one of its hash"),
    ],
)
def test_a_manifest_that_would_trust_something_else_is_refused(written: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_manifest(written)
