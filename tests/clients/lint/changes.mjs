// What graphql-inspector says of the way from the first schema to the second, most critical first.
import { readFileSync } from "node:fs";
import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildSchema } from "graphql";

const [released, current] = process.argv.slice(2).map((file) => buildSchema(readFileSync(file, "utf8")));
const changes = await diff(released, current);
const breaking = changes.filter((change) => change.criticality.level === CriticalityLevel.Breaking);
console.log(JSON.stringify(breaking.map((change) => change.message)));
