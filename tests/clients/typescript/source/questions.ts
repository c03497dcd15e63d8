// What a front end shows of a model: who owns it, what made its champion, and which tests it serves now.
import { graphql } from "../generated/index.js";

export const USAGE = graphql(`
  fragment Usage on ModelExperimentConnection {
    edges {
      running
      since
      variations {
        key
        weight
        value
      }
      node {
        ...ExperimentName
      }
    }
    completeness {
      complete
    }
  }
`);

export const EXPERIMENT_NAME = graphql(`
  fragment ExperimentName on Experiment {
    id
    name
    status
  }
`);

export const MODEL_CARD = graphql(`
  query ModelCard($name: String!, $usage: UsageWindow = CURRENT) {
    model(name: $name) {
      id
      name
      createdAt
      owners {
        id
        handle
      }
      findVersion(alias: "champion") {
        id
        version
        producedBy {
          state
          code
          node {
            id
            state
          }
        }
        experiments(usage: $usage) {
          ...Usage
        }
      }
    }
  }
`);

export const ANY = graphql(`
  query Any($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Entity {
        name
      }
      ... on Pipeline {
        schedule
      }
    }
  }
`);
