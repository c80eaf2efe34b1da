// One stream being played, from the first attempt to the last picture: waiting
// for it, keeping up with it, and getting it back. The counterpart of call.js
// for everything that is not WebRTC.

import { mixed, recognise } from './address.js';
import { engine } from './engines.js';
import { Hole, LiveEdge, Pace, Progress, Retry, Stuck, aheadOf } from './live.js';
import { addressError, mixedError, passes, playError, waits } from './playerrors.js';
import { Window } from './stats.js';

const lookEvery = 200; // ms
const target = 0.6; // seconds of buffer, where the engine does not choose it
const silence = 15000; // ms without a byte after which the connection is made anew

// Playback goes through the states of a Call: idle, connecting, live, waiting,
// reconnecting and failed.
//   video    the element
//   play     () => starts the element, with or without sound
//   changed  () => called after every look and every change of state
//   buffer   seconds of buffer to keep, if the page was told
export class Playback {
  state = 'idle';
  error = null;
  cause = null; // of the pause before another attempt
  kind = null; // what recognise told of the address
  stats = null;
  rates = null;
  since = 0;
  hadMedia = false;
  renewals = 0;
  freezes = 0;
  #options;
  #url = '';
  #engine = null;
  #timer = 0;
  #run = 0;
  #nextAt = 0; // of an attempt that is waited for
  #opened = false;
  #lastBytes = { at: 0, bytes: 0 };
  #retry = new Retry();
  #edge = new LiveEdge();
  #pace;
  #progress = new Progress();
  #stuck = new Stuck();
  #hole = new Hole();
  #window = new Window(12000);
  #counted = 0; // bytes of earlier attempts
  #seen = false; // The stream has been played to its end.

  constructor(options) {
    this.#options = options;
  }

