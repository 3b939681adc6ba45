// All versions of a clip in one audio graph, always at the same position.
//
// Every version is decoded whole and runs at the same time; a gain of 1 decides which one is heard.
// Switching is a linear cross-fade of FADE_S, so that the gains always sum to 1: there is no gap, and
// what two versions have in common does not change in level. The context's clock is the master; the
// picture follows it (follower.js).

export const FADE_S = 0.01;
// A little ahead of the audio thread, so that a fade is never cut at its beginning.
const AHEAD_S = 0.004;
const STEP_MS = 40;
const SMOOTH = 0.05;

/** Sources of all versions that were started together at one position. */
class Deck {
  /**
   * @param {AudioContext} context
   * @param {AudioBuffer[]} buffers  one per version, same length
   * @param {AudioNode} output
   * @param {{when: number, offset: number, loop: ?{start: number, end: number}, selected: number}} run
   */
  constructor(context, buffers, output, { when, offset, loop, selected }) {
    Object.assign(this, { context, when, offset, loop, selected });
    this.duration = Math.min(...buffers.map((buffer) => buffer.duration));
    this.fade = null;
    this.master = new GainNode(context, { gain: 0 });
    this.master.gain.setValueAtTime(0, when);
    this.master.gain.linearRampToValueAtTime(1, when + FADE_S);
    this.master.connect(output);
    this.gains = buffers.map((_, i) => new GainNode(context, { gain: i === selected ? 1 : 0 }));
    this.sources = buffers.map((buffer, i) => {
      const source = new AudioBufferSourceNode(context, { buffer });
      if (loop) Object.assign(source, { loop: true, loopStart: loop.start, loopEnd: loop.end });
      source.connect(this.gains[i]).connect(this.master);
      source.start(when, offset);
      return source;
    });
  }

  /** Position in the clip at a time of the context, seconds; before the beginning it runs up to it. */
  positionAt(time) {
    const position = this.offset + time - this.when;
    if (!this.loop) return Math.min(position, this.duration);
    const { start, end } = this.loop;
    return position < end ? position : start + ((position - end) % (end - start));
  }

  /** Gain of a version at a time, also in the middle of a fade. */
  gainAt(index, time) {
    const target = index === this.selected ? 1 : 0;
    if (!this.fade || time >= this.fade.end) return target;
    const part = Math.max(0, (time - this.fade.begin) / FADE_S);
    return this.fade.from[index] + (target - this.fade.from[index]) * part;
  }

  select(index) {
    const begin = this.context.currentTime + AHEAD_S;
    const from = this.gains.map((_, i) => this.gainAt(i, begin));
    this.selected = index;
    this.fade = { begin, end: begin + FADE_S, from };
    this.gains.forEach(({ gain }, i) => {
      gain.cancelScheduledValues(begin);
      gain.setValueAtTime(from[i], begin);
      gain.linearRampToValueAtTime(i === index ? 1 : 0, begin + FADE_S);
    });
  }

  stop() {
    const begin = this.context.currentTime + AHEAD_S;
    const { gain } = this.master;
    gain.cancelScheduledValues(begin);
    gain.setValueAtTime(1, begin);
    gain.linearRampToValueAtTime(0, begin + FADE_S);
    for (const source of this.sources) source.stop(begin + 2 * FADE_S);
    this.sources[0].onended = () => this.master.disconnect();
  }
}

export class Player extends EventTarget {
  /** Sends `change` whenever something that a page shows has changed. */
  constructor(context) {
    super();
    this.context = context;
    this.output = new OutputClock(context);
    this.buffers = [];
    this.deck = null;
    this.selected = 0;
    this.loop = null;
    this.paused = 0; // position while nothing runs, seconds
    this.counted = 0;
    this.forget();
  }

  /** Start counting what was heard afresh. */
  forget() {
    this.switches = this.buffers.map(() => 0);
    this.heard = this.buffers.map(() => 0);
  }

  /** @param {ArrayBuffer[]} files  sound files, one per version */
  async load(files) {
    this.halt();
    this.buffers = await Promise.all(files.map((file) => this.context.decodeAudioData(file)));
    Object.assign(this, { selected: 0, loop: null, paused: 0 });
    this.forget();
    this.changed();
  }

