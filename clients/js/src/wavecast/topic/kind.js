/**
 * How channels and rooms differ.
 *
 * @typedef {object} Kind
 * @property {'channel' | 'room'} field The field of a message that has the name.
 * @property {string} begin The command that begins a subscription.
 * @property {string} end The command that ends it.
 * @property {boolean} isRoom Only members can use it, and the server does not send members their own messages.
 */

/** @type {Kind} */
export const CHANNEL = { field: 'channel', begin: 'subscribe', end: 'unsubscribe', isRoom: false };
/** @type {Kind} */
export const ROOM = { field: 'room', begin: 'join', end: 'leave', isRoom: true };
