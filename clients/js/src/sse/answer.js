import { WavecastError } from '../wavecast/base/error.js';

/**
 * The error of a response that is not the expected one. The status decides whether it is temporary, and the body
 * explains: it is the server's own, or the page of a proxy or a sign-in portal, which may come with any status.
 *
 * @param {Response} response
 * @param {string} text Its body.
 */
function refusalOf({ status, ok, headers }, text) {
  let code, detail;
  try {
    ({ code, detail } = JSON.parse(text));
  } catch { /* not the server's */ }
  const [, title = text.slice(0, 100)] = /<title>(.*?)<\/title>/is.exec(text) ?? [];
  const error = new WavecastError(code ?? `http_${status}`, code ? detail : `${status} ${headers.get('content-type')}: ${title.trim()}`);
  error.temporary = ok || status >= 500 || status === 429 || status === 408;
  return error;
}

/**
 * Throws unless this is a response of the server, of this type.
 *
 * @param {Response} response
 * @param {string} type
 */
export async function expectType(response, type) {
  if (!response.ok || !response.headers.get('content-type')?.startsWith(type)) throw refusalOf(response, await response.text());
}

/**
 * The body of a response of the server.
 *
 * @param {Response} response
 * @returns {Promise<any>}
 */
export async function answerOf(response) {
  await expectType(response, 'application/json');
  return response.json();
}
