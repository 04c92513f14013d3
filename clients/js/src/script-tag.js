// `<script src="wavecast.iife.js">` defines one global, `Wavecast`; the error class is `Wavecast.WavecastError`.
import { Wavecast, WavecastError } from './wavecast.js';

/** @type {any} */ (globalThis).Wavecast = Object.assign(Wavecast, { WavecastError });
