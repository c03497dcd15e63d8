"""What variations serve, read out of GrowthBook's features and of its SDK payload, in their odder forms."""

from __future__ import annotations

import msgspec

from resolvers.conventions import Conventions
from resolvers.sources.experimentation.growthbook_rows import ExperimentRow, VariationRow
from resolvers.sources.experimentation.growthbook_values import (
    FeatureRow,
    Payload,
    ValueIndex,
    index_of_features,
    index_of_payload,
)

CONVENTIONS = Conventions()


def linked(*features: str) -> ExperimentRow:
    return ExperimentRow(
        id="exp_1",
        tracking_key="test-1",
        name="Test",
        status="running",
        date_created="",
        date_updated="",
        variations=[VariationRow("var_a", "0", "A"), VariationRow("var_b", "1", "B")],
        phases=[],
        linked_features=list(features),
    )


def feature(key: str, *rules: dict[str, object], **fields: object) -> FeatureRow:
    return msgspec.convert(
        {"id": key, "rules": [msgspec.Raw(msgspec.json.encode(r)) for r in rules], **fields}, FeatureRow
    )


def rule(first: str, second: str, **fields: object) -> dict[str, object]:
    served = [{"variationId": "var_b", "value": second}, {"variationId": "var_a", "value": first}]
    return {"type": "experiment-ref", "experimentId": "exp_1", "variations": served, **fields}


def texts(index: ValueIndex, *features: str) -> list[str | None]:
    return [value and value.text for value in index.of(linked(*features), CONVENTIONS) or []]


def test_of_several_features_the_one_that_names_models_counts() -> None:
    layout, ranker = feature("layout", rule("wide", "tall")), feature("ranker", rule("models:/r/1", "models:/r/2"))

    assert texts(index_of_features([layout, ranker]), "layout", "ranker") == ["models:/r/1", "models:/r/2"]


def test_where_several_features_name_models_or_none_does_a_value_is_an_object_of_all() -> None:
    first, second = feature("a", rule("models:/r/1", "models:/r/2")), feature("b", rule("models:/q/1", "models:/q/2"))
    plain = [feature("c", rule("x", "y")), feature("d", rule("1", "2"), valueType="number")]

    assert texts(index_of_features([first, second]), "a", "b") == [
        '{"a":"models:/r/1","b":"models:/q/1"}',
        '{"a":"models:/r/2","b":"models:/q/2"}',
    ]
    assert texts(index_of_features(plain), "c", "d") == ['{"c":"x","d":1}', '{"c":"y","d":2}']


def test_a_sparse_value_is_completed_by_the_features_default() -> None:
    sparse = feature(
        "a", rule("{}", '{"version": 2}', sparse=True), valueType="json", defaultValue='{"model": "r", "version": 1}'
    )

    assert texts(index_of_features([sparse]), "a") == ['{"model":"r","version":1}', '{"model":"r","version":2}']


def test_an_enabled_rule_goes_before_a_disabled_one_and_other_rules_are_passed_over() -> None:
    rules: list[dict[str, object]] = [{"type": "force", "value": "x"}, {"odd": 1}]
    rules += [rule("off", "off", enabled=False), rule("on", "on")]

    assert texts(index_of_features([feature("a", *rules)]), "a") == ["on", "on"]


def test_a_value_that_is_not_the_json_it_should_be_stays_text() -> None:
    broken = index_of_features([feature("a", rule("{nope", "NaN"), valueType="json")])

    assert [value and value.value for value in broken.of(linked("a"), CONVENTIONS) or []] == ["{nope", "NaN"]


def test_a_value_with_a_number_that_readers_would_round_stays_text() -> None:
    large, exact = '{"id": [9007199254740993]}', '{"id": 9007199254740992}'
    index = index_of_features([feature("a", rule(large, exact), valueType="json")])

    assert [value and value.value for value in index.of(linked("a"), CONVENTIONS) or []] == [large, {"id": 2**53}]


def test_a_payload_tells_variations_by_key_or_else_by_place_and_experiments_by_linked_feature() -> None:
    def payload(**fields: object) -> ValueIndex:
        served = {"key": "test-1", "variations": [{"model": "r"}, "models:/r/2"], **fields}
        rules = [{"force": True}, served]
        return index_of_payload(
            msgspec.json.decode(msgspec.json.encode({"features": {"a": {"rules": rules}}}), type=Payload)
        )

    assert texts(payload(), "a") == ['{"model":"r"}', "models:/r/2"]
    assert texts(payload(meta=[{"key": "1"}, {"key": "0"}]), "a") == ["models:/r/2", '{"model":"r"}']
    assert payload().of(linked("b"), CONVENTIONS) is None
    assert payload().naming(CONVENTIONS, {"r", "q"}) == {"test-1": {"r"}}


def test_a_name_written_with_escapes_is_a_name_all_the_same() -> None:
    index = index_of_features([feature("a", rule("old", r'{"model": "\u0069t\u0027s"}'))])
    assert index.naming(CONVENTIONS, {"it's", "its"}) == {"exp_1": {"it's"}}
