// The bundle: files named by their content, found relative to the page, with their licences and checksums beside them.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const OUT = '../static/graphiql';
const SOURCES = readdirSync('.').filter(name => /\.(tsx?|css|html|svg|json)$/.test(name));
const bundled = new Set<string>();

export default defineConfig({
  base: './',
  publicDir: false,
  worker: { format: 'es', plugins: () => [packages()] },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      // "use client" means something to servers that render React, of which there is none.
      onLog: (level, log, show) => log.code === 'MODULE_LEVEL_DIRECTIVE' || show(level, log),
    },
  },
  experimental: {
    // The page is at …/graphql and its files below that, whatever stands before it.
    renderBuiltUrl: (file, { hostType }) => (hostType === 'html' ? `graphql/${file}` : { relative: true }),
  },
  plugins: [packages(), manifest()],
});

/** Notes of which packages anything was bundled; the workers are bundles of their own. */
function packages(): Plugin {
  return {
    name: 'packages',
    generateBundle(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue;
        for (const id of chunk.moduleIds) {
          const folder = /.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id)?.[0];
          if (folder) bundled.add(folder.replaceAll('\0', ''));
        }
      }
    },
  };
}

/** Writes which versions were bundled, from which sources, into which files, and under which licences. */
function manifest(): Plugin {
  return {
    name: 'manifest',
    closeBundle() {
      const known = [...bundled].map(folder => ({ folder, ...JSON.parse(read(folder, 'package.json')) }));
      known.sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
      const notices = known.map(({ folder, name, version, license }) =>
        [`${name} ${version} (${license})`, ...licences(folder).map(file => read(folder, file).trim())].join('\n\n'),
      );
      writeFileSync(join(OUT, 'THIRD_PARTY.txt'), `${notices.join(`\n\n${'-'.repeat(80)}\n`)}\n`);
      const files = readdirSync(OUT, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name).slice(OUT.length + 1));
      const written = {
        packages: known.map(({ name, version, license }) => `${name} ${version} ${license}`),
        sources: digests('.', SOURCES),
        files: digests(OUT, files),
      };
      writeFileSync(join(OUT, 'manifest.json'), `${JSON.stringify(written, null, 2)}\n`);
    },
  };
}

function licences(folder: string): string[] {
  return readdirSync(folder).filter(name => /^(licen[cs]e|copying|notice|thirdparty)/i.test(name)).sort();
}

function digests(folder: string, names: string[]): Record<string, string> {
  const digest = (name: string) => createHash('sha256').update(readFileSync(join(folder, name))).digest('hex');
  return Object.fromEntries(names.sort().map(name => [name, digest(name)]));
}

function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf-8');
}
