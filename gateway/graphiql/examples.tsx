// The example queries that the gateway serves: the first are open as tabs, all of them are in a panel of their own.
import { useGraphiQL, useGraphiQLActions, type GraphiQLPlugin } from '@graphiql/react';

export interface Example {
  title: string;
  query: string;
  variables: string;
}

/** What the gateway offers beside the graph: examples, and whether it explains how an answer comes about. */
export interface Offered {
  examples: Example[];
  explain: boolean;
}

export async function offered(): Promise<Offered> {
  const response = await fetch('graphql/page.json');
  return response.ok ? response.json() : NOTHING;
}

export const NOTHING: Offered = { examples: [], explain: false };

export function examplesPlugin(examples: Example[]): GraphiQLPlugin {
  return { title: 'Examples', icon: Icon, content: () => <Examples examples={examples} /> };
}

function Examples({ examples }: { examples: Example[] }) {
  const { addTab } = useGraphiQLActions();
  const queryEditor = useGraphiQL(state => state.queryEditor);
  const variableEditor = useGraphiQL(state => state.variableEditor);

  function open(example: Example) {
    addTab();
    queryEditor?.setValue(example.query);
    variableEditor?.setValue(example.variables);
  }

  return (
    <section aria-label="Examples">
      <div className="graphiql-doc-explorer-title">Examples</div>
      <ul className="examples">
        {examples.map(example => (
          <li key={example.title}>
            <button type="button" onClick={() => open(example)}>
              {example.title}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Icon() {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round">
      <path d="M4 5h.01M4 10h.01M4 15h.01M8 5h8M8 10h8M8 15h8" />
    </svg>
  );
}
