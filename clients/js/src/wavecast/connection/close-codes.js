/**
 * Whether a close code tells the client not to reconnect.
 *
 * @param {number} code
 */
export const isTerminal = (code) => /^(100[23789]|4[5-9]..)$/.test(`${code}`);
