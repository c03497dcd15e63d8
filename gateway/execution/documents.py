"""Documents parsed and validated once: a bounded memory of the texts that were asked last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

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

from gateway.codes import RequestCode
from gateway.limits import CHARACTERS, COMMENTS, Excess, Limits, measure
from resolvers.errors import BadUserInput

MAX_ERRORS = 5
LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be executed, or why it may not: `errors`, all with one `code`.

    There is no `ast` where it was not even read. `introspects`: it asks for the schema.
    """

    ast: DocumentNode | None
    errors: Sequence[GraphQLError] = ()
    code: str = ""
    introspects: bool = False
    memo: dict[str | None, object] = field(default_factory=dict, compare=False)
    """By operation, what is worth finding out once."""

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
        self,
        schema: strawberry.Schema,
        *,
        limits: Limits = LIMITS,
        hide_suggestions: bool = False,
        most: int = 500,
        characters: int = 1_000_000,
    ) -> None:
        self._schema, self._limits = schema._schema, limits
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
        if len(text) > CHARACTERS:
            said = f"The document has more than {CHARACTERS} characters."
            return Document(None, [GraphQLError(said)], RequestCode.MAX_DOCUMENT_LIMIT)
        tokens = self._limits.tokens
        try:
            ast = parse(text, max_lexical_tokens=tokens, max_comments=COMMENTS)
        except GraphQLSyntaxError as error:
            return Document(None, [error], _syntax_code(error))
        others = [operation for operation in _operations(ast) if operation.operation is not OperationType.QUERY]
        if others:
            said = f"This graph only answers queries: it has no {others[0].operation.value}s."
            return Document(ast, [GraphQLError(said, others[0])], RequestCode.GRAPHQL_VALIDATION_FAILED)
        try:
            introspects = measure(ast, self._limits)
        except Excess as excess:
            return Document(None, [excess.error], excess.code)
        except RecursionError:
            said = "The document is nested too deeply."
            return Document(None, [GraphQLError(said)], RequestCode.MAX_DEPTH_LIMIT)
        errors = validate(self._schema, ast, max_errors=MAX_ERRORS, hide_suggestions=self._hide_suggestions)
        code = RequestCode.GRAPHQL_VALIDATION_FAILED if errors else ""
        # The one past the limit only says that there are more.
        return Document(ast, [_said(error) for error in errors[:MAX_ERRORS]], code, introspects)


def _syntax_code(error: GraphQLSyntaxError) -> RequestCode:
    """graphql-core 3.3.2 tells its limits from other syntax errors by their text only."""
    if "nested too deeply" in error.message:
        return RequestCode.MAX_DEPTH_LIMIT
    if "Parsing aborted" in error.message:
        return RequestCode.MAX_TOKENS_LIMIT
    return RequestCode.GRAPHQL_PARSE_FAILED


def _said(error: GraphQLError) -> GraphQLError:
    for name in ("defer", "stream"):
        if error.message == f"Unknown directive '@{name}'.":
            return GraphQLError(f"This graph answers all at once: it knows no @{name}.", error.nodes)
    return error


def _operations(ast: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in ast.definitions if isinstance(node, OperationDefinitionNode)]
