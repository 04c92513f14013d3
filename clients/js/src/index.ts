export { Channel, Room, Wavecast, WavecastError } from './wavecast.js'
export type * from './types.js'
export type * from './types/presence.js'
