// Asks the same by Apollo Client and by urql; prints what each shows. Argument: the address of the graph.
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { cacheExchange, Client, fetchExchange } from "@urql/core";
import possible from "../generated/possible-types.js";
import { card, label } from "./card.js";
import { ANY, MODEL_CARD } from "./questions.js";

const url = process.argv[2];
if (!url) throw new Error("say the address of the graph");
const variables = { name: "content-embedding" };
const id = "mlg://pipeline/airflow/studio_content_embedding_nightly";

const apollo = new ApolloClient({ cache: new InMemoryCache(possible), link: new HttpLink({ uri: url }) });
const urql = new Client({ url, exchanges: [cacheExchange, fetchExchange], preferGetMethod: false });

const byApollo = await apollo.query({ query: MODEL_CARD, variables });
const anyByApollo = await apollo.query({ query: ANY, variables: { id } });
const byUrql = await urql.query(MODEL_CARD, variables).toPromise();
const anyByUrql = await urql.query(ANY, { id }).toPromise();
for (const { error } of [byApollo, anyByApollo, byUrql, anyByUrql]) if (error) throw error;

console.log(
  JSON.stringify({
    "Apollo Client": { card: byApollo.data && card(byApollo.data), any: anyByApollo.data && label(anyByApollo.data) },
    urql: { card: byUrql.data && card(byUrql.data), any: anyByUrql.data && label(anyByUrql.data) },
  }),
);
