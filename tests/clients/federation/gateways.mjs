// Puts real gateways in front of our graph and a second subgraph, and asks each what comes in on standard input.
// Arguments: the address of our graph, the SDLs of both. Prints one JSON object: gateway to answers.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { composeServices } from "@apollo/composition";
import { ApolloGateway } from "@apollo/gateway";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { createGatewayRuntime } from "@graphql-hive/gateway-runtime";
import { graphql, parse, validate } from "graphql";

const [ourUrl, ourFile, companyFile] = process.argv.slice(2);
const questions = JSON.parse(readFileSync(0, "utf8"));
const companySdl = readFileSync(companyFile, "utf8");

const company = buildSubgraphSchema({
  typeDefs: parse(companySdl),
  resolvers: {
    Query: {
      products: () => [
        {
          name: "Scene-matched advertising",
          model: { id: "mlg://model/studio-mlflow/content-embedding" },
          pipeline: { ref: { source: "airflow", key: "studio_content_embedding_nightly" } },
          madeFrom: { id: "mlg://dataset/-/s3%3A%2F%2Fstudio%2Fframes" },
          soldBy: { id: "mlg://owner/-/priya.raman" },
        },
        { name: "A product that never was", model: { id: "mlg://model/studio-mlflow/nobody-has-this" }, pipeline: null },
      ],
    },
    Model: { costCenter: (model) => `cost of ${model.id}` },
    Pipeline: { agreedBy: (pipeline) => `${pipeline.ref.source} for ${pipeline.ref.key}` },
    Dataset: { keptFor: () => "a year" },
    Owner: { desk: (owner) => `desk of ${owner.id}` },
    Experiment: { label: (experiment) => `Test: ${experiment.name}` },
  },
});

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { query, variables } = JSON.parse(body);
  const answer = await graphql({ schema: company, source: query, variableValues: variables });
  response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const composed = composeServices([
  { name: "lifecycle", url: ourUrl, typeDefs: parse(readFileSync(ourFile, "utf8")) },
  { name: "company", url: `http://127.0.0.1:${server.address().port}/`, typeDefs: parse(companySdl) },
]);
if (composed.errors) throw new Error(composed.errors.join("\n"));

async function apollo() {
  const quiet = { debug() {}, info() {}, warn: console.error, error: console.error };
  const gateway = new ApolloGateway({ supergraphSdl: composed.supergraphSdl, logger: quiet });
  const { schema, executor } = await gateway.load();
  const answers = [];
  for (const [index, query] of questions.entries()) {
    const request = { query, variables: {}, http: undefined };
    const document = parse(query);
    // In its server the query is validated before, against the same schema.
    const errors = validate(schema, document).map((error) => error.toJSON());
    const asked = { document, request, schema, queryHash: String(index), context: {}, logger: quiet };
    answers.push(errors.length ? { errors } : await executor(asked));
  }
  await gateway.stop();
  return answers;
}

async function hive() {
  const gateway = createGatewayRuntime({ supergraph: composed.supergraphSdl, logging: false, maskedErrors: false });
  const answers = [];
  for (const query of questions) {
    const response = await gateway.fetch("http://127.0.0.1/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
    answers.push(await response.json());
  }
  await gateway[Symbol.asyncDispose]?.();
  return answers;
}

console.log(JSON.stringify({ "@apollo/gateway": await apollo(), "hive gateway": await hive() }));
server.close();
