export { publish } from './sse/publish.js';
export { SseSocket } from './sse/sse-socket.js';
