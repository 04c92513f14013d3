// The package as applications use it: installed from its tarball into a folder of their own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
let app;

function run(command, args, cwd = app) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

before(async () => {
  app = await mkdtemp(join(tmpdir(), 'wavecast-app-'));
  const [{ filename }] = Object.values(JSON.parse(run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', app], root)));
  await mkdir(join(app, 'node_modules', '@types'), { recursive: true });
  run('tar', ['-xzf', filename, '-C', 'node_modules']);
  run('mv', ['node_modules/package', 'node_modules/wavecast']);
  for (const name of ['react', 'react-dom', 'scheduler', '@types/react', 'csstype']) await symlink(join(root, 'node_modules', name), join(app, 'node_modules', name));
  await writeFile(join(app, 'package.json'), '{ "private": true }');
});
after(() => rm(app, { recursive: true, force: true }));

const USE = `
  const clock = new FakeClock(), server = new FakeServer({ clock });
  const client = new Wavecast('ws://fake/ws', { WebSocket: server.WebSocket, clock });
  client.channel('orders').on('message', ({ data }) => { console.log(data.n); client.disconnect(); });
  clock.advance(10).then(() => { server.publish('orders', { n: 12 }); return clock.advance(10); });
  console.log(typeof publish, typeof useChannel, new SseSocket('ws://127.0.0.1:1/ws') instanceof SseSocket, new WavecastError('timeout').temporary);
`;
const OUTPUT = 'function function true true\n12\n';

test('import works', async () => {
  await writeFile(join(app, 'app.mjs'), `
    import { Wavecast, WavecastError } from 'wavecast';
    import { FakeClock, FakeServer } from 'wavecast/testing';
    import { SseSocket, publish } from 'wavecast/sse';
    import { useChannel } from 'wavecast/react';${USE}`);
  assert.equal(run(process.execPath, ['app.mjs']), OUTPUT);
});

test('require works', async () => {
  await writeFile(join(app, 'app.cjs'), `
    const { Wavecast, WavecastError } = require('wavecast');
    const { FakeClock, FakeServer } = require('wavecast/testing');
    const { SseSocket, publish } = require('wavecast/sse');
    const { useChannel } = require('wavecast/react');${USE}`);
  assert.equal(run(process.execPath, ['app.cjs']), OUTPUT);
});

test('an application that uses only the core bundles only the core', async () => {
  const { outputFiles: [{ text }] } = await build({
    stdin: { contents: `import { Wavecast } from 'wavecast'; new Wavecast('/ws').channel('a').on('message', console.log)`, resolveDir: app },
    bundle: true, minify: true, format: 'iife', write: false,
  });
  assert.doesNotMatch(text, /useSyncExternalStore|event-stream|FakeServer/);
  assert.match(text, /connection_lost/);
});

test('server-side rendering needs neither a WebSocket nor an address', async () => {
  await writeFile(join(app, 'ssr.mjs'), `
    import { createElement as h } from 'react';
    import { renderToString } from 'react-dom/server';
    import { Wavecast } from 'wavecast';
    import { useChannel, useStatus } from 'wavecast/react';
    delete globalThis.WebSocket;
    const client = new Wavecast('/ws'), orders = client.channel('orders');
    const Orders = () => h('p', null, useStatus(client).state, ' ', useChannel(orders, () => {}), ' ', useChannel(null), ' ', orders.state);
    console.log(renderToString(h(Orders)).replaceAll('<!-- -->', ''), client.state);`);
  assert.equal(run(process.execPath, ['ssr.mjs']), '<p>disconnected unsubscribed unsubscribed unsubscribed</p> disconnected\n');
});

// Including the example in the README that is about types.
const [, example] = /^```ts\n(.*?)^```$/ms.exec(await readFile(`${root}README.md`, 'utf8'));
for (const [module, moduleResolution, file] of [
  ['node16', 'node16', 'usage.mts'], ['node16', 'node16', 'usage.cts'], ['nodenext', 'nodenext', 'usage.mts'], ['nodenext', 'nodenext', 'usage.cts'],
  ['esnext', 'bundler', 'usage.mts'],
]) {
  test(`the types accept correct code and reject mistakes: ${file} with module ${module}`, async () => {
    const usage = await readFile(`${root}test/types/usage.ts`, 'utf8');
    await writeFile(join(app, file), usage);
    await writeFile(join(app, `readme.${file.slice(-3)}`), `import { Wavecast } from 'wavecast'\n${example}`);
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({
      compilerOptions: {
        target: 'es2022', module, moduleResolution, lib: ['es2023', 'dom'], types: [], strict: true, exactOptionalPropertyTypes: true, noEmit: true,
      },
      files: [file, `readme.${file.slice(-3)}`],
    }));
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--project', app], { encoding: 'utf8' });
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });
}
