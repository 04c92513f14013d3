// A client, a server in memory, and a clock that the test moves.
import { FakeClock, FakeServer } from 'wavecast/testing';
import { Wavecast } from 'wavecast';

export function setUp({ server: serverOptions, url = 'ws://fake/ws', ...options } = {}) {
  const clock = new FakeClock();
  const server = new FakeServer({ clock, ...serverOptions });
  const events = new EventTarget();
  const sockets = [];
  class WebSocket extends server.WebSocket {
    constructor(url) {
      super(url);
      sockets.push(this);
    }
  }
  const client = new Wavecast(url, { WebSocket, clock, events, ...options });
  const statuses = [];
  client.on('status', (status) => statuses.push(status));
  const wake = (type) => events.dispatchEvent(new Event(type));
  return { clock, server, client, statuses, wake, sockets };
}

/** Collects what a channel or room delivers, including gaps. */
export function record(topic) {
  const seen = [];
  topic.on('gap', (gap) => seen.push(gap));
  topic.on('message', (message) => seen.push(message.data?.n ?? message.data?.value ?? message.content));
  return seen;
}
