"""Documents parsed and validated once: a bounded memory of the texts that were asked last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from resolvers.errors import BadUserInput

MAX_TOKENS = 5000
MAX_COMMENTS = 100
MAX_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be executed, or why it may not: `errors`, all with one `code`."""

    ast: DocumentNode | None
    errors: Sequence[GraphQLError] = ()
    code: str = ""

    def operation_type(self, name: str | None) -> OperationType:
        """Of the operation that is meant; raises BadUserInput where the name means none, or none of several is said."""
        found = _operations(self.ast) if self.ast else []
        if name is not None:
            found = [operation for operation in found if operation.name and operation.name.value == name]
        if not found:
            raise BadUserInput(f"The document has no operation {name!r}." if name else "The document has no operation.")
        if len(found) > 1:
            raise BadUserInput("The document has several operations: say which, by `operationName`.")
        return found[0].operation


class Documents:
    """Texts to documents, the least recently asked forgotten first.

    Bounded by their number and by the size of their texts, as a document takes many times the memory of its text.
    """

    def __init__(
        self, schema: strawberry.Schema, *, hide_suggestions: bool = False, most: int = 500, characters: int = 1_000_000
    ) -> None:
        self._schema = schema._schema
        self._hide_suggestions = hide_suggestions
        self._most, self._characters = most, characters
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._size = 0

    def get(self, text: str) -> Document:
        """The document of a text."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        document = self._read(text)
        self._known[text] = document
        self._size += len(text)
        while len(self._known) > self._most or self._size > self._characters:
            forgotten, _ = self._known.popitem(last=False)
            self._size -= len(forgotten)
        return document

    def __len__(self) -> int:
        return len(self._known)

    def _read(self, text: str) -> Document:
        try:
            ast = parse(text, max_tokens=MAX_TOKENS, max_comments=MAX_COMMENTS)
        except GraphQLSyntaxError as error:
            return Document(None, [error], "GRAPHQL_PARSE_FAILED")
        others = [operation for operation in _operations(ast) if operation.operation is not OperationType.QUERY]
        if others:
            said = f"This graph only answers queries: it has no {others[0].operation.value}s."
            return Document(ast, [GraphQLError(said, others[0])], "GRAPHQL_VALIDATION_FAILED")
        errors = validate(self._schema, ast, max_errors=MAX_ERRORS, hide_suggestions=self._hide_suggestions)
        errors = [_said(error) for error in errors]
        return Document(ast, errors, "GRAPHQL_VALIDATION_FAILED" if errors else "")


def _said(error: GraphQLError) -> GraphQLError:
    for name in ("defer", "stream"):
        if error.message == f"Unknown directive '@{name}'.":
            return GraphQLError(f"This graph answers all at once: it knows no @{name}.", error.nodes)
    return error


def _operations(ast: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in ast.definitions if isinstance(node, OperationDefinitionNode)]
