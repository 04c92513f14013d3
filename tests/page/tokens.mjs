// Tokens, and a real server that verifies them.
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server } from './server.mjs';

/** A history that no test fills. */
const HISTORY = ['--history', '1000000', '--history-bytes', '100MiB'];

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
let ids = 0;

/** Signs a token with these claims, which lives for an hour unless they say otherwise. */
export function sign(claims, secret = SECRET) {
  const now = Math.floor(Date.now() / 1000);
  const [head, body] = [{ alg: 'HS256', typ: 'JWT' }, { iat: now, exp: now + 3600, jti: `t${++ids}`, ...claims }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${head}.${body}.${createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')}`;
}

/** Starts the real server with this configuration. */
export async function startWith(t, configuration, flags = []) {
  const folder = await mkdtemp(join(tmpdir(), 'wavecast-configured-')), file = join(folder, 'wavecast.toml');
  await writeFile(file, configuration);
  const server = await Server.start(0, ['--config', file, ...HISTORY, ...flags]);
  t.after(async () => {
    await server.stop('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  return server;
}

/** Starts the real server with such tokens, and what else its configuration has. */
export const startWithTokens = (t, settings = '', rest = '', flags = []) =>
  startWith(t, `[tokens]\n${settings}\n[[tokens.keys]]\nalgorithm = "HS256"\nsecret = "${SECRET}"\n${rest}\n`, flags);

/** Revokes what the body names. */
export async function revoke(server, body) {
  const response = await fetch(`${server.url}/api/revocations`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}
