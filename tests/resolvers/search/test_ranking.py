"""What comes first, and what a query's words are taken for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from resolvers.search.index import Index, check_fts5
from resolvers.search.ranking import ByWords, Wanted, rank
from resolvers.search.snippets import LONGEST, matched_fields
from resolvers.search.terms import Term, terms_of
from schema.identity import EntityKind
from tests.resolvers.search.documents import document

VERSION = EntityKind.MODEL_VERSION

OTHERS = [
    document(f"filler-x{number}", description="A thing of its own, there to make words rare.") for number in range(40)
]


def found(query: str, *documents: object, wanted: Wanted = lambda document: True) -> list[str]:
    index = Index([*documents, *OTHERS])  # type: ignore[list-item] # documents of ours
    return [hit.document.reference.key for hit in rank(query, index, wanted, [ByWords()])]


def test_the_sqlite_at_hand_has_full_text_search() -> None:
    check_fts5()


def test_a_name_counts_more_than_a_description() -> None:
    described = document("matcher", description="Built beside the ranker.")
    assert found("ranker", described, document("home-ranker")) == ["home-ranker", "matcher"]


def test_a_model_comes_before_its_versions_and_a_version_where_its_number_is_said() -> None:
    things = [document("3", VERSION, model="ranker"), document("4", VERSION, model="ranker"), document("ranker")]
    assert found("ranker", *things)[0] == "ranker"
    for query in ("ranker 4", "ranker v4", "ranker/4", "ranker version 4"):
        assert found(query, *things)[0] == "ranker4", query


def test_the_exact_name_comes_before_names_that_only_begin_so() -> None:
    things = [document("ranker-of-ranker"), document("ranker-2", description="ranker ranker"), document("ranker")]
    assert found("Ranker", *things)[0] == "ranker"


def test_not_every_word_has_to_occur_but_more_are_better() -> None:
    assert found("scene embedding transformer", document("scene-embedding"), document("scene-cutter")) == [
        "scene-embedding",
        "scene-cutter",
    ]


def test_what_holds_only_a_little_of_the_query_is_no_hit() -> None:
    both = document("rare-words", description="quixotic zeitgeist")
    assert found("quixotic zeitgeist thing", both) == ["rare-words"]


def test_a_misspelled_word_is_corrected_only_where_nothing_has_it() -> None:
    things = [document("fraud-screen"), document("freud-reader")]
    assert found("fruad", *things) == ["fraud-screen"]
    assert found("freud", *things) == ["freud-reader"]


def test_short_words_and_numbers_are_not_corrected() -> None:
    assert found("cta", document("cat")) == []
    assert found("2025", document("model 2026")) == []


def test_names_are_found_together_and_apart() -> None:
    assert found("viewerembedding", document("viewer-embedding")) == ["viewer-embedding"]
    assert found("sub title", document("subtitle-aligner")) == ["subtitle-aligner"]
    assert found("mlflow", document("MLflowServer")) == ["MLflowServer"]
    assert found("ML flow", document("mlflow-server")) == ["mlflow-server"]


def test_a_word_finds_those_that_begin_with_it_but_a_number_does_not() -> None:
    assert found("boundar", document("shot-boundary")) == ["shot-boundary"]
    assert found("7", document("model-70"), document("model-7")) == ["model-7"]


def test_a_long_list_of_features_does_not_make_a_name_count_less() -> None:
    features = "\n".join(f"store:column_{number}" for number in range(200))
    assert found("ranker", document("ranker-a", data=features), document("ranker-b")) == ["ranker-a", "ranker-b"]


def test_words_of_features_find_a_model_behind_those_that_are_named_so() -> None:
    trained = document("matcher", data="scene_stats:cut_rate")
    assert found("cut rate", trained, document("cut-rate-monitor")) == ["cut-rate-monitor", "matcher"]


def test_what_is_not_wanted_is_no_hit_and_does_not_raise_the_bar() -> None:
    things = [document("scene-embedding-transformer"), document("scene", EntityKind.PIPELINE)]
    pipelines = found(
        "scene embedding transformer", *things, wanted=lambda one: one.reference.kind is not EntityKind.MODEL
    )
    assert pipelines == ["scene"]


@pytest.mark.parametrize("query", ['"', "AND", "NEAR(a b)", "name:ranker", "a* OR b", "-ranker", "^ranker", "{", "''"])
def test_no_query_is_an_expression(query: str) -> None:
    found(query, document("ranker"))


def test_a_second_scorer_adds_hits_that_share_no_word() -> None:
    class Meaning:
        def scores(self, query: str, index: Index, wanted: Wanted) -> Mapping[int, float]:
            return {number: 0.2 for number, one in enumerate(index.documents) if "churn" in one.texts[0]}

    index = Index([document("churn-ranker"), document("leaving-viewers"), *OTHERS])
    hits = rank("leaving", index, lambda one: True, [ByWords(), Meaning()])
    assert [hit.document.reference.key for hit in hits] == ["churn-ranker", "leaving-viewers"]


# ---------------------------------------------------------------- terms and snippets


def terms(query: str, *names: str) -> Sequence[Term]:
    return terms_of(query, Index([document(name) for name in names]))


def test_a_term_is_what_the_index_knows_of_a_word() -> None:
    assert terms("scenes embed xylophone", "scene-embedding") == [
        Term(("scene",), "scene"),
        Term((), "embed"),
        Term(),
    ]
    assert terms("embeding", "scene-embedding") == [Term(corrected=("embedding",))]


def test_a_snippet_is_cut_around_the_first_match_between_words() -> None:
    text = f"{'before ' * 30}the boundary {'after ' * 40}"
    (matched,) = matched_fields(document("x", description=text), [Term(("boundary",))])
    assert matched.name == "description"
    assert "the boundary after" in matched.snippet
    assert len(matched.snippet) <= LONGEST
    assert matched.snippet.startswith("…before")
    assert matched.snippet.endswith("after…")


def test_a_long_text_without_spaces_is_cut_as_well() -> None:
    (matched,) = matched_fields(document("x", description="#" * 300 + "boundary" + "#" * 300), [Term(("boundary",))])
    assert "boundary" in matched.snippet
    assert len(matched.snippet) <= LONGEST


def test_of_what_a_thing_was_trained_on_only_what_matched_is_shown() -> None:
    trained = document("x", data="store:shot_len\nstore:cut_rate\nstore:shot_no")
    (matched,) = matched_fields(trained, [Term(("shot",))])
    assert (matched.name, matched.snippet) == ("datasets and features", "store:shot_len, store:shot_no")


def test_a_field_that_holds_nothing_of_it_is_not_shown() -> None:
    assert matched_fields(document("ranker", description="Sorts rows."), [Term(("sorts",))])[0].name == "description"
    assert matched_fields(document("ranker"), [Term(("sorts",))]) == []
