"""The datasets and features that a training run or a version mentions, as search meets them."""

from __future__ import annotations

from collections.abc import Iterator

from resolvers.conventions import Conventions, features_in_tags
from resolvers.datasets import feature_from
from schema.derived import Dataset, Feature
from schema.model import ModelVersion, TrainingRun


def things_of_run(run: TrainingRun, conventions: Conventions) -> Iterator[Dataset | Feature]:
    """Its dataset inputs; the features of its tags, of the columns and of the signature it logged."""
    yield from run.datasets
    for name, _ in features_in_tags(conventions, run.labels):
        yield feature_from(name, run.fetched_at)
    yield from (feature for feature, _ in run.features)


def features_of_version(version: ModelVersion, conventions: Conventions) -> Iterator[str]:
    """The names in its tags."""
    labels = {key: value or "" for key, value in version.labels}
    yield from (name for name, _ in features_in_tags(conventions, labels))
