/** @import { ChannelMessage } from '../types.js' */
import { Topic } from './topic.js';

/**
 * Backends publish, clients listen.
 *
 * @template [T=any]
 * @extends {Topic<ChannelMessage<T>>}
 */
export class Channel extends Topic {}
