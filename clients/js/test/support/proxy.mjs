// A TCP proxy that fails in the ways that networks fail.
import { createServer, connect } from 'node:net';
import { once } from 'node:events';

export class Proxy {
  #server;
  /** @type {Set<{ client: import('node:net').Socket, upstream: import('node:net').Socket }>} */
  #pairs = new Set();
  #target;
  /** No data passes and nothing is closed. New connections hang, too. */
  isHalfOpen = false;
  /** WebSocket upgrades are cut off, as by some corporate networks. */
  blocksUpgrades = false;
  /** WebSocket handshakes pass and no frames do: they are swallowed, or close the connection. @type {'' | 'swallow' | 'close'} */
  blocksFrames = '';
  /** New connections are reset. */
  refuses = false;
  /** Delay of each chunk, in each direction. */
  delayMs = 0;
  counts = { connections: 0, cut: 0, reset: 0, halfOpen: 0 };

  static async start(target) {
    const proxy = new Proxy();
    proxy.#target = Number(new URL(target).port);
    proxy.#server = createServer((client) => proxy.#accept(client));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    proxy.url = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  get connections() { return this.#pairs.size; }

  #accept(client) {
    if (this.refuses) return client.resetAndDestroy();
    this.counts.connections += 1;
    const upstream = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    // `dead`: this pair was half-open once, and data was lost.
    const pair = { client, upstream, dead: this.isHalfOpen };
    this.#pairs.add(pair);
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      from.on('error', () => {});
      // Chunks stay in order even when the delay changes.
      let leaves = Promise.resolve(), waiting = 0;
      from.on('data', (chunk) => {
        const write = () => { if (!pair.dead && !to.destroyed) to.write(chunk); };
        if (pair.dead) return;
        if (this.blocksUpgrades && /^upgrade: *websocket/im.test(chunk.toString('latin1'))) return client.destroy();
        if (this.blocksFrames && /upgrade: *websocket/i.test(chunk.toString('latin1'))) pair.isUpgrade = true;
        else if (pair.isUpgrade) return this.blocksFrames === 'close' ? client.destroy() : undefined;
        if (!this.delayMs && !waiting) return write();
        waiting += 1;
        const due = new Promise((resolve) => setTimeout(resolve, this.delayMs));
        leaves = leaves.then(() => due).then(() => { waiting -= 1; write(); });
      });
      from.on('close', () => {
        if (!pair.dead) to.destroy();
        if (client.destroyed && upstream.destroyed) this.#pairs.delete(pair);
      });
    }
  }

  /** Ends every connection with a FIN, possibly in the middle of a frame. */
  cut() {
    for (const { client, upstream } of this.#pairs) {
      this.counts.cut += 1;
      client.end();
      upstream.end();
      client.destroySoon();
      upstream.destroySoon();
    }
  }

  reset() {
    for (const { client, upstream } of this.#pairs) {
      this.counts.reset += 1;
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  }

  /** Open connections die silently and for good. New ones hang until `halfOpen(false)`. */
  halfOpen(on = true) {
    this.isHalfOpen = on;
    if (!on) return;
    for (const pair of this.#pairs) {
      this.counts.halfOpen += 1;
      pair.dead = true;
    }
  }

  async stop() {
    for (const { client, upstream } of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }
}
