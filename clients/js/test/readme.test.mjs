// Runs the examples in README.md unchanged against the real server. `// prints:` says what they print; commas separate lines.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HISTORY, Server, until } from './support/real.mjs';
import { sign, startIssuer, startWith, startWithTokens } from './support/tokens.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(`${root}README.md`, 'utf8');
const examples = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
// Node 20 has no global WebSocket: examples that do not import one get the one from `ws`.
const GLOBAL = "import { WebSocket as WsWebSocket } from 'ws'; globalThis.WebSocket ??= WsWebSocket;";

assert.ok(examples.length >= 6);
for (const [n, code] of examples.entries()) {
  const line = readme.slice(0, readme.indexOf(code)).split('\n').length;
  test(`README.md:${line}`, { timeout: 20_000 }, async (t) => {
    const needsTokens = code.includes('getToken'), needsPresence = code.includes('wavecast/presence');
    const server = needsTokens ? await startWithTokens(t) : needsPresence ? await startWith(t, '[[channels]]\npattern = "*"\npresence = true\n') : await Server.start(0, HISTORY);
    t.after(() => server.stop('SIGKILL'));
    const issuer = needsTokens && await startIssuer(t, (channel) => sign(channel ? { sub: 'ada', channel, allow: ['subscribe', 'publish'] } : { sub: 'ada' }));
    const expected = [...code.matchAll(/\/\/ prints: (.*)/g)].flatMap(([, text]) => text.split(', ')).sort();
    const here = code.replaceAll('wss://rt.example.com', server.url.replace('http', 'ws')).replaceAll('https://rt.example.com', server.url).replaceAll('https://app.example.com', issuer);
    const child = spawn(process.execPath, ['--input-type=module', '--eval', GLOBAL + here], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk) => { output += chunk; });
    child.stderr.on('data', (chunk) => { errors += chunk; });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    t.after(() => child.kill('SIGKILL'));
    const order = { channel: 'orders', event: 'order.created', data: { total: 12 } };
    if (code.includes('last: 10')) await server.publish(order);
    else if (code.includes("channel('orders')") && !code.includes('testing')) {
      await until(async () => (await (await fetch(`${server.url}/api/stats`)).json()).channels.orders === 1, 'it has subscribed');
      await server.publish(order);
    }
    assert.equal(await exited, 0, errors);
    assert.deepEqual(output.trim().split('\n').sort(), expected, errors);
    assert.equal(errors, '');
  });
}
