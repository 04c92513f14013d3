// The published package: its size, types and exports.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = fileURLToPath(new URL('..', import.meta.url));
const KIB = 1024;

/** What an application gets that bundles this entry point and minifies it; the core is counted on its own. */
async function bundled(file) {
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [`${root}dist/${file}`], bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, external: ['./index.js', 'react'],
  });
  return text;
}
const asIs = (file) => readFile(`${root}dist/${file}`, 'utf8');

for (const [file, max, read] of [['index.js', 6.5 * KIB, bundled], ['wavecast.iife.js', 6.55 * KIB, asIs], ['presence.js', KIB, bundled], ['sse.js', 3 * KIB, bundled], ['react.js', KIB, bundled]]) {
  test(`${file} is at most ${max} bytes when minified and gzipped`, async (t) => {
    const text = await read(file), size = gzipSync(text, { level: 9 }).length;
    t.diagnostic(`${file}: ${text.length} bytes, ${size} gzipped`);
    assert.ok(size <= max, `${size}`);
  });
}

test('the modules are readable, so that a stack trace is as well', async () => {
  for (const file of ['index.js', 'presence.js', 'sse.js', 'react.js', 'testing.js', 'cjs/index.js']) {
    const lines = (await asIs(file)).split('\n');
    assert.ok(Math.max(...lines.map((line) => line.length)) < 250, file);
    assert.ok(lines.length > 20, file);
  }
});

test('the type declarations expose nothing internal', async () => {
  const files = (await readdir(`${root}dist`, { recursive: true })).filter((file) => file.endsWith('.d.ts'));
  assert.ok(files.length > 20, `${files}`);
  for (const file of files) {
    const text = await readFile(`${root}dist/${file}`, 'utf8');
    assert.doesNotMatch(text, /^\s+_\w+/m, file);
  }
  for (const file of ['wavecast.d.ts', 'wavecast/topic/topic.d.ts', 'wavecast/topic/channel.d.ts', 'wavecast/topic/room.d.ts']) {
    const text = await readFile(`${root}dist/${file}`, 'utf8');
    assert.doesNotMatch(text, /^import .*\/(connection|commands|subscriptions?)\.js/m, file);
  }
});

test('every type declaration file that is exported declares something', async () => {
  const { exports } = JSON.parse(await readFile(`${root}package.json`, 'utf8'));
  const files = JSON.stringify(exports).match(/[\w./-]+\.d\.ts/g);
  assert.ok(files.length >= 8, `${files}`);
  for (const file of files) assert.notEqual((await readFile(`${root}${file}`, 'utf8')).trim(), 'export {};', file);
});

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true });
  assert.deepEqual(messages.map((message) => formatMessage(message, pkg)), []);
});

test('there are no runtime dependencies, and React is optional', async () => {
  const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(await readFile(`${root}package.json`, 'utf8'));
  assert.deepEqual([dependencies, Object.keys(peerDependencies), peerDependenciesMeta], [undefined, ['react'], { react: { optional: true } }]);
});

test('`npm test` passes the test files in a way that Node 20 and 22 understand', async () => {
  const { scripts } = JSON.parse(await readFile(`${root}package.json`, 'utf8'));
  // Node 20 expands no patterns, so the shell has to; Node 22 runs no folders.
  assert.match(scripts.test, / test\/\*\.test\.mjs$/);
});

test('the tarball has the license, the README and everything that is exported', async () => {
  assert.equal(await readFile(`${root}LICENSE`, 'utf8'), await readFile(`${root}../../LICENSE`, 'utf8'));
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  const packed = Object.values(JSON.parse(stdout))[0];
  const files = new Set(packed.files.map(({ path }) => path));
  const exported = JSON.stringify(JSON.parse(await readFile(`${root}package.json`, 'utf8')).exports).match(/\.\/dist\/[\w./-]+/g);
  for (const file of ['LICENSE', 'README.md', ...exported.map((path) => path.slice(2))]) assert.ok(files.has(file), file);
  assert.ok(![...files].some((file) => /^(src|test|scripts|node_modules)\//.test(file)));
});
