"""The memory of documents: what is kept, and what is forgotten."""

from __future__ import annotations

from gateway.execution.documents import Documents
from schema.build import build_schema

SCHEMA = build_schema()


def test_a_document_is_parsed_and_validated_once() -> None:
    documents = Documents(SCHEMA)
    for text in ("{ __typename }", "{ nope }", "{"):
        assert documents.get(text) is documents.get(text)
    assert documents.get("{ __typename  }") is not documents.get("{ __typename }")


def test_documents_asked_longest_ago_are_forgotten_first() -> None:
    documents = Documents(SCHEMA, most=2)
    first, second = documents.get("{ a: __typename }"), documents.get("{ b: __typename }")
    assert documents.get("{ a: __typename }") is first
    documents.get("{ c: __typename }")
    assert len(documents) == 2
    assert documents.get("{ a: __typename }") is first
    assert documents.get("{ b: __typename }") is not second


def test_large_documents_do_not_fill_the_memory() -> None:
    documents = Documents(SCHEMA, characters=1000)
    for number in range(20):
        documents.get(f"{{ a{number:02}: __typename }}" + " " * 280)
    assert len(documents) == 3
    documents.get("{ __typename }" + " " * 2000)
    assert len(documents) == 0
