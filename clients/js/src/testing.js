/** @typedef {import('./testing/fake-options.js').FakeServerOptions} FakeServerOptions */
export { FakeClock } from './testing/fake-clock.js';
export { FakeServer } from './testing/fake-server.js';
