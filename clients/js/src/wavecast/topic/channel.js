/** @import { ChannelEvents, ChannelMessage } from '../../types.js' */
import { Topic } from './topic.js';

/**
 * One-way: backends publish, clients subscribe.
 *
 * @template [T=any]
 * @extends {Topic<ChannelMessage<T>, ChannelEvents<ChannelMessage<T>>>}
 */
export class Channel extends Topic {}
