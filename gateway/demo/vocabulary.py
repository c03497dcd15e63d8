"""The words the generated rest of the company is made of: what each domain is about, and the kinds of model."""

from __future__ import annotations

from dataclasses import dataclass

PROJECTS = {
    "prj_personalization": "personalization",
    "prj_studio": "studio",
    "prj_payments": "payments",
    "prj_ads": "ads",
}

METRICS = {
    "met_title_starts": "Titles started per viewer",
    "met_session_length": "Session length in minutes",
    "met_playback_errors": "Playback errors per hour",
    "met_retention_30d": "Retention after 30 days",
    "met_search_success": "Searches that end in a start",
    "met_search_latency": "Search latency, 95th percentile",
    "met_trailer_completion": "Trailers watched to the end",
    "met_edit_hours": "Editing hours per title",
    "met_review_rework": "Shots sent back by review",
    "met_ad_completion": "Advertisements watched to the end",
    "met_ad_ctr": "Advertisement click rate",
    "met_ad_revenue": "Advertisement revenue per hour",
    "met_chargebacks": "Chargebacks per 1,000 payments",
    "met_payment_success": "Payments accepted at first try",
    "met_signups": "Completed sign-ups",
    "met_revenue_per_user": "Revenue per user",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model: its word in a name, what it does to a subject, how it is scored and tuned."""

    word: str
    does: tuple[str, ...]  # each holds {subject}
    scores: tuple[tuple[str, float, float], ...]  # metric, lowest, highest
    family: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    domain: str
    registry: str
    teams: tuple[str, ...]
    people: tuple[str, ...]
    subjects: dict[str, str]  # word in a name -> words in a sentence
    qualifiers: dict[str, str]  # word in a name -> a sentence
    surfaces: tuple[str, ...]
    views: dict[str, tuple[str, ...]]  # feature view -> features
    columns: tuple[str, ...]
    goals: tuple[str, ...]
    guardrails: tuple[str, ...]


TREES = (
    "max_depth",
    "n_estimators",
    "learning_rate",
    "subsample",
    "min_child_weight",
    "reg_lambda",
    "num_leaves",
    "seed",
)
NETWORK = ("learning_rate", "batch_size", "epochs", "hidden_size", "dropout", "warmup_steps", "weight_decay", "seed")

PARAMS: dict[str, tuple[str, ...]] = {"xgboost": TREES, "lightgbm": TREES, "pytorch": NETWORK, "jax": NETWORK}

VALUES: dict[str, tuple[str, ...]] = {
    "max_depth": ("4", "6", "8", "10"),
    "n_estimators": ("200", "400", "800", "1600"),
    "learning_rate": ("0.1", "0.03", "0.001", "0.0003", "0.00005"),
    "subsample": ("0.6", "0.8", "1.0"),
    "min_child_weight": ("1", "5", "20"),
    "reg_lambda": ("0.0", "1.0", "4.0"),
    "num_leaves": ("31", "63", "127"),
    "seed": ("7", "17", "42", "2026"),
    "batch_size": ("64", "256", "1024", "4096"),
    "epochs": ("3", "8", "20", "60"),
    "hidden_size": ("128", "256", "512", "1024"),
    "dropout": ("0.0", "0.1", "0.3"),
    "warmup_steps": ("0", "500", "4000"),
    "weight_decay": ("0.0", "0.01", "0.1"),
}

_RANKING = (("ndcg_at_10", 0.35, 0.8), ("mrr", 0.2, 0.6), ("recall_at_50", 0.4, 0.95), ("map_at_20", 0.2, 0.6))
_CLASSES = (("auc", 0.65, 0.98), ("log_loss", 0.08, 0.6), ("f1", 0.5, 0.95), ("precision_at_1pct", 0.3, 0.99))
_NUMBERS = (("rmse", 0.05, 4.0), ("mae", 0.03, 3.0), ("r2", 0.2, 0.95), ("mape", 0.02, 0.4))
_VECTORS = (("recall_at_10", 0.3, 0.85), ("loss", 0.05, 1.2), ("hit_rate", 0.2, 0.8), ("alignment", 0.1, 0.9))

KINDS = (
    Kind(
        "ranker",
        (
            "Orders {subject}, best first.",
            "Ranks {subject} for one viewer at a time.",
            "Sorts {subject} by expected value.",
        ),
        _RANKING,
        "lightgbm",
    ),
    Kind(
        "embedding",
        ("Vectors of {subject} for nearest-neighbour lookup.", "Places {subject} near what resembles them."),
        _VECTORS,
        "pytorch",
    ),
    Kind(
        "classifier",
        ("Sorts {subject} into a fixed list of classes.", "Labels {subject}; unsure cases go to a person."),
        _CLASSES,
        "xgboost",
    ),
    Kind(
        "detector", ("Finds {subject} as they happen.", "Raises an alarm about unusual {subject}."), _CLASSES, "pytorch"
    ),
    Kind(
        "forecaster",
        ("Forecasts {subject} for the coming weeks.", "Predicts the volume of {subject}, day by day."),
        _NUMBERS,
        "lightgbm",
    ),
    Kind(
        "uplift",
        ("Estimates what would change if {subject} were acted on.", "The effect of a treatment on {subject}."),
        _NUMBERS,
        "xgboost",
    ),
    Kind(
        "retrieval",
        ("Fetches a few hundred candidates among {subject}.", "First stage over {subject}."),
        _VECTORS,
        "jax",
    ),
    Kind("calibrator", ("Turns raw scores of {subject} into probabilities one can add up.",), _CLASSES, "lightgbm"),
    Kind(
        "segmenter",
        ("Divides {subject} into groups planners can name.", "Splits {subject} where they change."),
        _VECTORS,
        "jax",
    ),
    Kind(
        "estimator",
        ("Estimates the value of {subject}.", "Puts a number on {subject} before they happen."),
        _NUMBERS,
        "xgboost",
    ),
    Kind("summarizer", ("Sums up {subject} in one line.", "Writes a short text about {subject}."), _VECTORS, "jax"),
    Kind(
        "matcher",
        ("Pairs {subject} that belong together.", "Decides whether two of {subject} are the same."),
        _CLASSES,
        "pytorch",
    ),
)

_ANYWHERE = {
    "": "",
    "emea": "For Europe, the Middle East and Africa.",
    "latam": "For Latin America.",
    "apac": "For Asia and the Pacific.",
    "nordic": "For the Nordic countries.",
    "global": "One model for all countries.",
    "mobile": "For phones.",
    "tv": "For the living room.",
    "cold-start": "Works without any history.",
    "realtime": "Answers within ten milliseconds.",
    "offline": "Runs once a night over everything.",
    "lite": "A distilled copy, for cheap traffic.",
    "weekend": "Fridays to Sundays.",
}

_OF_TITLES = _ANYWHERE | {
    "kids": "For children's titles only.",
    "live": "For live events.",
    "multilingual": "Reads thirty languages.",
    "longtail": "For what is rarely asked for.",
    "anime": "For anime.",
    "sports": "For sports.",
    "documentary": "For documentaries.",
}

REMARKS = (
    "Replaces hand-written rules that had grown to four hundred lines.",
    "Retrained when its inputs drift, not by the calendar.",
    "Known to be weak in the first week after a launch.",
    "The features come from the shared store; the labels are two weeks old.",
    "Came out of a hack day and stayed.",
    "Reviewed for fairness each quarter.",
    "Served from the edge, so keep it below fifty megabytes.",
    "Its predecessor still answers for signed-out visitors.",
    "Distilled from a teacher nobody can afford to run.",
    "Sensitive to clock changes; see the run book.",
    "Feeds three other models and one dashboard.",
    "Do not use for decisions about a person.",
    "Beats the baseline by little, and by night only.",
    "Labels are made by editors in two shifts.",
    "Frozen until the audit ends.",
    "Learns from implicit feedback alone.",
    "",
    "",
)

PERSONALIZATION = Vocabulary(
    "personalization",
    "personalization-mlflow",
    ("discovery", "engagement", "messaging"),
    ("ana.kovac", "ben.okafor", "chloe.martin", "dev.patel", "elif.demir", "farid.nazari", "grace.lim", "hugo.silva"),
    {
        "home-row": "rows of the home page",
        "continue": "half-watched titles",
        "artwork": "pieces of artwork",
        "search": "search results",
        "similar": "similar titles",
        "taste": "viewers' tastes",
        "session": "viewing sessions",
        "push": "push notifications",
        "email": "e-mail subjects",
        "preview": "previews",
        "new-release": "new releases",
        "binge": "binge sessions",
        "rewatch": "titles watched again",
        "household": "profiles of one household",
        "genre": "genres",
        "watchlist": "saved titles",
        "autoplay": "next episodes",
        "top-ten": "lists of popular titles",
        "churn": "viewers about to leave",
        "thumbs": "ratings",
    },
    _OF_TITLES,
    ("the home page", "search", "the end of an episode", "the inbox", "the browse menu"),
    {
        "viewer_activity": ("plays_7d", "plays_28d", "minutes_7d", "days_since_play", "distinct_titles"),
        "viewer_profile": ("tenure_days", "country", "plan", "maturity", "languages"),
        "title_popularity": ("starts_1d", "starts_7d", "completion_rate", "trend"),
    },
    ("viewer_id", "title_id", "position", "clicked", "watched_s", "device", "country"),
    ("met_title_starts", "met_session_length", "met_search_success", "met_retention_30d"),
    ("met_playback_errors", "met_search_latency"),
)

STUDIO = Vocabulary(
    "studio",
    "studio-mlflow",
    ("post-production", "asset-library", "localization"),
    ("ida.berg", "jun.park", "katya.orlova", "liam.walsh", "mina.rossi", "nils.jansen", "omar.aziz", "pia.novak"),
    {
        "dialogue": "lines of dialogue",
        "subtitle": "subtitles",
        "dubbing": "dubbed voices",
        "trailer": "trailers",
        "poster": "posters",
        "music": "music cues",
        "loudness": "loudness of a mix",
        "color": "colour grades",
        "grain": "film grain",
        "lip-sync": "lip movements",
        "script": "scripts",
        "casting": "casting tapes",
        "location": "filming locations",
        "continuity": "continuity mistakes",
        "stunt": "stunt plans",
        "render": "render jobs",
        "dailies": "the day's takes",
        "archive": "archived reels",
        "logo": "logos in the picture",
        "crowd": "crowds in a take",
    },
    _OF_TITLES,
    ("the editing suite", "the dubbing portal", "the asset library", "the review room"),
    {
        "take_stats": ("duration_s", "camera_moves", "exposure", "focus_score"),
        "audio_stats": ("loudness_lufs", "speech_ratio", "noise_floor", "music_ratio"),
        "script_meta": ("page_count", "speaking_parts", "night_scenes", "locations"),
    },
    ("title_id", "reel_id", "timecode_in", "timecode_out", "language", "speaker", "label"),
    ("met_edit_hours", "met_trailer_completion", "met_search_success"),
    ("met_review_rework",),
)

PAYMENTS = Vocabulary(
    "payments",
    "studio-mlflow",
    ("checkout", "fraud", "billing"),
    ("quinn.adams", "rosa.mendez", "sven.olsen", "tara.singh", "ugo.conti", "vera.popova", "wei.zhang", "xenia.papas"),
    {
        "card": "card payments",
        "chargeback": "chargebacks",
        "retry": "failed payments to try again",
        "invoice": "invoices",
        "tax": "tax rates",
        "refund": "refunds",
        "wallet": "wallet payments",
        "signup": "sign-ups",
        "gift-card": "gift cards",
        "account-takeover": "stolen accounts",
        "bin": "card issuers",
        "currency": "exchange rates",
        "dunning": "reminders of unpaid bills",
        "plan-change": "changes of plan",
        "partner-billing": "bills paid through partners",
        "voucher": "vouchers",
        "bank-transfer": "bank transfers",
        "identity": "identity checks",
        "price": "local prices",
        "velocity": "bursts of payments",
    },
    _ANYWHERE,
    ("the checkout", "the billing page", "the risk desk", "the sign-up form"),
    {
        "card_history": ("declines_24h", "declines_30d", "countries_30d", "amount_mean"),
        "account_risk": ("age_days", "devices", "password_resets", "email_age_days"),
        "issuer": ("approval_rate", "latency_ms", "soft_decline_rate"),
    },
    ("payment_id", "account_id", "amount", "currency", "country", "issuer", "declined"),
    ("met_payment_success", "met_chargebacks", "met_revenue_per_user"),
    ("met_signups",),
)

ADS = Vocabulary(
    "ads",
    "personalization-mlflow",
    ("delivery", "measurement", "formats"),
    ("yara.haddad", "zoe.clark", "adam.nowak", "bella.costa", "cyrus.tehrani", "dana.levi", "erik.holm", "fay.morgan"),
    {
        "break": "advertisement breaks",
        "creative": "creatives",
        "bid": "bids",
        "pacing": "campaigns' spending",
        "frequency": "repeated exposures",
        "brand-safety": "unsafe surroundings",
        "audience": "audiences",
        "lookalike": "look-alike audiences",
        "attribution": "conversions",
        "inventory": "unsold breaks",
        "pause-ad": "advertisements shown on pause",
        "floor-price": "floor prices",
        "skip": "skipped advertisements",
        "viewability": "visible impressions",
        "competitor": "competing brands in one break",
        "jingle": "jingles",
        "sponsor": "sponsored rows",
        "reach": "reached households",
        "click": "clicks",
        "campaign": "campaigns",
    },
    _OF_TITLES,
    ("mid-roll breaks", "the pause screen", "sponsored rows", "pre-roll"),
    {
        "ad_exposure": ("impressions_7d", "skips_7d", "last_seen_h", "distinct_brands"),
        "break_context": ("genre", "minute", "mood", "loudness"),
        "campaign_state": ("spent_share", "days_left", "bid_mean"),
    },
    ("impression_id", "campaign_id", "break_id", "bid", "clicked", "skipped", "household_id"),
    ("met_ad_completion", "met_ad_ctr", "met_ad_revenue"),
    ("met_session_length", "met_playback_errors"),
)

VOCABULARIES = (PERSONALIZATION, STUDIO, PAYMENTS, ADS)
