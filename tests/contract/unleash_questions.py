"""What is asked of an Unleash with the story's experiments, through the adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.demo.company import Platform
from resolvers.sources import NOTHING, ListArgs, ListFilter, Need, Needs, PageAsk
from schema.experiment import Experiment, ExperimentStatus, UsageWindow
from tests.contract.questions import Question

CURRENT, EVER, DRAFT = UsageWindow.CURRENT, UsageWindow.EVER, UsageWindow.DRAFT
ADS, HERO, RECALL = "ads-contextual-scene-match", "hero-image-motion", "scene-search-recall"
TWO_STAGE, CUT, CAFES = "two-stage-home", "directors-cut-first", "location-scout-cafes"
LIVE = [
    f"{ADS} RUNNING",
    "fraud-screen-threshold STOPPED",
    f"{HERO} DRAFT",
    "home-ranking-freshness RUNNING",
    f"{CAFES} DRAFT",
    f"{RECALL} STOPPED",
    "search-rerank-japanese RUNNING",
    "skip-intro-timing RUNNING",
    "trailer-moments STOPPED",
    f"{TWO_STAGE} RUNNING",
    "winback-offer RUNNING",
]
ARCHIVED = f"{CUT} ARCHIVED"
RUNNING = [row for row in LIVE if row.endswith("RUNNING")]
DRAFTS = [row for row in LIVE if row.endswith("DRAFT")]
STOPPED = [row for row in LIVE if row.endswith("STOPPED")]
EMBEDDING, TITLES, VIEWER = "content-embedding", "title-ranker", "viewer-embedding"
CAFE, BOTH_QUOTES, JAPANESE = 'café-ranker "v2"', 'the "director\'s cut" ranker', "検索-ranker"
TAGS, DATES = frozenset({Need.TAGS}), frozenset({Need.DATES})
VALUES = frozenset({Need.VALUES})
EVERYTHING = frozenset(Need) - {Need.ALIASES}


def entity(value: Experiment) -> str:
    return f"{value.key} {value.status.name}"


def named(*names: str) -> Callable[[Platform], Sequence[str]]:
    return lambda _: names


def pages(*asks: tuple[int, int]) -> Callable[[Platform], Sequence[PageAsk]]:
    return lambda _: [PageAsk(*ask) for ask in asks]


def by_key(
    about: str,
    keys: Sequence[str],
    answer: Sequence[str | None],
    calls: int,
    window: UsageWindow | None = None,
    needs: Needs = NOTHING,
) -> Question[Platform]:
    return Question(about, "experiments_by_key", named(*keys), list(answer), calls, window, needs)


def by_model(
    about: str,
    window: UsageWindow,
    found: dict[str, list[str]],
    calls: int,
    *reasons: str,
    needs: Needs = VALUES,
) -> Question[Platform]:
    """`found` are the experiments of each model that is asked for; each look-up ends with the reasons."""
    answer = [[*rows, *reasons] for rows in found.values()]
    return Question(f"{about}, {window.name}", "experiments_by_model", named(*found), answer, calls, window, needs)


def listing(*statuses: ExperimentStatus) -> ListArgs:
    return ListArgs(ListFilter(statuses=frozenset(statuses) if statuses else None))


QUESTIONS: list[Question[Platform]] = [
    Question("nothing", "experiments_by_id", named(), [], 0),
    Question("one that runs", "experiments_by_id", named(ADS), [LIVE[0]], 1),
    Question("one that is off", "experiments_by_id", named(RECALL), [LIVE[5]], 2),
    Question("an archived one", "experiments_by_id", named(CUT), [ARCHIVED], 3),
    Question("one that is not there", "experiments_by_id", named("gone"), [None], 2),
    Question("one in another case", "experiments_by_id", named(ADS.upper()), [None], 2),
    Question(
        "names no flag may have",
        "experiments_by_id",
        named("", ".", "..", "a/b", "a b", "50%", "a,b", 'say "hi"', "é", "x" * 101),
        [None] * 10,
        0,
    ),
    Question(
        "odd names that a flag may have", "experiments_by_id", named("it's", "a_b", "~", "(a)", "*"), [None] * 5, 2
    ),
    by_key("nothing", [], [], 0),
    by_key("one that runs", [ADS], [LIVE[0]], 1, None),
    by_key("one that runs", [ADS], [LIVE[0]], 1, CURRENT),
    by_key("one that runs, asked for again", [ADS, ADS], [LIVE[0]] * 2, 1, EVER),
    by_key("one that runs, not in", [ADS], [None], 1, DRAFT),
    by_key("one that ended, not in", [RECALL], [None], 1, CURRENT),
    by_key("one that ended", [RECALL], [LIVE[5]], 2, EVER),
    by_key("one that ended, in no", [RECALL], [None], 2, DRAFT),
    by_key("a draft", [HERO], [LIVE[2]], 2, DRAFT),
    by_key("a draft, not in", [HERO], [None], 2, EVER),
    by_key("an archived one", [CUT], [ARCHIVED], 3, EVER),
    by_key("an archived one, not in", [CUT], [None], 1, CURRENT),
    by_key("one that is not there", ["gone"], [None], 1, CURRENT),
    by_key("one that is not there", ["gone"], [None], 2, EVER),
    by_key("two, one unknown", ["gone", TWO_STAGE], [None, LIVE[9]], 1, CURRENT),
    by_key("tags", [TWO_STAGE, CAFES], [LIVE[9], LIVE[4]], 2, None, TAGS),
    by_key("dates", [ADS], [LIVE[0]], 2, None, DATES),
    by_key("domains and metrics", [ADS], [LIVE[0]], 2, CURRENT, frozenset({Need.DOMAIN, Need.METRICS})),
    by_key(
        "many of all kinds, with everything",
        [CUT, "gone", *(row.split()[0] for row in LIVE), "a/b"],
        [ARCHIVED, None, *LIVE, None],
        4,
        None,
        EVERYTHING,
    ),
    by_key(
        "many, as far as they ran",
        [CUT, HERO, RECALL, ADS, "search-rerank-japanese", "it's"],
        [ARCHIVED, None, LIVE[5], LIVE[0], LIVE[6], None],
        4,
        EVER,
    ),
    by_key("more than one call takes", [*(f"unknown-{n}" for n in range(130)), ADS], [*[None] * 130, LIVE[0]], 3, EVER),
    Question("nothing", "experiments_by_model", named(), [], 0, CURRENT),
    by_model("one", CURRENT, {EMBEDDING: [LIVE[0]]}, 3),
    by_model("one", EVER, {EMBEDDING: [LIVE[0], LIVE[5]]}, 5, "NOT_SUPPORTED_BY_SOURCE"),
    by_model("one", DRAFT, {EMBEDDING: [LIVE[2]]}, 3),
    by_model("one nobody tests", CURRENT, {"gone": []}, 2),
    by_model("one by its tag alone", DRAFT, {CAFE: [LIVE[4]]}, 3),
    by_model("one by its tag alone, not in", CURRENT, {CAFE: []}, 2),
    by_model("one by value and tag", CURRENT, {VIEWER: [LIVE[9]]}, 3),
    by_model("one of an archived flag's values", EVER, {BOTH_QUOTES: []}, 4, "NOT_SUPPORTED_BY_SOURCE"),
    by_model("one beside a value that is no JSON", EVER, {"fraud-screen": [LIVE[1]]}, 5, "NOT_SUPPORTED_BY_SOURCE"),
    by_model("a part of a name, and wildcards", CURRENT, {"content": [], "%embedding": [], "content_embedding": []}, 2),
    by_model("a comma", CURRENT, {"a,b": [], EMBEDDING: [LIVE[0]]}, 3, "NOT_SUPPORTED_BY_SOURCE"),
    by_model(
        "many",
        CURRENT,
        {
            EMBEDDING: [LIVE[0]],
            "ads-context-matcher": [LIVE[0]],
            TITLES: [LIVE[9]],
            "it's-a-ranker": [LIVE[9]],
            VIEWER: [LIVE[9]],
            JAPANESE: [LIVE[6]],
            "shot-boundary-detector": [LIVE[7]],
            "skip-intro-net": [LIVE[7]],
            "poster.art.picker": [],
            CAFE: [],
            BOTH_QUOTES: [],
            "churn 30% uplift": [],
        },
        3,
        needs=EVERYTHING,
    ),
    by_model(
        "many",
        EVER,
        {
            EMBEDDING: [LIVE[0], LIVE[5]],
            "shot-boundary-detector": [LIVE[7], LIVE[8]],
            "poster.art.picker": [],
            TITLES: [LIVE[9]],
        },
        5,
        "NOT_SUPPORTED_BY_SOURCE",
    ),
    by_model("many", DRAFT, {"poster.art.picker": [LIVE[2]], EMBEDDING: [LIVE[2]], CAFE: [LIVE[4]], TITLES: []}, 3),
    Question("nothing", "results_by_id", named(), [], 0),
    Question("some", "results_by_id", named(ADS, RECALL, "gone"), [None] * 3, 0),
    Question("the whole list", "experiments", pages((0, 20)), [([*LIVE, ARCHIVED], False, 12)], 4, listing()),
    Question(
        "two pages",
        "experiments",
        pages((0, 4), (4, 4)),
        [(LIVE[:4], True, 12), (LIVE[4:8], True, 12)],
        5,
        listing(),
    ),
    Question(
        "a page across both lists", "experiments", pages((9, 3)), [([*LIVE[9:], ARCHIVED], False, 12)], 4, listing()
    ),
    Question("the last row alone", "experiments", pages((11, 3)), [([ARCHIVED], False, 12)], 4, listing()),
    Question("past the last row", "experiments", pages((12, 3)), [([], False, 12)], 4, listing()),
    Question(
        "the running ones", "experiments", pages((0, 20)), [(RUNNING, False, 6)], 2, listing(ExperimentStatus.RUNNING)
    ),
    Question(
        "a page of the running ones",
        "experiments",
        pages((2, 2)),
        [(RUNNING[2:4], True, 6)],
        2,
        listing(ExperimentStatus.RUNNING),
    ),
    Question("the drafts", "experiments", pages((0, 20)), [(DRAFTS, False, 2)], 2, listing(ExperimentStatus.DRAFT)),
    Question(
        "the stopped ones", "experiments", pages((0, 20)), [(STOPPED, False, 3)], 2, listing(ExperimentStatus.STOPPED)
    ),
    Question(
        "the archived ones",
        "experiments",
        pages((0, 20)),
        [([ARCHIVED], False, 1)],
        2,
        listing(ExperimentStatus.ARCHIVED),
    ),
    Question(
        "the running, then the stopped ones",
        "experiments",
        pages((4, 4)),
        [([*RUNNING[4:], *STOPPED[:2]], True, 9)],
        3,
        listing(ExperimentStatus.RUNNING, ExperimentStatus.STOPPED),
    ),
    Question(
        "the drafts and the archived ones",
        "experiments",
        pages((0, 20)),
        [([*DRAFTS, ARCHIVED], False, 3)],
        4,
        listing(ExperimentStatus.DRAFT, ExperimentStatus.ARCHIVED),
    ),
    Question(
        "those of unknown status", "experiments", pages((0, 20)), [([], False, 0)], 0, listing(ExperimentStatus.UNKNOWN)
    ),
]
