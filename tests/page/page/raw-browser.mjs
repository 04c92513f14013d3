// Chromium over its own protocol. Playwright pretends that every page is visible and focused, and such a page is never frozen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARGS, CHROMIUM } from './browser.mjs';

export class RawBrowser {
  #commands;
  #lastId = 0;
  #waiting = new Map();

  static async start(t) {
    const browser = new RawBrowser(), profile = await mkdtemp(join(tmpdir(), 'wavecast-raw-'));
    const child = spawn(CHROMIUM, ['--headless=new', ...ARGS, '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    t.after(async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 10 });
    });
    browser.#commands = child.stdio[3];
    let rest = '';
    child.stdio[4].setEncoding('utf8').on('data', (chunk) => {
      const messages = (rest + chunk).split('\0');
      rest = messages.pop();
      for (const { id, result, error } of messages.map((text) => JSON.parse(text))) {
        const waiting = browser.#waiting.get(id);
        browser.#waiting.delete(id);
        if (error) waiting?.reject(new Error(error.message));
        else waiting?.resolve(result);
      }
    });
    return browser;
  }

  #send(method, params, sessionId) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(++this.#lastId, { resolve, reject });
      this.#commands.write(JSON.stringify({ id: this.#lastId, method, params, sessionId }) + '\0');
    });
  }

  /** Opens a page in front of the others. */
  async open(url) {
    const { targetId } = await this.#send('Target.createTarget', { url });
    const { sessionId } = await this.#send('Target.attachToTarget', { targetId, flatten: true });
    await this.#send('Target.activateTarget', { targetId });
    return {
      evaluate: async (expression) => {
        const { result, exceptionDetails } = await this.#send('Runtime.evaluate', { expression, returnByValue: true }, sessionId);
        if (exceptionDetails) throw new Error(exceptionDetails.text);
        return result.value;
      },
      show: () => this.#send('Target.activateTarget', { targetId }),
      freeze: (isFrozen) => this.#send('Page.setWebLifecycleState', { state: isFrozen ? 'frozen' : 'active' }, sessionId),
    };
  }
}
