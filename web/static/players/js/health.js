// Whether a session is well, and what to do when it is not. Pure: numbers and
// the time come in, a verdict or an action goes out.

// A path that carried something and then nothing for this long is taken for
// dead. Waiting for the browser's own "disconnected" would take 5 to 7 s.
export const silence = 2000;

// A publisher's media is answered several times a second by servers that send
// transport-wide feedback. Where that is so, its end shows sooner; and where
// answers come seldom, they are given more time.
const steadyGap = 400;
const steadySilence = 1200;
const longestGap = 3000; // A longer one was a break, and teaches nothing.

// An idle path (a viewer of a stream that is not live) shows life only by its
// consent checks, which Chromium sends about every 2.5 s.
export const idleSilence = 6500;

// Rhythm remembers the longest gap between arrivals of the last 10 to 20 s.
class Rhythm {
  #now = 0; // Longest so far in this span,
  #before; // and in the span before it; undefined until that is over.
  #spanEnd;

  note(now, gap) {
    this.#spanEnd ??= now + 3000; // The first span is short.
    if (gap <= longestGap) this.#now = Math.max(this.#now, gap);
    if (now < this.#spanEnd) return;
    [this.#before, this.#now, this.#spanEnd] = [this.#now, 0, now + 10000];
  }

  // limit is how long a silence may be.
  get limit() {
    if (this.#before === undefined) return silence;
    const gap = Math.max(this.#now, this.#before);
    return gap <= steadyGap ? steadySilence : Math.max(silence, 1.5 * gap);
  }
}

// Health watches one connection. A page's timers may stop (a sleeping laptop, a
// tab put aside); time in which nobody looked is never held against the path.
export class Health {
  #role;
  #start;
  #lastLook;
  #lastArrival; // Anything: media, RTCP, an answered check.
  #lastMedia;
  #lastAnswer;
  #seen = { media: 0, received: 0, pair: '', responses: 0 };
  #hadMedia = false;
  #rhythm = new Rhythm();

  constructor(role, now) {
    this.#role = role;
    this.#start = now;
    this.#lastLook = now;
  }

  // observe takes the newest snapshot and the connection's states and says:
  // state "connecting", "live" or "waiting"; connected; broken (nothing comes
  // although it should); ended (the other side closed, or the browser gave up).
  observe(now, snap, { ice, connection }) {
    this.#forgiveGap(now);
    this.#note(now, snap);
    const ended = ['failed', 'closed'].includes(connection) || ['closed', 'failed'].includes(snap.dtls);
    const connected = connection === 'connected' || (this.#lastArrival !== undefined && snap.dtls === 'connected');
    const verdict = { connected, ended, broken: false, state: 'connecting', lastArrival: this.#lastArrival };
    if (!connected && ice !== 'disconnected') return verdict;
    verdict.broken = !ended && this.#silent(now, ice);
    verdict.state = this.#flowing(now) ? 'live' : 'waiting';
    return verdict;
  }

  #forgiveGap(now) {
    const gap = now - this.#lastLook - 1500;
    this.#lastLook = now;
    if (gap <= 0) return;
    for (const shift of [this.#shiftArrival, this.#shiftMedia, this.#shiftAnswer]) shift.call(this, gap);
  }

  #shiftArrival(by) { if (this.#lastArrival !== undefined) this.#lastArrival += by; }
  #shiftMedia(by) { if (this.#lastMedia !== undefined) this.#lastMedia += by; }
  #shiftAnswer(by) { if (this.#lastAnswer !== undefined) this.#lastAnswer += by; }

  #note(now, snap) {
    const seen = this.#seen;
    if (snap.media !== seen.media) {
      seen.media = snap.media;
      this.#lastMedia = now;
      this.#hadMedia = true;
      if (this.#role === 'play') this.#lastArrival = now;
    }
    if (!snap.pair) return; // No path, no counters: Firefox after a restart.
    // A counter that differs is a sign of life, also when it is smaller:
    // another pair was selected, with counters of its own.
    const answered = snap.pair !== seen.pair || snap.responses !== seen.responses;
    if (answered) this.#lastAnswer = now;
    if (answered || snap.received !== seen.received) {
      if (this.#lastArrival !== undefined) this.#rhythm.note(now, now - this.#lastArrival);
      this.#lastArrival = now;
    }
    this.#seen = { media: snap.media, received: snap.received, pair: snap.pair, responses: snap.responses };
  }

  #silent(now, ice) {
    const quiet = now - (this.#lastArrival ?? this.#start);
    if (ice === 'disconnected') return true; // Believed, whatever still trickles in.
    if (this.#role === 'publish') return quiet >= this.#rhythm.limit;
    if (quiet < silence) return false;
    // A viewer's media has stopped. An answered check since then says that the
    // path is well and the publisher is not: then only the checks count.
    const idle = !this.#hadMedia || this.#lastAnswer > this.#lastMedia;
    return quiet >= (idle ? idleSilence : silence);
  }

  #flowing(now) {
    if (this.#role === 'publish') return this.#hadMedia;
    return this.#lastMedia !== undefined && now - this.#lastMedia < silence;
  }
}

// Limits of the way back, in ms.
export const restartGap = 5000; // At most one ICE restart in this time.
export const restartLimit = 4000; // A restart that has not helped by now is given up.
export const firstLimit = 20000; // The very first connection.
export const renewLimit = 12000; // A connection made anew.
export const pauses = [0, 1000, 2000, 4000, 8000, 10000];
export const maxRenewals = 12;
const steadyAfter = 10000; // Being well for this long forgives earlier trouble.

// Recovery decides the way back. step() is called at every look and returns
// "restart" (ICE, same session), "renew" (a new session), "fail", or "".
export class Recovery {
  phase = 'first'; // first, steady, restarting, pausing, renewing, over
  renewals = 0;
  until = 0; // When the present phase ends by itself.
  #canRestart;
  #since;
  #lastRestart = -Infinity;

  constructor(canRestart, now) {
    this.#canRestart = canRestart;
    this.#enter('first', now, firstLimit);
  }

  step(now, verdict) {
    const act = {
      first: () => this.#whileFirst(now, verdict),
      steady: () => this.#whileSteady(now, verdict),
      restarting: () => this.#whileRestarting(now, verdict),
      pausing: () => this.#whilePausing(now),
      renewing: () => this.#whileRenewing(now, verdict),
    }[this.phase];
    return act ? act() : '';
  }

  // failed tells that a restart or a new session was refused; fatal means that
  // asking again cannot help.
  failed(now, fatal = false) {
    if (fatal) this.#enter('over', now, Infinity);
    else this.#pause(now);
    return this.phase === 'over' ? 'fail' : '';
  }

  // again tells that a new session is made because one is wished for.
  again(now) {
    this.#enter('renewing', now, renewLimit);
  }

  // hurry ends a pause: the network is back, or a person says now.
  hurry(now) {
    if (this.phase === 'pausing') this.until = now;
  }

  #enter(phase, now, lasts) {
    this.phase = phase;
    this.#since = now;
    this.until = now + lasts;
  }

  #pause(now) {
    if (this.renewals >= maxRenewals) return this.#enter('over', now, Infinity);
    this.#enter('pausing', now, pauses[Math.min(this.renewals, pauses.length - 1)]);
    this.renewals++;
  }

  #whileFirst(now, { connected, ended }) {
    if (connected && !ended) this.#enter('steady', now, Infinity);
    else if (ended || now >= this.until) return this.failed(now, true);
    return '';
  }

  #whileSteady(now, { broken, ended }) {
    if (ended) return this.failed(now);
    if (!broken) {
      if (now - this.#since >= steadyAfter) this.renewals = 0;
      return '';
    }
    if (!this.#canRestart) return this.failed(now);
    if (now - this.#lastRestart < restartGap) return '';
    this.#lastRestart = now;
    this.#enter('restarting', now, restartLimit);
    return 'restart';
  }

  #whileRestarting(now, { ended, lastArrival }) {
    if (ended) return this.failed(now);
    if (lastArrival > this.#since) this.#enter('steady', now, Infinity);
    else if (now >= this.until) return this.failed(now);
    return '';
  }

  #whilePausing(now) {
    if (now < this.until) return '';
    this.#enter('renewing', now, renewLimit);
    return 'renew';
  }

  #whileRenewing(now, { connected, ended }) {
    if (connected && !ended) this.#enter('steady', now, Infinity);
    else if (ended || now >= this.until) return this.failed(now);
    return '';
  }
}
