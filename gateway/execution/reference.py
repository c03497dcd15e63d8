"""Executes through graphql-core: always right, and the measure for any faster way."""

from __future__ import annotations

from inspect import isawaitable

import strawberry
from graphql import execute

from gateway.execution import Operation, OperationContext, Outcome

MAX_COERCION_ERRORS = 5


class Reference:
    """Executes on the schema under Strawberry's, whose own pipeline would parse, validate and log once more."""

    def __init__(self, schema: strawberry.Schema, *, hide_suggestions: bool = False) -> None:
        self._schema = schema._schema
        self._root = schema.query()
        self._hide_suggestions = hide_suggestions

    async def execute(self, operation: Operation, context: OperationContext) -> Outcome:
        answered = execute(
            self._schema,
            operation.document,
            root_value=self._root,
            context_value=context,
            variable_values=operation.variables,
            operation_name=operation.name,
            max_coercion_errors=MAX_COERCION_ERRORS,
            hide_suggestions=self._hide_suggestions,
            middleware=[operation.trace] if operation.trace else None,
        )
        result = await answered if isawaitable(answered) else answered
        errors = result.errors or []
        executed = result.data is not None or any(error.path for error in errors)
        return Outcome(result.data, errors, executed)
