// The rules graphql-eslint recommends for schemas and for Relay; each departure says why.
import graphql from "@graphql-eslint/eslint-plugin";

export default [
  {
    files: ["*.graphql"],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: "schema.client.graphql" } } },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...graphql.configs["flat/schema-recommended"].rules,
      ...graphql.configs["flat/schema-relay"].rules,
      // Lists grow while they are read, so pages go forward only: there is no `last` and no `before`.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      // Short lists that come whole (tags, variations, aliases), and `nodes` beside `edges`, are plain lists on purpose.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
      // What cannot be asked for by itself has no id: Relay's own types, links, the parts of an entity,
      // and answers to a question, with their parts.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: {
            suffixes: ["Connection", "Edge", "Link"],
            types: [
              "ComparisonRow",
              "Completeness",
              "EntityRef",
              "EvaluationMetric",
              "ExperimentMetric",
              "ExperimentPhase",
              "ExperimentResultRow",
              "ExperimentResults",
              "Facet",
              "FacetValue",
              "Freshness",
              "Impact",
              "KindCount",
              "Lineage",
              "LineageNode",
              "LinkEvidence",
              "MatchedField",
              "ModelAlias",
              "ModelComparison",
              "PageInfo",
              "Param",
              "Source",
              "SourceCapability",
              "SourceOutcome",
              "Tag",
              "TaskRun",
              "TrainingRun",
              "Variation",
            ],
          },
        },
      ],
    },
  },
];
