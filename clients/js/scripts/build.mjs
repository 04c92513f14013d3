// Builds dist/: type declarations from the JSDoc in src/, a bundle per entry point, and one for <script>.
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
await rm('dist', { recursive: true, force: true });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', '.'], { stdio: 'inherit' });

const shared = { bundle: true, minify: true, target: 'es2022', sourcemap: true, legalComments: 'none' };
// All entry points share one error class: the others import it from the core instead of bundling a copy.
const core = {
  name: 'core',
  setup: ({ onResolve }) => onResolve({ filter: /\/error\.js$/ }, () => ({ path: './index.js', external: true })),
};
await build({ ...shared, entryPoints: ['src/index.ts'], format: 'esm', outdir: 'dist' });
await build({ ...shared, entryPoints: ['src/sse.js', 'src/testing.js'], format: 'esm', outdir: 'dist', plugins: [core] });
await build({ ...shared, entryPoints: ['src/script-tag.js'], format: 'iife', outfile: 'dist/wavecast.iife.js' });