  get active() { return this.#timer !== 0; }
  get retryIn() { return this.#nextAt ? Math.max(0, this.#nextAt - performance.now()) : 0; }

  start(url) {
    if (this.active) return;
    Object.assign(this, { error: null, cause: null, since: 0, hadMedia: false, renewals: 0, freezes: 0, stats: null, rates: null });
    this.#url = url.trim();
    this.#counted = 0;
    this.#seen = false;
    this.#retry = new Retry();
    this.#window.clear();
    this.kind = recognise(this.#url);
    if (this.kind.problem) return this.fail(addressError(this.kind));
    if (mixed(this.#url, location)) return this.fail(mixedError(this.#url));
    this.#timer = setInterval(() => this.#look(), lookEvery);
    this.#dial('connecting');
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#hangUp();
    this.stats = null;
    this.rates = null;
    this.#enter(this.state === 'failed' ? 'failed' : 'idle');
  }

  fail(error) {
    this.error = playError(error, { tries: this.#retry.tries });
    this.state = 'failed';
    this.stop();
  }

  // jump goes to what is live.
  jump() {
    const edge = this.#engine?.edge();
    if (edge === undefined) return;
    const { video } = this.#options;
    const to = this.kind.format === 'hls' ? edge : edge - this.#pace.target;
    if (to > video.currentTime) this.#jump(to);
    if (video.paused) this.#options.play();
  }

  // hurry makes the next attempt now: the network is back.
  hurry() {
    if (this.#nextAt) this.#nextAt = performance.now();
  }

  #enter(state) {
    this.state = state;
    this.#options.changed();
  }

  #hangUp() {
    this.#run++;
    this.#nextAt = 0;
    this.#counted += this.#engine?.bytes ?? 0;
    this.#engine?.stop();
    this.#engine = null;
  }

  #dial(state) {
    this.#hangUp();
    const run = this.#run;
    const mine = (f) => (...args) => run === this.#run && f(...args);
    const { video } = this.#options;
    this.#opened = false;
    this.#lastBytes = { at: performance.now(), bytes: 0 };
    this.#edge.clear();
    this.#progress.clear();
    this.#stuck = new Stuck();
    this.#hole = new Hole();
    this.#pace = new Pace(this.#options.buffer ?? target);
    this.#engine = engine(video, this.#url, this.kind, {
      opened: mine(() => { this.#opened = true; }),
      ended: mine(() => this.#ended()),
      failed: mine((error) => this.#failed(error)),
    }, this.#seen);
    this.#enter(state);
    this.#engine.start().then(mine(() => this.#options.play()), mine((error) => this.fail(error)));
  }

  // #ended: the publisher left, or the server did. Asked again, a server waits
  // with us for whoever comes next.
  #ended() {
    if (this.kind.format === 'file') return this.stop();
    this.#seen = true;
    this.#again(true);
  }

  #failed(error) {
    const waiting = waits(error, this.kind.format);
    // What has played once may go on: with another codec, or another server behind the address.
    const again = this.hadMedia ? passes(error) || error.kind === 'broken' : passes(error) && ['http', 'broken'].includes(error.kind);
    if (!waiting && !again) return this.fail(error);
    this.#again(waiting, error);
  }

  #again(waiting, error) {
    const pause = this.#retry.next(waiting);
    if (pause === null) return this.fail(error);
    this.#hangUp();
    this.renewals++;
    this.#nextAt = performance.now() + pause;
    this.cause = error ?? null;
    this.#enter(waiting ? 'waiting' : 'reconnecting');
  }

  #look() {
    const now = performance.now();
    if (this.#nextAt) {
      if (now < this.#nextAt) return this.#options.changed();
      return this.#dial(this.state);
    }
    this.#measure(now);
    this.#judge(now);
  }

  #measure(now) {
    const { video } = this.#options;
    const all = ranges(video);
    const { ahead } = aheadOf(all, video.currentTime);
    const newest = all.at(-1)?.[1];
    if (newest !== undefined) this.#edge.observe(now, newest);
    const quality = video.getVideoPlaybackQuality?.() ?? {};
    const { bytes, codecs } = this.#engine;
    if (bytes !== this.#lastBytes.bytes) this.#lastBytes = { at: now, bytes };
    this.stats = {
      at: now, ahead, bytes: this.#counted + bytes, codecs,
      video: { bytes: this.#counted + bytes, frames: quality.totalVideoFrames ?? 0 },
      latency: this.#latency(now, video.currentTime),
      frames: quality.totalVideoFrames ?? 0, dropped: quality.droppedVideoFrames ?? 0,
      width: video.videoWidth, height: video.videoHeight, rate: video.playbackRate,
    };
    this.#window.push(this.stats);
    // Segments come in lumps: their rate is that of several.
    this.rates = this.#window.rates(1000);
    if (this.rates && this.kind.format === 'hls') this.rates = { ...this.rates, kbps: this.#window.rates(10000).kbps };
  }

  // #latency is what the engine knows of it, but never less than what has been
  // seen to arrive by now: a server's clock may be ahead.
  #latency(now, time) {
    if (this.kind.format === 'file') return undefined;
    const [told, seen] = [this.#engine.latency(), this.#edge.behind(now, time)];
    return told === undefined ? seen : Math.max(told, seen ?? 0);
  }

  #judge(now) {
    const { video } = this.#options;
    if (video.paused && this.hadMedia && !video.ended) return this.#enter(this.state); // By the system's controls.
    this.#step(now);
    const progress = this.#progress.observe(now, video.currentTime);
    if (progress === 'playing') return this.#playing(now);
    if (progress === 'stalled' && this.state === 'live') this.freezes++;
    const comes = now - this.#lastBytes.at < silence && this.kind.format !== 'hls' && !document.hidden;
    if (this.#stuck.observe(now, progress === 'stalled' && comes)) return this.#again(false);
    const silent = this.kind.format !== 'hls' && now - this.#lastBytes.at > silence;
    if (silent && this.hadMedia) return this.#again(true);
    if (this.hadMedia) return this.#enter('waiting');
    const nothing = this.#opened && this.#lastBytes.bytes === 0 && this.kind.format !== 'file';
    this.#enter(nothing || (this.state === 'waiting' && !this.#opened) ? 'waiting' : 'connecting');
  }

  #playing(now) {
    const { video } = this.#options;
    this.#stuck.observe(now, false);
    if (this.state !== 'live') {
      this.since ||= now;
      this.hadMedia = true;
      this.cause = null;
      this.#retry.worked();
    }
    if (this.kind.format === 'flv' || this.kind.format === 'ts') {
      const to = this.#pace.step(now, video.currentTime, this.stats.ahead);
      if (to !== undefined) this.#jump(to);
      if (video.playbackRate !== this.#pace.rate) video.playbackRate = this.#pace.rate;
    }
    this.#enter('live');
  }

  // #step goes over a gap in the buffer.
  #step(now) {
    const { video } = this.#options;
    if (video.seeking) return;
    const still = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    const to = this.#hole.observe(now, ranges(video), video.currentTime, still);
    if (to !== undefined) video.currentTime = to;
  }

  #jump(to) {
    this.#hole.jumped(to);
    this.#options.video.currentTime = to;
  }
}

// ranges are what is buffered, as a list of [start, end].
function ranges(video) {
  return Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
}
