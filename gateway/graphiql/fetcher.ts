// Sends an operation to the address of this page; stopping it ends it in the gateway, too.
import type { Fetcher, FetcherOpts, FetcherParams, Observable } from '@graphiql/toolkit';
import { buildSchema, introspectionFromSchema, type ExecutionResult } from 'graphql';

import { explained, wished } from './explain';

const ACCEPTED = 'application/graphql-response+json, application/json;q=0.9';

type Observer = { next(answer: ExecutionResult): void; error(error: unknown): void; complete(): void };

export const fetcher: Fetcher = (params, options) => {
  const subscribe = (observer: Observer) => {
    const leaving = new AbortController();
    const asked = params.operationName === 'IntrospectionQuery' ? introspected : answered;
    asked(params, options, leaving.signal).then(
      answer => {
        observer.next(answer);
        observer.complete();
      },
      (error: unknown) => {
        if (!leaving.signal.aborted) observer.error(error);
      },
    );
    return { unsubscribe: () => leaving.abort() };
  };
  // An observer is all that GraphiQL ever subscribes with.
  return { subscribe } as Observable<ExecutionResult>;
};

type Asked = (params: FetcherParams, options: FetcherOpts | undefined, signal: AbortSignal) => Promise<ExecutionResult>;

/** The schema as clients see it: introspection would show what only the routers of a supergraph ask for. */
const introspected: Asked = async (params, options, signal) => {
  const response = await fetch('schema.client.graphql', { headers: options?.headers, signal });
  if (!response.ok) return answered(params, options, signal);
  return { data: { ...introspectionFromSchema(buildSchema(await response.text())) } };
};

const answered: Asked = async (params, options, signal) => {
  const response = await fetch(location.pathname, {
    method: 'POST',
    headers: { ...options?.headers, ...wished(), accept: ACCEPTED, 'content-type': 'application/json' },
    body: JSON.stringify(params),
    signal,
  });
  const text = await response.text();
  try {
    return explained(JSON.parse(text));
  } catch {
    // Something between the page and the gateway answered in its own way.
    throw new Error(`${response.status} ${response.statusText}: ${text.slice(0, 500)}`);
  }
};
