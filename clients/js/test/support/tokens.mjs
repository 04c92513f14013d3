// Tokens, and who gives them.
import { once } from 'node:events';
import { createServer } from 'node:http';
export { revoke, sign, startWith, startWithTokens } from '../../../../tests/page/tokens.mjs';

/** Starts an application's server that gives tokens, also for the channel in `?channel=`. Returns its address. */
export async function startIssuer(t, tokenOf) {
  const issuer = createServer(({ url }, response) => response.end(tokenOf(new URL(url, 'http://issuer').searchParams.get('channel'))));
  issuer.listen(0, '127.0.0.1');
  await once(issuer, 'listening');
  t.after(() => {
    issuer.closeAllConnections();
    issuer.close();
  });
  return `http://127.0.0.1:${issuer.address().port}`;
}
