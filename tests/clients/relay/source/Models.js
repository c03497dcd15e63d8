// Fragments as components declare them; relay-compiler reads them here, main.js runs what it makes of them.
const { graphql } = require("relay-runtime");

graphql`
  query ModelsPageQuery($name: String!) {
    ...Models_list
    model(name: $name) {
      ...Models_card
    }
  }
`;

// A list at the root, page by page.
graphql`
  fragment Models_list on Query
  @refetchable(queryName: "ModelsListPaginationQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 3 }, after: { type: "String" }) {
    models(first: $first, after: $after) @connection(key: "Models_list_models") {
      edges {
        node {
          id
          name
          latestVersion {
            id
            version
          }
        }
      }
      completeness {
        complete
      }
    }
  }
`;

// An entity, asked for again by node(id:), with a connection of links inside.
graphql`
  fragment Models_card on Model
  @refetchable(queryName: "ModelsCardPaginationQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 1 }, after: { type: "String" }) {
    name
    versions(first: $first, after: $after) @connection(key: "Models_card_versions") {
      edges {
        node {
          id
          version
          model {
            id
            name
          }
        }
      }
    }
    ...Models_experiments
  }
`;

graphql`
  fragment Models_experiments on Model {
    experiments(usage: EVER, first: 5) @connection(key: "Models_experiments_experiments", filters: ["usage"]) {
      edges {
        running
        ref {
          entityId
        }
        node {
          id
          name
          testedModels(first: 3) {
            edges {
              model {
                ...Models_name @alias
              }
            }
          }
        }
      }
    }
  }
`;

graphql`
  fragment Models_name on Model {
    id
    name
    domain {
      name
    }
  }
`;

graphql`
  query ModelsNodesQuery($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      id
      ... on Entity {
        name
      }
    }
  }
`;
