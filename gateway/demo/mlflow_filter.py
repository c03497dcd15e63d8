"""MLflow's search language: AND-ed comparisons and `order_by` clauses, with the refusals MLflow 3.17.2 answers.

Apart from the server because it is a language of its own: what is quoted how decides which names a client may write.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Scalar = str | int | float


class Refused(Exception):
    """A filter or order the server answers with 400 INVALID_PARAMETER_VALUE."""


class Broken(Exception):
    """What the real server fails on with status 500: its own body where there is a text, else an HTML page."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """What one kind of search understands: `entities` maps the written prefix to a kind, `lists` are keys taking IN."""

    entities: dict[str, str]
    attributes: frozenset[str]
    lists: frozenset[str]
    lists_refusal: str
    orders: frozenset[str]
    only_lower: bool = False
    """Whether a list silently loses what is not in lower case, as lists of run ids did before 3.17."""
    numbers: frozenset[str] = frozenset()
    nullable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Clause:
    kind: str
    key: str
    operator: str
    value: Scalar | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Order:
    kind: str
    key: str
    ascending: bool


def parse_filter(text: str, grammar: Grammar) -> list[Clause]:
    """The clauses of a filter; whatever is not a comparison or AND is named in the refusal, as MLflow does."""
    if not text:
        return []
    if not text.strip():
        raise Refused(f"Invalid filter '{text}'. Could not be parsed.")
    tokens = _tokens(text)
    if any(token.kind == "end" for token in tokens[:-1]):
        raise Refused(f'Search filter contained multiple expression "{text}". Provide AND-ed expression list.')
    comparisons: list[tuple[str, str, _Token]] = []
    strays: list[str] = []
    at = 0
    while at < len(tokens):
        taken, comparison = _comparison(tokens, at)
        if comparison is not None:
            comparisons.append(comparison)
        elif tokens[at].word != "AND":
            strays.append(tokens[at].text)
        at += taken
    if strays:
        raise Refused(f"Invalid clause(s) in filter string: {', '.join(strays)}")
    return [_clause(left, operator, right, grammar) for left, operator, right in comparisons]


def parse_orders(texts: Sequence[str], grammar: Grammar) -> list[Order]:
    orders: list[Order] = []
    for text in texts:
        match = _ORDER.fullmatch(text.strip())
        if match is None:
            raise Refused(f"Invalid order_by clause '{text}'. Could not be parsed.")
        direction = (match["direction"] or "asc").lower()
        if direction not in ("asc", "desc"):
            raise Refused(f"Invalid ordering key in order_by clause '{text}'.")
        kind, key = _identifier(match["key"], grammar, grammar.orders)
        if any((order.kind, order.key) == (kind, key) for order in orders):
            raise Broken(f"`order_by` contains duplicate fields: {list(texts)}")
        orders.append(Order(kind, key, direction == "asc"))
    return orders


def condition(clause: Clause) -> Callable[[Scalar], bool]:
    """Whether a value satisfies a comparison. A row without the key satisfies none, not even `!=`."""
    return _TESTS[clause.operator](clause.value)


# ---------------------------------------------------------------- words


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # name text number operator list end other
    text: str

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "name" else ""


# A quoted text ends at the next quote of its kind; `''` and `\'` go on but are not undone: both stay in the value.
_TEXT = r"'(?:''|\\'|[^'])*'|\"(?:\"\"|\\\"|[^\"])*\""
_NAME = r"(?:`[^`]*`|[^\W\d]\w*)(?:\.(?:`[^`]*`|\"[^\"]*\"|\w+))*"
_TOKEN = re.compile(
    rf"\s+|(?P<name>{_NAME})|(?P<text>{_TEXT})|(?P<number>-?\d+(?:\.\d+)?)|(?P<operator><>|[<>]=?|!=|==?)"
    rf"|(?P<list>\((?:{_TEXT}|[^()'\"])*\))|(?P<end>;)|(?P<other>--.*|.)",
    re.DOTALL,
)
_ORDER = re.compile(rf"(?P<key>{_NAME})(?:\s+(?P<direction>\S+))?")
_COMPARED = {"LIKE", "ILIKE", "RLIKE"}


def _tokens(text: str) -> list[_Token]:
    found = _TOKEN.finditer(text)
    return [_Token(match.lastgroup, match.group()) for match in found if match.lastgroup is not None]


def _comparison(tokens: list[_Token], at: int) -> tuple[int, tuple[str, str, _Token] | None]:
    """How many tokens the comparison that starts here takes, and its three parts (1 and None: there is none)."""
    head = tokens[at]
    rest = tokens[at + 1 : at + 4]
    # VERSION is a keyword to the parser MLflow uses, so `version = 1` is no comparison there.
    if head.kind != "name" or head.word in _RESERVED or len(rest) < 2:
        return 1, None
    words = [token.word for token in rest]
    if words[0] == "IS" and words[1] == "NULL":
        return 3, (head.text, "IS NULL", rest[1])
    if words == ["IS", "NOT", "NULL"]:
        return 4, (head.text, "IS NOT NULL", rest[2])
    if words[0] == "IN" and rest[1].kind == "list":
        return 3, (head.text, "IN", rest[1])
    if (
        len(rest) == 3
        and words[0] == "NOT"
        and (words[1] in _COMPARED or (words[1] == "IN" and rest[2].kind == "list"))
    ):
        return 4, (head.text, f"NOT {words[1]}", rest[2])
    if (rest[0].kind == "operator" or words[0] in _COMPARED) and rest[1].kind in ("name", "text", "number", "list"):
        return 3, (head.text, words[0] or rest[0].text, rest[1])
    return 1, None


_RESERVED = {"AND", "OR", "NOT", "IN", "IS", "NULL", "VERSION"}


# ---------------------------------------------------------------- meaning


def _clause(left: str, operator: str, right: _Token, grammar: Grammar) -> Clause:
    kind, key = _identifier(left, grammar, grammar.attributes)
    if operator in ("IS NULL", "IS NOT NULL"):
        if not grammar.nullable:
            raise Broken
        if kind not in grammar.nullable:
            raise Refused(f"IS NULL / IS NOT NULL is only supported for tags and params, not for '{kind}' '{key}'")
        return Clause(kind, key, operator, None)
    value = _value(kind, key, right, grammar)
    if operator not in _operators(kind, key, grammar):
        raise Refused(f"Invalid comparator for {kind}: {operator}")
    if isinstance(value, tuple) and operator not in ("IN", "NOT IN"):
        raise Refused("a list cannot be bound as one value")
    return Clause(kind, key, operator, value)


def _identifier(text: str, grammar: Grammar, attributes: frozenset[str]) -> tuple[str, str]:
    prefix, dot, rest = text.partition(".")
    kind = grammar.entities.get(prefix) if dot else "attribute"
    if kind is None:
        raise Refused(f"Invalid entity type '{prefix}'. Valid entity types are {tuple(grammar.entities)}")
    key = rest if dot else prefix
    if kind == "attribute" and key not in attributes:
        raise Refused(f"Invalid attribute key '{key}' specified. Valid keys are {sorted(attributes)}")
    if len(key) >= 2 and key[0] == key[-1] and key[0] in "`\"'":
        key = key[1:-1]
    if kind == "dataset" and key not in ("name", "digest", "context"):
        raise Refused(f"Invalid dataset key '{key}' specified. Valid keys are ['context', 'digest', 'name']")
    return kind, key


def _operators(kind: str, key: str, grammar: Grammar) -> frozenset[str]:
    if kind == "metric" or (kind == "attribute" and key in grammar.numbers):
        return frozenset({"=", "!=", ">", ">=", "<", "<="})
    listed = frozenset({"IN", "NOT IN"}) if kind in ("attribute", "dataset") else frozenset()
    return frozenset({"=", "!=", "LIKE", "ILIKE"}) | listed


def _value(kind: str, key: str, token: _Token, grammar: Grammar) -> Scalar | tuple[str, ...]:
    numeric = kind == "metric" or (kind == "attribute" and key in grammar.numbers)
    if numeric and token.kind == "number" and (kind == "metric" or "." not in token.text):
        return float(token.text) if "." in token.text else int(token.text)
    if kind == "metric":
        raise Refused(f"Expected numeric value type for metric. Found {token.text}")
    if token.kind == "list" and kind == "dataset":
        return _list(token.text)
    if token.kind == "list" and kind == "attribute":
        if key not in grammar.lists:
            raise Refused(grammar.lists_refusal)
        items = _list(token.text)
        return tuple(item for item in items if item.islower()) if grammar.only_lower else items
    if token.kind == "name":
        raise Refused(
            "Parameter value is either not quoted or unidentified quote types used for string value "
            f"{token.text}. Use either single or double quotes."
        )
    if token.kind != "text":
        raise Refused(f"Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {token.text}")
    text = token.text[1:-1]
    if not numeric:
        return text
    if not re.fullmatch(r"-?\d+", text):
        raise Refused(f"Invalid value for numeric attribute '{key}': {text!r}")
    return int(text)


def _list(text: str) -> tuple[str, ...]:
    """MLflow reads a list as a Python literal: in a list, and only there, backslashes are escapes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an unknown escape such as `\s` is itself, and a warning
            read = ast.literal_eval(text)
    except SyntaxError:
        raise Refused(
            "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list."
        ) from None
    except ValueError:
        raise Broken from None
    items = read if isinstance(read, tuple) else (read,)
    if not items:
        raise Refused(
            "While parsing a list in the query, expected a non-empty list of string values, but got empty list"
        )
    if not all(isinstance(item, str) for item in items):
        raise Refused(
            "While parsing a list in the query, expected string value, punctuation, or whitespace, "
            f"but got different type in list: {items}"
        )
    return tuple(str(item) for item in items)


