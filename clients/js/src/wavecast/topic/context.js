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
 * @property {(subscription: any) => void} changed `sync()` has to be called, at the end of this turn.
 * @property {(error: unknown) => void} report Makes an error heard that the topic has no listener for.
 */

export {};
