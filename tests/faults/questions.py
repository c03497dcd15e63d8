"""What the campaign asks: fields of one source each, told by their names, and one that crosses all three."""

from __future__ import annotations

from tests.faults.site import Site
from tests.graph.ids import id_of, version_id

SOURCES = ("studio-mlflow", "airflow", "growthbook")
OWNERS = {"registry": "studio-mlflow", "orchestrator": "airflow", "platform": "growthbook"}
"""The source of a root field by the first word of its name; `linked` is of all."""

QUERY = """
query Campaign($version: ID!, $registry: [ID!]!, $orchestrator: [ID!]!, $platform: [ID!]!) {
  registry: model(name: "content-embedding", source: "studio-mlflow") {
    name description tags { key value } versionAliases { alias version }
    versions(first: 10) {
      nodes { name version description createdAt aliases
              trainingRun { params { key value } evaluationMetrics { key value } } }
      totalCount pageInfo { hasNextPage } completeness { complete reasons }
    }
  }
  registryList: models(filter: {source: "studio-mlflow"}, first: 20) {
    nodes { name description createdAt updatedAt latestVersion { name version description } }
    totalCount pageInfo { hasNextPage } completeness { complete reasons }
  }
  registryNodes: nodes(ids: $registry) {
    ... on Model { name description } ... on ModelVersion { name version description createdAt }
  }
  orchestrator: pipeline(name: "studio_content_embedding_nightly", source: "airflow") {
    name description schedule paused tags { key value } owners { handle }
    lastRun { name state startedAt endedAt }
    runs(first: 10) {
      nodes { name state startedAt endedAt tasks(first: 10) {
        nodes { key state startedAt endedAt } totalCount pageInfo { hasNextPage } completeness { complete reasons } } }
      totalCount pageInfo { hasNextPage } completeness { complete reasons }
    }
  }
  orchestratorList: pipelines(filter: {source: "airflow"}, first: 20) {
    nodes { name description schedule }
    totalCount pageInfo { hasNextPage } completeness { complete reasons }
  }
  orchestratorNodes: nodes(ids: $orchestrator) {
    ... on Pipeline { name description schedule } ... on PipelineRun { name state startedAt }
  }
  platform: experiment(key: "ads-contextual-scene-match", source: "growthbook") {
    name key status hypothesis variations { key name weight value } phases { name coverage startedAt }
    metrics { key name role }
  }
  platformList: experiments(filter: {source: "growthbook"}, first: 20) {
    nodes { name key status hypothesis }
    totalCount pageInfo { hasNextPage } completeness { complete reasons }
  }
  platformNodes: nodes(ids: $platform) { ... on Experiment { name key status hypothesis } }
  linked: node(id: $version) { ... on ModelVersion {
    name version
    producedBy { state code node { name state pipeline { name } } }
    experiments(usage: EVER) {
      edges { state code running node { name key status } }
      completeness { complete reasons }
    }
  } }
}
"""

REGISTRY = [
    *(
        id_of("model", "studio-mlflow", name)
        for name in ("content-embedding", "shot-boundary-detector", "title-ranker", "fraud-screen")
    ),
    *(version_id(f"content-embedding/{number}") for number in (4, 5, 6, 7)),
    version_id("title-ranker/1"),
]
IDS = """{
  pipelines(filter: {source: "airflow"}, first: 20) { nodes { id lastRun { id } } }
  experiments(filter: {source: "growthbook"}, first: 20) { nodes { id } }
}"""


def at(platform: str, query: str) -> str:
    """A question to another experiment platform."""
    return query.replace('source: "growthbook"', f'source: "{platform}"')


async def variables(site: Site, platform: str = "growthbook") -> dict[str, object]:
    """Ids of things of each source, which are read many at a time."""
    listed = (await site.ask(at(platform, IDS))).answer["data"]
    pipelines = [node for node in listed["pipelines"]["nodes"] if node["lastRun"]][:3]
    return {
        "version": version_id("content-embedding/7"),
        "registry": REGISTRY,
        "orchestrator": [*(node["id"] for node in pipelines), *(node["lastRun"]["id"] for node in pipelines)],
        "platform": [node["id"] for node in listed["experiments"]["nodes"][:6]],
    }
