// The layout of src/: folders that import only from those below them, no circles, files of one concept.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const MAX_LINES = 300;
/** From the lowest to the highest. The files directly in src/ are entry points, except for the two that are listed. */
const FLOORS = ['types', 'wavecast/base', 'wavecast/connection', 'wavecast/commands', 'wavecast/topic', 'wavecast', 'presence', 'sse', 'testing', 'entry'];
/** Peers may not import each other. */
const PEERS = ['presence', 'sse', 'testing'];

/** Imports of values and, in comments, of types: a circle of types is hard to read as well. */
const imports = (text) => [...text.matchAll(/(?:from |import\()'(\.[^']*)'/g)].map(([, path]) => path);
const floorOf = (file) => {
  if (/^types\b/.test(file)) return 'types';
  if (file === 'wavecast.js') return 'wavecast';
  return file.includes('/') ? dirname(file) : 'entry';
};

const names = (await readdir(`${root}src`, { recursive: true })).filter((file) => /\.(js|ts)$/.test(file));
const texts = new Map(await Promise.all(names.map(async (file) => [file, await readFile(`${root}src/${file}`, 'utf8')])));
const edges = new Map(names.map((file) => [file, imports(texts.get(file)).map((path) => {
  const target = join(dirname(file), path);
  return texts.has(target) ? target : target.replace(/\.js$/, '.ts');
})]));

test('every import names a file of src', () => {
  assert.ok(names.length > 30, `${names}`);
  for (const [file, targets] of edges) for (const target of targets) assert.ok(texts.has(target), `${file} imports ${target}`);
});

test('a file imports only from its own folder and from lower ones', () => {
  for (const [file, targets] of edges) {
    const floor = FLOORS.indexOf(floorOf(file));
    assert.ok(floor >= 0, `${file} is in no known folder`);
    for (const target of targets) {
      // The types of the public API name its error class.
      if (file === 'types.ts' && target === 'wavecast/base/error.js') continue;
      const other = FLOORS.indexOf(floorOf(target));
      assert.ok(other <= floor, `${file} imports ${target}, which is higher`);
      assert.ok(other === floor || ![floor, other].every((n) => PEERS.includes(FLOORS[n])), `${file} imports ${target}, a peer`);
    }
  }
});

test('no files import each other in a circle', () => {
  const done = new Set();
  const visit = (file, path) => {
    assert.ok(!path.includes(file), `circle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
    if (done.has(file)) return;
    for (const target of edges.get(file)) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of names) visit(file, []);
});

test(`no file has more than ${MAX_LINES} lines`, () => {
  for (const [file, text] of texts) assert.ok(text.split('\n').length <= MAX_LINES, file);
});
