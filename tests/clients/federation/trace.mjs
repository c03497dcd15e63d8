// Reads a trace on standard input as Apollo's own library does; prints it as JSON.
import { readFileSync } from "node:fs";
import protobuf from "@apollo/usage-reporting-protobuf";

const trace = protobuf.Trace.decode(Buffer.from(readFileSync(0, "utf8"), "base64"));
console.log(JSON.stringify(protobuf.Trace.toObject(trace, { longs: Number })));
