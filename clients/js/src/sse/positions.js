const MASK = (1n << 64n) - 1n;

/**
 * The tag that represents a channel in the event ids of a stream: FNV-1a, folded to 48 bits, as base64url.
 *
 * @param {string} name
 */
export function tagOf(name) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MASK;
  hash ^= hash >> 48n;
  let bytes = '';
  for (let shift = 40n; shift >= 0n; shift -= 8n) bytes += String.fromCharCode(Number((hash >> shift) & 0xffn));
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_');
}

/**
 * The `Last-Event-ID` with which every channel continues from its position.
 *
 * @param {Map<string, { since?: { offset: number, epoch: string } }>} channels
 */
export function lastEventId(channels) {
  const parts = [];
  for (const [name, { since }] of channels) if (since) parts.push(`${since.epoch}.${tagOf(name)}${since.offset.toString(16)}`);
  return parts.join('~') || undefined;
}
