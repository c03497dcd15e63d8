// Runs every audit of GraphQL over HTTP against one address, and prints what each found as JSON.
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: process.argv[2] });
const shown = results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
process.stdout.write(JSON.stringify(shown));
