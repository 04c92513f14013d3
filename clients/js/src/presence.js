export { presence } from './presence/presence.js';
