// `<script src="wavecast.iife.js">`: one global, `Wavecast`, with the error class beside it.
import { Wavecast, WavecastError } from './wavecast.js';

Object.assign(globalThis, { Wavecast: Object.assign(Wavecast, { WavecastError }) });
