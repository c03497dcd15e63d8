// GraphiQL over the graph at this address: documentation, explorer, history, and the examples that are served with it.
import './workers';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import '@graphiql/plugin-explorer/style.css';
import 'graphiql/graphiql.css';
import './page.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';

import { examplesPlugin, NOTHING, offered } from './examples';
import { EXPLAIN_PLUGIN } from './explain';
import { fetcher } from './fetcher';

const TABS = 6;

// GraphiQL asks for the editor only once it is drawn; the browser may as well fetch it now.
void import('monaco-graphql/esm/monaco-editor.js');

const { examples, explain } = await offered().catch(() => NOTHING);
const plugins = [HISTORY_PLUGIN, explorerPlugin(), examplesPlugin(examples), ...(explain ? [EXPLAIN_PLUGIN] : [])];
const [first] = examples;
// Who was here before finds the tabs they left.
const isNew = localStorage.getItem('graphiql:tabState') === null;

createRoot(document.getElementById('root')!).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    defaultTabs={examples.slice(0, TABS)}
    initialQuery={isNew ? first?.query : undefined}
    initialVariables={isNew ? first?.variables : undefined}
    defaultEditorToolsVisibility
    // A token stays in this page: with headers kept, the next user of this browser would find it.
    shouldPersistHeaders={false}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>Model Lifecycle Graph</GraphiQL.Logo>
  </GraphiQL>,
);
