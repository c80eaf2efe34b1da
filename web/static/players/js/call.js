// One call: a peer connection, its session at the server, and the care for both
// from the first offer to the last byte. It knows WebRTC and no DOM element.

import { explain, gaveUp, handshakeFailed, hostOf, noPath, worthRetrying } from './errors.js';
import { Health, Recovery, maxRenewals } from './health.js';
import { candidatesOf, preferTransport, restartFragment, restartedAnswer } from './sdp.js';
import { Window, snapshot } from './stats.js';

const lookEvery = 200; // ms between two looks at the connection

// How long a restart tries the other transport alone. Chromium checks pairs one
// by one and UDP first, at up to half a second each.
const holdBack = 1500;

// A start that the server asks to try again is tried once more, some time after
// that, if it is soon. A publisher's own stream is busy when the server has not
// heard of its end: the page was reloaded before its answer came, or a goodbye
// was lost.
const soon = 10000;
const grace = 500;

// Call goes through the states idle, connecting, live, waiting, reconnecting and
// failed. One call serves many starts and stops.
//   role      "publish" or "play"
//   connect   () => a new WhipSession or JsonSession
//   prepare   (pc) => adds tracks or transceivers to a new connection
//   changed   () => called after every look and every change of state
export class Call {
  state = 'idle';
  note = ''; // What is going on, where the state alone does not say it.
  error = null; // An explanation (see errors.js), only when failed.
  pc = null;
  session = null;
  stats = null; // The newest snapshot.
  rates = null; // Over the last second.
  loss; // Over the last five.
  restarts = 0;
  renewals = 0;
  since = 0; // When the call first came up.
  hadMedia = false; // Has anything ever come (or gone)?
  #options;
  #answer = '';
  #health = null; // Of this connection; null until it has an answer.
  #recovery = null; // Of this call; null until its first answer.
  #ending = new Map(); // By host: done when it knows of the end of every session there.
  #window = new Window();
  #timer = 0;
  #run = 0; // Counts connections; what belongs to an older one is dropped.
  #looking = false;
  #lastError = null;
  #mayAskAgain = true; // Of a start; later on it is the recovery that decides.

  constructor(options) {
    this.#options = options;
  }