# ---------------------------------------------------------------- comparing


def _like(pattern: object, *, fold: bool) -> Callable[[Scalar], bool]:
    """`%` and `_` are wildcards and nothing escapes them; only ASCII letters fold, as in SQLite."""
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in str(pattern))
    match = re.compile("".join(parts), re.DOTALL | re.ASCII | (re.IGNORECASE if fold else 0)).fullmatch
    return lambda value: match(str(value)) is not None


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[object], Callable[[Scalar], bool]]:
    def test(wanted: object) -> Callable[[Scalar], bool]:
        bound = float(str(wanted))
        return lambda value: not math.isnan(float(value)) and compare(float(value), bound)

    return test


def _within(inside: bool) -> Callable[[object], Callable[[Scalar], bool]]:
    def test(wanted: object) -> Callable[[Scalar], bool]:
        listed = frozenset(wanted) if isinstance(wanted, tuple) else frozenset()
        return lambda value: (value in listed) is inside

    return test


_TESTS: dict[str, Callable[[object], Callable[[Scalar], bool]]] = {
    "=": lambda wanted: lambda value: value == wanted,
    "!=": lambda wanted: lambda value: value != wanted,
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    "LIKE": lambda wanted: _like(wanted, fold=False),
    "ILIKE": lambda wanted: _like(wanted, fold=True),
    "IN": _within(True),
    "NOT IN": _within(False),
}
