"""The rules by which links are found: what each reads, and the evidence it leaves on an edge."""

from __future__ import annotations

from dataclasses import dataclass

from schema.connection import Evidence, LinkBasis
from schema.identity import Reference


@dataclass(frozen=True, slots=True)
class Rule:
    """One way a link is found. `says` is the text of its evidence, with what was matched in the braces."""

    name: str
    basis: LinkBasis
    says: str

    def evidence(self, source: str, matched: str = "", via: tuple[Reference, ...] = ()) -> Evidence:
        """What this rule puts on an edge: which source said it, in which words."""
        return Evidence(self.basis, f"{source}: {self.says.format(matched)}", via, self.name)


VERSION_TAG = Rule("pipeline named by a version tag", LinkBasis.CONVENTION, "version tag {}")
RUN_TAG = Rule("pipeline named by a training run's tag", LinkBasis.CONVENTION, "run tag {}")
OUTLET_MODEL = Rule("model named by an outlet asset", LinkBasis.CONVENTION, "outlet asset {}")
INLET_MODEL = Rule("model named by an inlet asset", LinkBasis.CONVENTION, "inlet asset {}")
PIPELINE_TAG = Rule("model named by a pipeline's tag", LinkBasis.CONVENTION, "tag {}")
PRODUCED_VERSION = Rule("pipeline that made a version", LinkBasis.INFERRED, "what produced version {}")

REGISTERED = Rule("version of a model", LinkBasis.NATIVE, "version {}")

VARIATION_VALUE = Rule("model named by a variation's value", LinkBasis.CONVENTION, "value of variation {}")
EXPERIMENT_TAG = Rule("model named by an experiment's tag", LinkBasis.CONVENTION, "tag {}")
VERSION_CELLS = Rule("A/B cells in a version's tag", LinkBasis.CONVENTION, "version tag {}")
RUN_CELLS = Rule("A/B cells in a pipeline run's parameters", LinkBasis.CONVENTION, "run parameter {}")
PRODUCING_RUN_CELLS = Rule(
    "A/B cells in the parameters of the run that made a version", LinkBasis.INFERRED, "run parameter {}"
)

DATASET_INPUT = Rule("dataset logged as a training input", LinkBasis.NATIVE, "dataset input {}")
VERSION_FEATURES = Rule("features named by a version tag", LinkBasis.CONVENTION, "version tag {}")
RUN_FEATURES = Rule("features named by a training run's tag", LinkBasis.CONVENTION, "run tag {}")
LOGGED_FEATURES = Rule("features in a dataset's columns or a model's signature", LinkBasis.NATIVE, "{}")
INLET = Rule("dataset read as an inlet asset", LinkBasis.NATIVE, "inlet asset {}")
OUTLET = Rule("dataset written as an outlet asset", LinkBasis.NATIVE, "outlet asset {}")
SHARED_ASSET = Rule("pipelines joined by an asset", LinkBasis.NATIVE, "asset {}")
ASSET_EVENT = Rule("runs joined by an asset event", LinkBasis.NATIVE, "asset event {}")
