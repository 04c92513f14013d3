/** @import { Options } from '../../types.js' */
/** @import { Commands } from '../commands/commands.js' */
/** @import { Connection } from '../connection/connection.js' */

/**
 * What a subscription uses of its client.
 *
 * @typedef {object} SubscriptionContext
 * @property {Required<Options>} options
 * @property {Connection} connection
 * @property {Commands} commands
 * @property {(error: unknown) => void} error Makes an error heard that the topic has no listener for.
 */

export {};
