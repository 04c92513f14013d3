// The published package: its size, types and exports.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = fileURLToPath(new URL('..', import.meta.url));
const KIB = 1024;

for (const [file, max] of [['index.js', 6 * KIB], ['wavecast.iife.js', 6 * KIB], ['sse.js', 3 * KIB]]) {
  test(`dist/${file} is at most ${max} bytes when gzipped`, async (t) => {
    const text = await readFile(`${root}dist/${file}`);
    const size = gzipSync(text, { level: 9 }).length;
    t.diagnostic(`${file}: ${text.length} bytes, ${size} gzipped`);
    assert.ok(size <= max, `${size}`);
  });
}

test('the types accept correct code and reject mistakes', async () => {
  // Including the example in the README that is about types.
  const [, example] = /^```ts\n(.*?)^```$/ms.exec(await readFile(`${root}README.md`, 'utf8'));
  await writeFile(`${root}dist/readme-example.ts`, `import { Wavecast } from 'wavecast'\n${example}`);
  const { status, stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', 'test/types'], { cwd: root, encoding: 'utf8' });
  assert.equal(stdout, '');
  assert.equal(status, 0);
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

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true });
  assert.deepEqual(messages.map((message) => formatMessage(message, pkg)), []);
});

test('there are no runtime dependencies', async () => {
  const { dependencies, peerDependencies } = JSON.parse(await readFile(`${root}package.json`, 'utf8'));
  assert.deepEqual([dependencies, peerDependencies], [undefined, undefined]);
});