  get duration() {
    return this.buffers.length ? Math.min(...this.buffers.map((buffer) => buffer.duration)) : 0;
  }

  get playing() {
    return this.deck !== null;
  }

  /** Position of the graph now, seconds; what is heard lags by the latency of the output. */
  get position() {
    if (!this.deck) return this.paused;
    return this.deck.positionAt(Math.max(this.context.currentTime, this.deck.when));
  }

  /**
   * Position that leaves the loudspeaker at a time of the page's clock.
   * @param {number} time  as performance.now() gives it, ms
   * @returns {?number} seconds, or null while nothing runs
   */
  heardAt(time) {
    if (!this.deck || this.context.state !== "running") return null;
    return this.deck.positionAt(this.output.at(time));
  }

  async play() {
    if (this.deck || !this.buffers.length) return;
    await this.context.resume();
    if (this.deck) return;
    if (this.paused >= this.duration - 0.02) this.paused = this.loop ? this.loop.start : 0;
    this.start(this.paused);
  }

  pause() {
    if (!this.deck) return;
    this.paused = this.position;
    this.halt();
  }

  toggle() {
    return this.deck ? this.pause() : this.play();
  }

  /** Go to a position; while a region is looped, stay in it. */
  seek(position) {
    const low = this.loop ? this.loop.start : 0;
    const high = this.loop ? this.loop.end - 0.02 : this.duration;
    const target = Math.min(Math.max(position, low), high);
    if (this.deck) {
      this.halt();
      this.start(target);
    } else {
      this.paused = target;
      this.changed();
    }
    this.dispatchEvent(new Event("jump"));
  }

  /** @param {?{start: number, end: number}} region  seconds, or null to play to the end */
  setLoop(region) {
    const position = this.position;
    this.loop = region;
    const outside = region && (position < region.start || position >= region.end);
    this.seek(outside ? region.start : position);
  }

  select(index) {
    if (index === this.selected || index < 0 || index >= this.buffers.length) return;
    this.count();
    this.selected = index;
    this.switches[index] += 1;
    if (this.deck) this.deck.select(index);
    this.changed();
  }

  /** Call it now and then (each picture frame): counts what was heard, notices the end and a halt. */
  tick() {
    this.count();
    if (this.deck && this.context.state !== "running") this.pause(); // a telephone call, for instance
    if (this.deck && !this.loop && this.position >= this.duration) {
      this.paused = this.duration;
      this.halt();
    }
  }

  start(offset) {
    const when = this.context.currentTime + 0.03;
    const { loop, selected } = this;
    this.deck = new Deck(this.context, this.buffers, this.context.destination, {
      when,
      offset,
      loop,
      selected,
    });
    this.counted = this.context.currentTime;
    this.changed();
  }

  halt() {
    if (!this.deck) return;
    this.count();
    this.deck.stop();
    this.deck = null;
    this.changed();
  }

  count() {
    if (!this.deck) return;
    const { when, offset, loop, duration } = this.deck;
    const end = loop ? Infinity : when + duration - offset;
    const now = Math.min(this.context.currentTime, end);
    this.heard[this.selected] += Math.max(0, now - this.counted);
    this.counted = now;
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Tells which time of a context leaves the loudspeaker at a time of the page's clock. */
class OutputClock {
  constructor(context) {
    this.context = context;
    this.ahead = null; // page's clock minus the context's, ms
  }

  /** @param {number} time  ms, as performance.now() gives it */
  at(time) {
    const { context } = this;
    const stamp = context.getOutputTimestamp?.();
    if (!stamp || !(stamp.performanceTime > 0 && stamp.contextTime > 0)) {
      const latency = context.outputLatency || context.baseLatency || 0;
      return context.currentTime - latency + (time - performance.now()) / 1000;
    }
    const ahead = stamp.performanceTime - 1000 * stamp.contextTime;
    // Single stamps are some milliseconds off; a larger step means that the context was suspended.
    const step = this.ahead === null ? Infinity : ahead - this.ahead;
    this.ahead = Math.abs(step) > STEP_MS ? ahead : this.ahead + SMOOTH * step;
    return (time - this.ahead) / 1000;
  }
}
