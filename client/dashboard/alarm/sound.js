// The alarm sound: plays the burst of the loudest alarm again and again, and says whether it can.

import { HARMONICS, PAUSES, burst, end } from "./pattern.js";

const RISE = 0.15; // of a pulse: 10–20 % (IEC 60601-1-8, table 4)
const LOUDNESS = 0.25; // of full scale

/** States that are shown: a browser plays nothing before somebody asked it to. */
export const OFF = "off";
export const ON = "on";
export const BLOCKED = "blocked";

export class Sound {
  #context = null;
  #priority = 0;
  #timer = 0;
  bursts = 0;

  constructor(onState) {
    this.onState = onState;
  }

  get state() {
    if (!this.#context) return OFF;
    return this.#context.state === "running" ? ON : BLOCKED;
  }

  /** Somebody pressed the button: only then may a page sound. */
  async enable() {
    this.#context ??= this.#made();
    await this.#context.resume();
    this.onState(this.state);
    this.#next();
  }

  /** What is to be heard now: a priority, or 0 for silence. A higher one begins at once. */
  play(priority) {
    if (priority === this.#priority) return;
    const worse = priority > this.#priority;
    this.#priority = priority;
    if (!priority || worse) this.#hush();
    if (worse) this.#next();
  }

  #made() {
    const context = new AudioContext();
    context.onstatechange = () => this.onState(this.state);
    return context;
  }

  /** Play a burst, and come back after its pause. */
  #next() {
    clearTimeout(this.#timer);
    if (this.state !== ON || !this.#priority) return;
    const pulses = burst(this.#priority);
    const start = this.#context.currentTime + 0.05;
    this.gain = new GainNode(this.#context, { gain: LOUDNESS });
    this.gain.connect(this.#context.destination);
    for (const pulse of pulses) this.#pulse(pulse, start);
    this.bursts += 1;
    this.#timer = setTimeout(() => this.#next(), (end(pulses) + PAUSES[this.#priority]) * 1000);
  }

  /** What is playing falls silent. */
  #hush() {
    clearTimeout(this.#timer);
    this.gain?.disconnect();
  }

  #pulse({ at, length, hertz }, start) {
    const wave = this.#context.createPeriodicWave([0, ...HARMONICS.map(() => 0)], [0, ...HARMONICS]);
    const tone = new OscillatorNode(this.#context, { frequency: hertz, periodicWave: wave });
    const envelope = new GainNode(this.#context, { gain: 0 });
    const [begin, rise] = [start + at, length * RISE];
    envelope.gain.setValueAtTime(0, begin);
    envelope.gain.linearRampToValueAtTime(1, begin + rise);
    envelope.gain.setValueAtTime(1, begin + length - rise);
    envelope.gain.linearRampToValueAtTime(0, begin + length);
    tone.connect(envelope).connect(this.gain);
    tone.start(begin);
    tone.stop(begin + length);
  }
}
