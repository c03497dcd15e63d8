// Composes our subgraph with the company's, by each composer; prints one JSON object: composer to errors.
import { readFileSync } from "node:fs";
import { composeServices as apollo } from "@apollo/composition";
import { composeServices as hive } from "@theguild/federation-composition";
import { federateSubgraphs, ROUTER_COMPATIBILITY_VERSION_ONE } from "@wundergraph/composition";
import { parse } from "graphql";

const subgraphs = [
  { name: "lifecycle", url: "http://127.0.0.1:1", typeDefs: parse(readFileSync(process.argv[2], "utf8")) },
  { name: "company", url: "http://127.0.0.1:2", typeDefs: parse(readFileSync(process.argv[3], "utf8")) },
];

function said(errors) {
  return (errors ?? []).map((error) => error.message);
}

const wundergraph = federateSubgraphs({
  subgraphs: subgraphs.map(({ name, url, typeDefs }) => ({ name, url, definitions: typeDefs })),
  version: ROUTER_COMPATIBILITY_VERSION_ONE,
});
console.log(
  JSON.stringify({
    "@apollo/composition": said(apollo(subgraphs).errors),
    "@theguild/federation-composition": said(hive(subgraphs).errors),
    "@wundergraph/composition": said(wundergraph.success ? [] : wundergraph.errors),
  }),
);
