// Runs the compiled queries through relay-runtime; prints what its store then holds, and whatever it complained of.
const complaints = [];
for (const level of ["warn", "error"]) console[level] = (...words) => complaints.push(words.join(" "));

const { Environment, Network, RecordSource, Store, createOperationDescriptor, fetchQuery } = require("relay-runtime");
const url = process.argv[2];

async function ask(operation, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: operation.text, variables }),
  });
  return response.json();
}

async function main() {
  const store = new Store(new RecordSource());
  const environment = new Environment({ network: Network.create(ask), store });
  async function run(name, variables) {
    const query = require(`./source/__generated__/${name}.graphql.js`);
    environment.retain(createOperationDescriptor(query, variables));
    return fetchQuery(environment, query, variables).toPromise();
  }
  const records = () => environment.getStore().getSource().toJSON();
  const connection = (key) => Object.values(records()).find((record) => record.__id.endsWith(key));

  const page = await run("ModelsPageQuery", { name: "content-embedding" });
  const id = page.model.__id;
  const end = (key) => records()[connection(key).pageInfo.__ref].endCursor;
  await run("ModelsListPaginationQuery", { first: 3, after: end("__Models_list_models_connection") });
  await run("ModelsCardPaginationQuery", { id, first: 1, after: end("__Models_card_versions_connection") });
  const named = Object.values(records()).flatMap((record) => (record.id ? [record.id] : []));
  const nodes = await run("ModelsNodesQuery", { ids: named });

  const all = Object.values(records());
  console.log(
    JSON.stringify({
      complaints,
      model: id,
      models: connection("__Models_list_models_connection").edges.__refs.length,
      versions: connection("__Models_card_versions_connection").edges.__refs.length,
      strays: all.filter((record) => record.id && record.id !== record.__id).map((record) => record.__id),
      ids: named.length,
      types: [...new Set(nodes.nodes.map((node) => node.__typename))].sort(),
      missing: named.filter((name, index) => nodes.nodes[index]?.id !== name),
    }),
  );
}

main();
