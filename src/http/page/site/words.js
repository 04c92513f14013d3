// Codes in plain words.

const CLOSED = {
  1000: 'the connection was closed',
  1001: 'the server is shutting down',
  1002: 'the connection carried something that is not a WebSocket message',
  1003: 'the server does not take this kind of message',
  1006: 'the connection broke',
  1007: 'the connection carried text that is not UTF-8',
  1008: 'the application does not accept this connection',
  1009: 'this page sent a message that is far too large',
  1011: 'something failed inside the server',
  1012: 'the server is restarting',
  1013: 'the server is overloaded',
  4000: 'an operator closed the connection',
  4001: 'this page did not answer the server in time',
  4002: 'this page sent too many commands',
  4003: 'the token has expired',
  4004: 'the token was revoked',
  4005: 'this user has too many connections',
  4500: 'the server wants a token',
  4501: 'the server does not accept the token',
};

/** Reasons that say more than their code, and those that repeat it. */
const REASONS = {
  'slow consumer': 'this page read too slowly, and too many messages were waiting for it',
  'connect failed': 'the server cannot be reached',
  'connect timeout': 'the server does not answer',
  'no message': 'something between this page and the server holds back its messages',
  'no pong': 'the server stopped answering',
  'no reply': 'the server stopped answering',
  'page hidden': 'the browser had put this page away',
  'token expired': 'the token has expired',
  'token revoked': 'the token was revoked',
  'Token revoked': 'the token was revoked',
  'Token not yet valid': 'the token is not valid yet',
  'Invalid token': '', 'authentication required': '', 'invalid token': '', 'rate limit exceeded': '', 'too many connections': '',
  shutdown: '', refused: '', 'internal error': '', overloaded: '', 'closed by operator': '', 'heartbeat timeout': '', disconnect: '',
};

/** Why a connection ended. Codes that the server sent are named, so that they can be looked up. */
export function closedBecause(code, reason) {
  const known = REASONS[reason], general = CLOSED[code] ?? 'the connection was closed';
  const words = known || (reason && known === undefined ? `${general}: ${reason}` : general);
  return code && code !== 1006 ? `${words} (${code})` : words;
}

const REFUSED = {
  invalid_json: 'This is not valid JSON',
  invalid_command: 'The server does not understand this',
  invalid_channel: 'This is not a valid name for a channel',
  invalid_room: 'This is not a valid name for a room',
  invalid_event: 'This is not a valid name for an event',
  invalid_user: 'This is not a valid user',
  missing_field: 'Something is missing',
  unknown_field: 'There is a field that does not exist',
  message_too_large: 'This message is too large',
  forbidden: 'This is not allowed',
  unauthenticated: 'The server wants an API key for this',
  invalid_token: 'The server does not accept this token',
  token_expired: 'The token has expired',
  token_not_yet_valid: 'The token is not valid yet',
  token_revoked: 'The token was revoked',
  user_changed: 'The token is of another user',
  keys_unavailable: 'The server has no keys to check tokens with; try again',
  no_presence: 'Nobody keeps track of who is here',
  rate_limited: 'This was too much at once; try again',
  room_full: 'This room is full',
  not_in_room: 'This page is not in the room',
  too_many_topics: 'This page has reached the maximum number of rooms and channels',
  queue_full: 'Too much is waiting for the connection',
  draining: 'The server is shutting down and accepts nothing new',
  overloaded: 'The server is too busy; try again',
  too_many_connections: 'The server has its maximum number of connections; try again',
  request_timeout: 'The request took too long',
  timeout: 'The server did not answer in time',
  connection_lost: 'The connection broke before the server answered',
  closed: 'This page is disconnected',
  not_found: 'The server has nothing at this address',
  internal: 'Something failed inside the server',
};

/** Codes whose detail says what is wrong with the request, rather than how the server is doing. */
const IS_DETAILED = /^(invalid|missing|unknown|message|not_found)/;

/** Why a command or a request was refused. */
export function refusedBecause(code, detail) {
  const words = REFUSED[code];
  if (!words) return sentence(detail || `The server answered ${code}`);
  return sentence(detail && IS_DETAILED.test(code) ? `${words}: ${detail}` : words);
}

/** What an answer means that did not come from Wavecast, such as a proxy's. */
export function answeredWith(status) {
  if (status === 502 || status === 503 || status === 504) return `The server cannot be reached at the moment (HTTP ${status}).`;
  if (status === 401 || status === 403) return `Something in front of the server does not allow this (HTTP ${status}).`;
  return `The server answered with HTTP ${status}.`;
}

const sentence = (text) => text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');

export const plural = (count, what) => `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;

/** `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`. */
export function list(names) {
  const shown = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

export function duration(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 100 ? `${seconds} s` : seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
