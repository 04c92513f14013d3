/** @typedef {import('./testing/fake-server.js').FakeServerOptions} FakeServerOptions */
export { FakeClock } from './testing/fake-clock.js';
export { FakeServer } from './testing/fake-server.js';
