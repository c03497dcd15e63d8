"""The questions several tests ask."""

from __future__ import annotations

ON_CALL = """
query OnCall($v: ID!) { node(id: $v) { ... on ModelVersion {
  name version owners { handle team }
  datasets { state node { name } } features { ref { key } }
  trainingRun { evaluationMetrics { key value } }
  producedBy { state evidence { basis assertedBy } node { state startedAt
    pipeline { name owners { handle } lastRun { state } }
    upstreamRuns { edges { state node { state pipeline { name } } } } } }
  experiments(usage: CURRENT) {
    edges { running since evidence { basis assertedBy } variations { key name weight isControl }
      node { name status hypothesis ref { url } } }
    completeness { complete sources { source ok code calls } } } } } }
"""
CONTENT_EMBEDDING_7 = "mlg://model-version/studio-mlflow/content-embedding%2F7"

MODELS_PAGE = """
query Page($first: Int!, $after: String) {
  models(first: $first, after: $after) {
    nodes {
      name
      latestVersion {
        version
        trainingRun { evaluationMetrics { key value } }
        producedBy { state node { state pipeline { name } } }
      }
      experiments(usage: CURRENT) { edges { running variations { key name weight } node { name } } }
    }
    pageInfo { hasNextPage endCursor }
    completeness { complete }
  }
}
"""
