"""What an experiment's variations serve: in GrowthBook it is not in the experiment but in the features linked to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import msgspec

from resolvers.conventions import Conventions, models_in_value
from resolvers.sources.experimentation.growthbook_rows import ExperimentRow, Row, Value, VariationRow
from resolvers.upstream.strict import exact


class RuleValue(msgspec.Struct, rename="camel", frozen=True):
    variation_id: str
    value: str


class RuleRow(msgspec.Struct, rename="camel", frozen=True):
    type: str
    experiment_id: str = ""
    variations: list[RuleValue] = []
    enabled: bool = True
    sparse: bool = False


class FeatureRow(Row, rename="camel", frozen=True):
    rules: list[msgspec.Raw]
    value_type: str = "string"
    default_value: str = ""


class PayloadMeta(msgspec.Struct, frozen=True):
    key: str = ""


class PayloadRule(msgspec.Struct, frozen=True):
    key: str
    variations: list[msgspec.Raw]
    meta: list[PayloadMeta] = []


class PayloadFeature(msgspec.Struct, frozen=True):
    rules: list[msgspec.Raw] = []


class Payload(msgspec.Struct, rename="camel", frozen=True):
    """The public SDK payload: rules of running experiments, as one environment serves them."""

    features: dict[str, PayloadFeature]
    encrypted_features: str | None = None


class _Served(NamedTuple):
    """The values one feature serves; `marks` are variation ids or keys, aligned with them."""

    marks: list[str]
    values: list[Value]

    def of(self, variation: VariationRow, position: int) -> Value | None:
        for mark, value in zip(self.marks, self.values, strict=False):
            if mark in (variation.variation_id, variation.key):
                return value
        return None if any(self.marks) or position >= len(self.values) else self.values[position]


class ValueIndex:
    """Values by experiment: of the features that were read, or of one SDK payload.

    A payload names experiments by tracking key, which need not be unique; the linked feature tells them apart.
    """

    def __init__(self, served: dict[str, dict[str, _Served]], *, by_id: bool) -> None:
        self._served = served
        self.by_id = by_id

    def __len__(self) -> int:
        return len(self._served)

    def naming(self, conventions: Conventions, models: Collection[str]) -> dict[str, set[str]]:
        """Experiments (by id or tracking key) whose values name one of the models, with those named.

        Of all that runs few values do: those that do not hold a name, not even escaped, are not parsed.
        """
        found: dict[str, set[str]] = {}
        for experiment, features in self._served.items():
            texts = [value.text for served in features.values() for value in served.values]
            if not any("\\" in text or any(model in text for model in models) for text in texts):
                continue
            named = set(_models(conventions, features.values())).intersection(models)
            if named:
                found[experiment] = named
        return found

    def identity(self, row: ExperimentRow) -> str:
        """What this index knows the experiment by."""
        return row.id if self.by_id else row.tracking_key

    def features(self, experiment: str) -> set[str]:
        """The features that serve the experiment."""
        return set(self._served.get(experiment, ()))

    def of(self, row: ExperimentRow, conventions: Conventions) -> list[Value | None] | None:
        """One value for each variation, in order; None where no linked feature was read.

        Of several features the one that names models counts; where that does not decide, a value is an object of all.
        """
        known = self._served.get(self.identity(row), {})
        features = {feature: known[feature] for feature in row.linked_features if feature in known}
        if not features:
            return None
        naming = {key: served for key, served in features.items() if any(_models(conventions, [served]))}
        columns = {
            feature: [served.of(variation, position) for position, variation in enumerate(row.variations)]
            for feature, served in (naming or features).items()
        }
        if len(columns) == 1:
            return next(iter(columns.values()))
        return [
            _together({key: column[position] for key, column in columns.items()})
            for position in range(len(row.variations))
        ]


def index_of_payload(payload: Payload) -> ValueIndex:
    decoder = msgspec.json.Decoder(PayloadRule)
    served: dict[str, dict[str, _Served]] = {}
    for feature_id, feature in payload.features.items():
        for raw in feature.rules:
            try:
                rule = decoder.decode(raw)
                values = [_parsed(variation) for variation in rule.variations]
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                continue  # a rule of another kind: forced values and rollouts have neither key nor variations
            marks = [meta.key for meta in rule.meta]
            served.setdefault(rule.key, {}).setdefault(feature_id, _Served(marks, values))
    return ValueIndex(served, by_id=False)


def index_of_features(features: Iterable[FeatureRow]) -> ValueIndex:
    decoder = msgspec.json.Decoder(RuleRow)
    served: dict[str, dict[str, _Served]] = {}
    for feature in features:
        rules = []
        for raw in feature.rules:
            try:
                rules.append(decoder.decode(raw))
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                continue  # a rule of another kind, which has no experiment
        for rule in sorted(rules, key=lambda rule: not rule.enabled):
            if rule.type == "experiment-ref" and rule.experiment_id:
                marks = [variation.variation_id for variation in rule.variations]
                values = [_value(feature, variation.value, rule.sparse) for variation in rule.variations]
                served.setdefault(rule.experiment_id, {}).setdefault(feature.id, _Served(marks, values))
    return ValueIndex(served, by_id=True)


def _models(conventions: Conventions, features: Iterable[_Served]) -> Iterator[str]:
    for served in features:
        for value in served.values:
            yield from (mention.name for mention in models_in_value(conventions, value.text))


def _together(values: dict[str, Value | None]) -> Value | None:
    whole = {key: value.value for key, value in values.items() if value is not None}
    return Value(msgspec.json.encode(whole).decode(), whole) if whole else None


def _parsed(raw: msgspec.Raw) -> Value:
    value = msgspec.json.decode(raw)
    text = value if isinstance(value, str) else bytes(raw).decode()
    return Value(text, value if exact(value) else text)


def _value(feature: FeatureRow, text: str, sparse: bool) -> Value:
    if feature.value_type == "string":
        return Value(text, text)
    try:
        value = msgspec.json.decode(text)
        if sparse:
            # Only what differs from the feature's default is written in such a rule.
            default = msgspec.json.decode(feature.default_value)
            if isinstance(value, dict) and isinstance(default, dict):
                value = default | value
                text = msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Value(text, text)
    return Value(text, value if exact(value) else text)
