import { WavecastError } from '../base/error.js';

/**
 * The address of the WebSocket. In a page, it may be relative.
 *
 * @param {string | URL} address
 */
export function resolve(address) {
  let url;
  try {
    url = new URL(address, globalThis.location?.href);
    url.protocol = url.protocol.replace('http', 'ws');
  } catch { /* told below */ }
  if (url?.protocol.startsWith('ws')) return url;
  throw new WavecastError('invalid_url', `no wss:// address: ${address}`);
}
