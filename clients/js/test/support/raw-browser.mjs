// Chromium over its own protocol. Playwright pretends that every page is visible and focused, and such a page is never frozen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';

const START_MS = 20_000;

export class RawBrowser {
  #socket;
  #lastId = 0;
  #waiting = new Map();

  static async start(t) {
    const browser = new RawBrowser(), profile = await mkdtemp(join(tmpdir(), 'wavecast-raw-'));
    const child = spawn(process.env.CHROMIUM ?? '/usr/bin/chromium', ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 10 });
    });
    const url = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Chromium printed no address within ${START_MS} ms`)), START_MS);
      let output = '';
      child.stderr.on('data', (chunk) => {
        const [found] = /ws:\/\/\S+/.exec(output += chunk) ?? [];
        if (!found) return;
        clearTimeout(timer);
        resolve(found);
      });
    });
    const socket = browser.#socket = new WebSocket(url);
    socket.on('message', (data) => {
      const { id, result, error } = JSON.parse(data), waiting = browser.#waiting.get(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    });
    await once(socket, 'open');
    return browser;
  }

  send(method, params = {}, sessionId = undefined) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(++this.#lastId, { resolve, reject });
      this.#socket.send(JSON.stringify({ id: this.#lastId, method, params, sessionId }));
    });
  }

  /** Opens a page in front of the others. */
  async open(url) {
    const { targetId } = await this.send('Target.createTarget', { url });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    await this.send('Target.activateTarget', { targetId });
    return {
      evaluate: async (expression) => {
        const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true }, sessionId);
        if (exceptionDetails) throw new Error(exceptionDetails.text);
        return result.value;
      },
      show: () => this.send('Target.activateTarget', { targetId }),
      freeze: (frozen) => this.send('Page.setWebLifecycleState', { state: frozen ? 'frozen' : 'active' }, sessionId),
    };
  }
}