  get active() { return this.#timer !== 0; }
  get phase() { return this.#recovery?.phase ?? ''; }

  // retryIn is how long the pause before the next attempt still lasts, in ms.
  get retryIn() {
    return this.phase === 'pausing' ? Math.max(0, this.#recovery.until - performance.now()) : 0;
  }

  get attempt() { return this.#recovery?.renewals ?? 0; }

  async start() {
    if (this.active) return;
    Object.assign(this, { error: null, note: '', restarts: 0, renewals: 0, since: 0, hadMedia: false });
    this.#lastError = null;
    this.#recovery = null;
    this.#mayAskAgain = true;
    this.#timer = setInterval(() => this.#look(), lookEvery);
    this.#enter('connecting');
    await this.#dial();
  }

  // stop ends the call; leaving means that the page is going away. The state
  // stays "failed" if that is why it stops.
  stop({ leaving = false } = {}) {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#hangUp({ leaving });
    this.#recovery = null;
    this.#enter(this.state === 'failed' ? 'failed' : 'idle');
  }

  // redial goes on with another session: for other kinds of media, or for what
  // the address asks for by now.
  async redial() {
    if (!this.active) return;
    this.#recovery?.again(performance.now());
    this.#mayAskAgain = true;
    this.note = 'Connecting anew.';
    this.#enter(this.#recovery ? 'reconnecting' : 'connecting');
    await this.#dialAgain();
  }

  // reset forgets an earlier failure.
  reset() {
    this.error = null;
    this.#enter('idle');
  }

  // fail ends the call with an explanation.
  fail(error) {
    this.error = this.#explain(error);
    this.state = 'failed';
    this.stop();
  }

  hurry() {
    this.#recovery?.hurry(performance.now());
  }

  #enter(state) {
    this.state = state;
    this.#options.changed();
  }

  #hangUp({ leaving = false } = {}) {
    this.#run++;
    if (this.session) this.#end(this.session, { leaving, connected: this.pc.connectionState === 'connected' });
    this.pc?.close();
    this.pc = null;
    this.session = null;
    this.#health = null;
    this.stats = null;
    this.rates = null;
    this.loss = undefined;
    this.#window.clear();
  }

  #end(session, options) {
    const host = hostOf(session.url);
    this.#ending.set(host, Promise.all([this.#ending.get(host), session.end(options)]).then(() => {}));
  }

  // #dial makes a new connection and session. A publisher's waits until the server
  // knows of the end of those before, or it would find its own stream busy; viewers
  // have no rival. The offer waits for no candidates: the server is ICE-lite and
  // needs none of ours.
  async #dial() {
    const run = ++this.#run;
    const stale = () => run !== this.#run;
    const session = this.#options.connect();
    try {
      if (this.#options.role === 'publish') await this.#ending.get(hostOf(session.url));
      if (stale()) return;
      if (this.phase === 'renewing') this.#recovery.again(performance.now()); // Its time begins now.
      const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      this.pc = pc;
      this.session = session;
      this.#options.prepare(pc);
      await pc.setLocalDescription(await pc.createOffer());
      if (stale()) return;
      const answer = await session.offer(pc.localDescription.sdp);
      if (stale()) return;
      this.#answer = answer;
      this.#health = new Health(this.#options.role, performance.now());
      this.#recovery ??= new Recovery(session.canRestart, performance.now());
      await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    } catch (error) {
      if (!stale()) this.#dialFailed(error);
    }
  }

  #dialFailed(error) {
    this.#lastError = this.#explain(error);
    if (!this.#recovery && this.#mayAskAgain && error.after <= soon) return this.#askAgain(error.after);
    if (!this.#recovery || !worthRetrying(error)) return this.fail(error);
    this.#hangUp();
    this.#act(this.#recovery.failed(performance.now()));
  }

  // #askAgain tries a start once more, when the server said.
  #askAgain(after) {
    this.#mayAskAgain = false;
    this.#hangUp();
    const run = this.#run;
    setTimeout(() => run === this.#run && this.#dial(), after + grace);
    this.note = 'Busy: asking once more in a moment.';
    this.#enter('connecting');
  }

  async #look() {
    if (this.#recovery?.phase === 'pausing') this.#act(this.#recovery.step(performance.now(), {}));
    if (!this.pc || !this.#health || this.#looking) return this.#options.changed();
    const run = this.#run;
    this.#looking = true;
    try {
      const report = await this.pc.getStats();
      if (run === this.#run) this.#judge(report);
    } catch (error) {
      if (run === this.#run) this.fail(error);
    } finally {
      this.#looking = false;
    }
  }

  #judge(report) {
    const now = performance.now();
    const { pc } = this;
    this.stats = snapshot(report, now, this.#options.role);
    this.hadMedia ||= this.stats.media > 0;
    this.#window.push(this.stats);
    this.rates = this.#window.rates(1000);
    this.loss = this.#window.rates(5000)?.loss;
    const verdict = this.#health.observe(now, this.stats, { ice: pc.iceConnectionState, connection: pc.connectionState });
    const before = this.phase;
    const action = this.#recovery.step(now, verdict);
    if (this.phase === 'steady' && before !== 'steady') this.#recovered(now);
    if (action) this.#act(action);
    else if (this.phase === 'steady' || this.phase === 'first') this.#enter(verdict.state);
    else this.#enter('reconnecting');
  }

  #recovered(now) {
    this.since ||= now;
    this.note = '';
  }

  #act(action) {
    if (action === 'restart') this.#restart();
    else if (action === 'renew') this.#renew();
    else if (action === 'fail') this.fail(this.#whyFailed());
    else if (this.phase === 'pausing') this.#enter('reconnecting');
  }

  // #restart looks for another path for the same session: keys and tracks stay.
  async #restart() {
    const { pc, session } = this;
    const run = this.#run;
    this.restarts++;
    this.note = 'The path went silent; looking for another one.';
    this.#enter('reconnecting');
    try {
      pc.restartIce();
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
      const fragment = await session.restart(restartFragment(pc.localDescription.sdp));
      if (run !== this.#run) return;
      this.#answer = restartedAnswer(this.#answer, fragment);
      const { answer, held } = preferTransport(this.#answer, this.stats?.protocol === 'udp' ? 'tcp' : 'udp');
      await pc.setRemoteDescription({ type: 'answer', sdp: answer });
      setTimeout(() => run === this.#run && this.#add(pc, held), holdBack);
    } catch (error) {
      if (run !== this.#run) return;
      if (this.phase !== 'restarting') return void this.#rollBack(pc);
      this.#lastError = this.#explain(error);
      this.#act(this.#recovery.failed(performance.now()));
    }
  }

  // #rollBack takes an offer back that nobody took: the path came back by itself
  // meanwhile, and what was agreed before still holds.
  #rollBack(pc) {
    return pc.setLocalDescription({ type: 'rollback' }).catch(() => {});
  }

  // #add gives the browser the candidates that were held back: it may return to
  // the better path by itself when that works again.
  #add(pc, held) {
    for (const candidate of held) pc.addIceCandidate(candidate).catch(() => {});
  }

  async #renew() {
    this.renewals++;
    this.note = `Connecting anew (attempt ${this.attempt} of ${maxRenewals}).`;
    this.#enter('reconnecting');
    await this.#dialAgain();
  }

  // #dialAgain starts anew.
  async #dialAgain() {
    this.#hangUp();
    await this.#dial();
  }

  #explain(error) {
    return explain(error, { role: this.#options.role, secure: location.protocol === 'https:' });
  }

  #whyFailed() {
    const candidates = candidatesOf(this.#answer);
    if (this.since) return gaveUp(this.attempt, this.#lastError);
    return this.stats?.dtls === 'failed' || this.stats?.pair ? handshakeFailed() : noPath(candidates);
  }
}
