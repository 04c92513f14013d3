/**
 * Whether a close code tells the client not to reconnect.
 *
 * @param {number} code
 */
export const isTerminal = (code) => [1002, 1003, 1007, 1008, 1009].includes(code) || (code >= 4500 && code < 5000);
