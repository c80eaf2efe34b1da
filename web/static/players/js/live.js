// What a live player measures and how it keeps up. Pure: times in ms come in,
// media times are in seconds as the video element counts them.

// LiveEdge tells how far a player is behind what it could show. Media arrive in
// real time, so the newest picture's time runs on by the clock from the moment
// that anything came the soonest. An empty buffer is no small latency then, but
// a growing one.
export class LiveEdge {
  #lead = null; // ms that the newest media time was ahead of the clock, at most
  #at = 0;

  observe(now, newest) {
    const lead = newest * 1000 - now;
    const reset = this.#lead === null || Math.abs(lead - this.#lead) > forgetAt;
    // The lead sinks slowly, because clocks differ and ways become longer.
    this.#lead = reset ? lead : Math.max(lead, this.#lead - (now - this.#at) * sinks);
    this.#at = now;
  }

  clear() { this.#lead = null; }

  // behind is the latency at a media time, in ms; undefined when nothing is known.
  behind(now, time) {
    return this.#lead === null ? undefined : Math.max(0, now + this.#lead - time * 1000);
  }
}

const sinks = 0.0005;
const forgetAt = 20000; // A difference that no network makes: another stream.

// aheadOf is how much is buffered from a time on without a gap, in seconds, and
// next is where the buffer begins or goes on behind a gap (undefined for
// nowhere). ranges is a list of [start, end].
export function aheadOf(ranges, time) {
  const here = ranges.find(([start, end]) => start - 0.1 <= time && time <= end);
  const played = here && here[0] <= time ? here[1] : time;
  const next = ranges.find(([start]) => start > played);
  return { ahead: here ? here[1] - time : 0, next: next?.[0] };
}

// Hole tells where to go because of a gap in the buffer. Where pictures change
// their size, mpegts.js hands on the last one of the old size behind the header
// of the new, and the browser leaves it out. Such a gap is crossed by the sound
// alone: time goes on, no picture is read any more, and a while later all stands
// still with much in the buffer. Only a jump makes a browser read behind a gap.
export class Hole {
  #time = null;
  #since = 0;

  // observe returns a media time, or undefined. still says that the browser
  // cannot go on.
  observe(now, ranges, time, still) {
    const here = ranges.findIndex(([start, end]) => start <= time && time <= end);
    const crossed = here > 0 && this.#time !== null && this.#time < ranges[here][0];
    if (crossed) return this.#go(now, time);
    if (time !== this.#time) this.#go(now, time);
    const { next } = aheadOf(ranges, time);
    if (!still || next === undefined) this.#since = now;
    return now - this.#since < stepAfter ? undefined : this.#go(now, next + 0.01);
  }

  // jumped says that others went to a media time.
  jumped(time) { this.#time = time; }

  #go(now, time) {
    this.#since = now;
    this.#time = time;
    return time;
  }
}

const stepAfter = 400; // ms

// Pace keeps the buffer near a target (seconds): a little more than that is
// played off a little faster, much more is skipped.
export class Pace {
  rate = 1;
  #target;
  #begun = null;

  constructor(target) {
    this.#target = target;
  }

  get target() { return this.#target; }

  // step returns the media time to go to, or undefined. A stream begins with a
  // whole group of pictures: at the beginning a jump comes early.
  step(now, time, ahead) {
    this.#begun ??= now;
    const most = now - this.#begun > beginning ? skipAt : skipFirst;
    if (ahead > this.#target + most) {
      this.rate = 1;
      return time + ahead - this.#target;
    }
    if (ahead > this.#target + tolerance) this.rate = faster;
    else if (ahead <= this.#target) this.rate = 1;
    return undefined;
  }
}

const beginning = 2000; // ms
const skipFirst = 0.5;
const skipAt = 4;
const tolerance = 0.4;
const faster = 1.08;

// Progress tells whether the picture moves.
export class Progress {
  #time = null;
  #movedAt = 0;

  clear() { this.#time = null; }

  // observe returns "starting", "playing" or "stalled".
  observe(now, time) {
    if (this.#time === null) {
      this.#time = time;
      return 'starting';
    }
    if (time !== this.#time) {
      this.#time = time;
      this.#movedAt = now;
    }
    if (this.#movedAt === 0) return 'starting';
    return now - this.#movedAt > stillFor ? 'stalled' : 'playing';
  }
}

const stillFor = 1200;

// Stuck tells when the picture has stood still for so long, though media came,
// that only a new start helps: a decoder can fail without a word.
export class Stuck {
  #since = null;

  observe(now, still) {
    if (!still) {
      this.#since = null;
      return false;
    }
    this.#since ??= now;
    return now - this.#since > stuckFor;
  }
}

const stuckFor = 4000;

// Retry says when to try again. A stream that is not live is waited for without
// an end; a server that does not answer is not.
export class Retry {
  #tries = 0;

  get tries() { return this.#tries; }

  worked() { this.#tries = 0; }

  // next is the pause in ms before another attempt, or null to give up.
  next(waiting) {
    this.#tries++;
    if (waiting) return Math.min(500 * this.#tries, 3000);
    return this.#tries > maxTries ? null : Math.min(500 * 2 ** (this.#tries - 1), 8000);
  }
}

export const maxTries = 8;
