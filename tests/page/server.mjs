// Starts and stops the server binary under test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const binary = process.env.SERVER_BIN ?? `${process.env.CARGO_TARGET_DIR ?? `${root}target`}/release/wavecast`;
const START_MS = 10_000;
const STOP_MS = 15_000;

export class Server {
  #child;
  url;

  /**
   * Port 0 takes a free port, which is then in `url`. Another port is that of a server that was stopped; somebody may have
   * it for a moment, as the near end of a connection. `flags` are passed to the binary.
   */
  static async start(port = 0, flags = []) {
    const end = Date.now() + START_MS;
    for (;;) {
      try {
        return await Server.#startOnce(port, flags);
      } catch (error) {
        if (port === 0 || Date.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  static async #startOnce(port, flags) {
    const server = new Server();
    const child = spawn(binary, ['--listen', `127.0.0.1:${port}`, ...flags], { stdio: ['ignore', 'pipe', 'inherit'], env: { WAVECAST_LOG: 'warn', ...process.env } });
    server.#child = child;
    server.url = await new Promise((resolve, reject) => {
      const fail = (why) => { clearTimeout(timer); child.kill('SIGKILL'); reject(new Error(`${binary}: ${why}`)); };
      const timer = setTimeout(() => fail(`printed no address within ${START_MS} ms`), START_MS);
      child.once('error', (error) => fail(error.message));
      child.once('exit', (code) => fail(`ended with ${code} before it printed its address`));
      // The lines after the address are read too, so that the pipe never fills.
      createInterface({ input: child.stdout }).on('line', (line) => {
        const address = line.match(/http:\/\/127\.0\.0\.1:\d+/);
        if (address) { clearTimeout(timer); resolve(address[0]); }
      });
    });
    return server;
  }

  get port() { return Number(new URL(this.url).port); }

  async stop(signal = 'SIGTERM') {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  }

  async publish(body) {
    const response = await fetch(`${this.url}/api/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`);
    return response.json();
  }
}
