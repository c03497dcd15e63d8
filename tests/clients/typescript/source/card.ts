// The types of an answer in use: every field below is checked against the schema by the compiler.
import { read } from "../generated/index.js";
import type { AnyQuery, LinkState, ModelCardQuery, RunState } from "../generated/graphql.js";
import { EXPERIMENT_NAME, USAGE } from "./questions.js";

export interface Card {
  title: string;
  owners: string[];
  madeBy: LinkState | RunState | "unknown";
  tests: { name: string; since: string | null; cells: string[] }[];
}

export function card(answer: ModelCardQuery): Card | null {
  const model = answer.model;
  if (!model) return null;
  const version = model.findVersion;
  const usage = read(USAGE, version?.experiments);
  return {
    title: version ? `${model.name} ${version.version}` : model.name,
    owners: model.owners.map((owner) => owner.handle),
    madeBy: version?.producedBy?.node?.state ?? version?.producedBy?.state ?? "unknown",
    tests: (usage?.edges ?? []).map((edge) => ({
      name: read(EXPERIMENT_NAME, edge.node)?.name ?? "a test that cannot be read",
      since: edge.since ?? null,
      cells: (edge.variations ?? []).map((variation) => variation.key),
    })),
  };
}

export function label(answer: AnyQuery): string {
  const node = answer.node;
  if (!node) return "nothing";
  // `name` is of Entity: a Domain or an Owner has none, and the compiler knows.
  return "name" in node ? `${node.__typename} ${node.name}` : node.__typename;
}
