// How answers come about, on request: a switch for the header, and the plan or the trace of the last answer, to be read.
import { useGraphiQL, type GraphiQLPlugin } from '@graphiql/react';
import { useSyncExternalStore } from 'react';

const WISHES = [
  ['off', 'Only answer'],
  ['trace', 'Answer, and trace the calls it took'],
  ['plan', 'Plan only: ask no source'],
] as const;

type Wish = (typeof WISHES)[number][0];
type Call = { method: string; path: string; startMs?: number; ms?: number };
type Batch = { source: string; method: string; keys: string[]; keyCount: number; ms: number; startMs: number; calls: Call[] };
type Link = { level: number; path: string; link: string; foundBy: string[]; asks: { source: string; methods: string[] }[] };
type Trace = {
  ms: number;
  sources: { source: string; calls: number; ms: number }[];
  batches: Batch[];
  otherCalls: (Call & { source: string })[];
};
type Explained = { plan?: Link[]; trace?: Trace };

// The fetcher stands outside of React, so what both know is kept here.
let state: { wish: Wish; last?: Explained } = { wish: 'off' };
const listeners = new Set<() => void>();

function set(change: Partial<typeof state>) {
  state = { ...state, ...change };
  listeners.forEach(listener => listener());
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The header that what is asked now goes with. */
export function wished(): Record<string, string> {
  return state.wish === 'off' ? {} : { 'x-lifecycle-explain': state.wish };
}

/** Takes the explanation out of an answer, as it would hide the data there. */
export function explained<A extends { extensions?: Record<string, unknown> }>(answer: A): A {
  const { explain, ...others } = answer.extensions ?? {};
  if (!explain) return answer;
  set({ last: explain as Explained });
  const { extensions: _, ...rest } = answer;
  return (Object.keys(others).length ? { ...rest, extensions: others } : rest) as A;
}

export const EXPLAIN_PLUGIN: GraphiQLPlugin = { title: 'Explain', icon: Icon, content: Explain };

function Explain() {
  const { wish, last } = useSyncExternalStore(subscribe, () => state);
  const isFetching = useGraphiQL(current => current.isFetching);
  return (
    <section aria-label="Explain" className="explain" aria-busy={isFetching}>
      <div className="graphiql-doc-explorer-title">Explain</div>
      <fieldset>
        <legend>When a query is run</legend>
        {WISHES.map(([value, text]) => (
          <label key={value}>
            <input type="radio" name="explain" checked={wish === value} onChange={() => set({ wish: value })} /> {text}
          </label>
        ))}
      </fieldset>
      {last?.trace && <TraceShown {...last.trace} />}
      {last?.plan && <PlanShown links={last.plan} />}
      {!last && wish !== 'off' && <p>Run a query to see it here.</p>}
    </section>
  );
}

function TraceShown({ ms, sources, batches, otherCalls }: Trace) {
  return (
    <>
      <h3>Answered in {ms} ms</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">Source</th>
            <th scope="col">Calls</th>
            <th scope="col">ms in all</th>
          </tr>
        </thead>
        <tbody>
          {sources.map(({ source, calls, ms }) => (
            <tr key={source}>
              <th scope="row">{source}</th>
              <td>{calls}</td>
              <td>{ms}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ol>
        {batches.map((batch, place) => (
          <li key={place}>
            <b>{batch.source}</b> {batch.method}, {batch.keyCount} {batch.keyCount === 1 ? 'key' : 'keys'},{' '}
            {batch.calls.length} {batch.calls.length === 1 ? 'call' : 'calls'}, {batch.ms} ms
            <details>
              <summary>{batch.keys[0]}{batch.keyCount > 1 && ', …'}</summary>
              <p>{batch.keys.join(', ')}{batch.keyCount > batch.keys.length && ', …'}</p>
              {batch.calls.map((call, place) => <CallShown key={place} {...call} />)}
            </details>
          </li>
        ))}
        {otherCalls.map((call, place) => (
          <li key={`other ${place}`}>
            <b>{call.source}</b> <CallShown {...call} />
          </li>
        ))}
      </ol>
    </>
  );
}

function CallShown({ method, path, startMs, ms }: Call) {
  return (
    <p>
      {method} <code>{path}</code>
      {ms !== undefined && ` at ${startMs} ms, for ${ms} ms`}
    </p>
  );
}

function PlanShown({ links }: { links: Link[] }) {
  const levels = [...new Set(links.map(link => link.level))];
  return levels.map(level => (
    <section key={level}>
      <h3>{level === 1 ? 'First' : 'Then'}, together</h3>
      <ul>
        {links
          .filter(link => link.level === level)
          .map(({ path, link, foundBy, asks }) => (
            <li key={`${path} ${link}`}>
              <b>{path}</b> <code>{link}</code>
              {foundBy.length > 0 && <p>Found by: {foundBy.join('; ')}</p>}
              {asks.map(({ source, methods }) => (
                <p key={source}>
                  {source}: {methods.join(', ')}
                </p>
              ))}
            </li>
          ))}
      </ul>
    </section>
  ));
}

function Icon() {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round">
      <path d="M3 5h6M6 10h8M11 15h6" />
    </svg>
  );
}
