// Builds dist/: type declarations from the JSDoc in src/, a readable bundle per entry point for `import` and for `require`,
// and a minified one for <script>.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
// `npm pack` and `npm install` of this folder call this without having installed what it needs.
if (!existsSync('node_modules/esbuild')) execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { stdio: 'inherit', shell: process.platform === 'win32' });
const { build } = await import('esbuild');

rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', '.'], { stdio: 'inherit' });
for (const name of readdirSync('dist')) cpSync(`dist/${name}`, `dist/cjs/${name}`, { recursive: true });
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');

const shared = { bundle: true, target: 'es2022', external: ['react'] };
// All entry points share one error class: the others import it from the core instead of bundling a copy.
const core = {
  name: 'core',
  setup: ({ onResolve }) => onResolve({ filter: /\/error\.js$/ }, () => ({ path: './index.js', external: true })),
};
for (const [format, outdir] of [['esm', 'dist'], ['cjs', 'dist/cjs']]) {
  await build({ ...shared, entryPoints: ['src/index.ts'], format, outdir });
  await build({ ...shared, entryPoints: ['src/presence.js', 'src/sse.js', 'src/testing.js', 'src/react.js'], format, outdir, plugins: [core] });
}
await build({ ...shared, minify: true, entryPoints: ['src/script-tag.js'], format: 'iife', outfile: 'dist/wavecast.iife.js' });
// The tarball has it; the repository has it once.
copyFileSync('../../LICENSE', 'LICENSE');
