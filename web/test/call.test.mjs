import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Call } from '../static/players/js/call.js';
import { JsonSession, WhipSession } from '../static/players/js/signal.js';

const sdp = (version) => `v=0\r\no=- 1 ${version} IN IP4 0.0.0.0\r\na=group:BUNDLE 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n` +
  'a=mid:0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:1 1 udp 1 192.0.2.1 8080 typ host\r\n';

let now = 0;
const answer = (status, body = '', headers = {}) => new Response(body, { status, headers });

// Peer is a connection whose media and checks arrive for as long as it flows.
class Peer {
  static all = [];
  static flows = true;
  static delay = 0; // ms from the answer to the first path
  connectionState = 'new';
  iceConnectionState = 'new';
  localDescription = null;
  signals = [];
  received = 0;

  constructor() { Peer.all.push(this); }
  async createOffer() { return { type: 'offer', sdp: sdp(1) }; }
  async setLocalDescription(description) { this.#signal(this.localDescription = description); }

  async setRemoteDescription(description) {
    this.#signal(description);
    const connect = () => { this.connectionState = this.iceConnectionState = 'connected'; };
    if (Peer.delay) setTimeout(connect, Peer.delay);
    else connect();
  }

  #signal({ type }) { this.signals.push(type); }
  restartIce() {}
  addIceCandidate() { return Promise.resolve(); }
  close() { this.connectionState = 'closed'; }

  async getStats() {
    if (Peer.flows && this.connectionState === 'connected') this.received += 1000;
    const { received } = this;
    return new Map([
      { type: 'transport', id: 't', selectedCandidatePairId: 'p', bytesReceived: received, dtlsState: this.connectionState },
      { type: 'candidate-pair', id: 'p', localCandidateId: 'l', responsesReceived: Math.floor(received / 5000) },
      { type: 'local-candidate', id: 'l', protocol: 'udp' },
      { type: 'inbound-rtp', id: 'v', kind: 'video', bytesReceived: received },
      { type: 'outbound-rtp', id: 'w', kind: 'video', bytesSent: received },
    ].map((s) => [s.id, s]));
  }
}

// Line is a server that answers each method after some time, and what it was asked.
class Line {
  asked = [];
  delays = { POST: 0, PATCH: 0, DELETE: 0 };
  patch = () => answer(200, 'a=ice-ufrag:v\r\na=ice-pwd:q\r\n');

  fetcher = async (url, { method }) => {
    this.asked.push(method);
    await new Promise((done) => setTimeout(done, this.delays[method]));
    if (method === 'POST' && this.post) return this.post();
    if (method === 'POST') return answer(201, sdp(1), { Location: 'http://h/session' });
    return method === 'PATCH' ? this.patch() : answer(200);
  };
}

// pass lets time go by, and everything that becomes due in it.
async function pass(ms) {
  for (const end = now + ms; now < end;) {
    now += 50;
    mock.timers.tick(50);
    for (let i = 0; i < 4; i++) await new Promise(setImmediate);
  }
}

function dialled(line, { role = 'play', url = () => 'http://h/rtc/v1/' } = {}) {
  return new Call({
    role, prepare: () => {}, changed: () => {},
    connect: () => new WhipSession(url(), { fetcher: line.fetcher }),
  });
}

// dialledByJson is a publisher by the API that has no DELETE.
function dialledByJson(line) {
  line.post = () => Response.json({ code: 0, sdp: sdp(1) });
  return new Call({
    role: 'publish', prepare: () => {}, changed: () => {},
    connect: () => new JsonSession('http://h/rtc/v1/publish/', 'webrtc://h/a/b', { fetcher: line.fetcher, exclusive: true }),
  });
}

beforeEach(() => {
  now = 0;
  Peer.all = [];
  Peer.flows = true;
  Peer.delay = 0;
  mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  mock.method(performance, 'now', () => now);
  mock.method(AbortSignal, 'timeout', () => undefined);
  globalThis.RTCPeerConnection = Peer;
  globalThis.location = { protocol: 'http:' };
});

afterEach(() => {
  mock.reset();
  mock.timers.reset();
});

test('a call comes up, and says so', async () => {
  const line = new Line();
  const call = dialled(line);
  call.start();
  assert.equal(call.state, 'connecting');
  await pass(1000);
  assert.equal(call.state, 'live');
  assert.ok(call.since > 0);
  call.stop();
  assert.deepEqual([call.state, call.active, call.pc], ['idle', false, null]);
});

test('a second start waits for an answer as long as the first', async () => {
  const line = new Line();
  line.delays.POST = 700;
  const call = dialled(line);
  for (let i = 0; i < 3; i++) {
    call.start();
    await pass(600);
    assert.deepEqual([call.state, call.error], ['connecting', null], `start ${i + 1}`);
    await pass(1000);
    assert.equal(call.state, 'live', `start ${i + 1}`);
    call.stop();
    await pass(100);
  }
  assert.deepEqual(line.asked, ['POST', 'DELETE', 'POST', 'DELETE', 'POST', 'DELETE']);
});

test('an answer that comes after the stop ends the session it speaks of', async () => {
  const line = new Line();
  line.delays.POST = 700;
  const call = dialled(line);
  call.start();
  await pass(300);
  call.stop();
  await pass(1000);
  assert.deepEqual([line.asked, call.state], [['POST', 'DELETE'], 'idle']);
});

test('a path that went silent is restarted in the same session', async () => {
  const line = new Line();
  const call = dialled(line);
  call.start();
  await pass(3000);
  Peer.flows = false;
  await pass(2500);
  assert.equal(call.state, 'reconnecting');
  Peer.flows = true;
  await pass(1000);
  assert.equal(call.state, 'live');
  assert.deepEqual(line.asked, ['POST', 'PATCH']);
  assert.deepEqual(Peer.all[0].signals, ['offer', 'answer', 'offer', 'answer']);
  call.stop();
});

test('a refused restart costs nothing when the path is well again by then', async () => {
  const line = new Line();
  line.delays.PATCH = 1500;
  line.patch = () => answer(503);
  const call = dialled(line);
  call.start();
  await pass(3000);
  Peer.flows = false;
  await pass(2500);
  Peer.flows = true;
  await pass(5000);
  assert.deepEqual([call.state, call.renewals], ['live', 0]);
  assert.deepEqual(line.asked, ['POST', 'PATCH'], 'the session is kept');
  assert.deepEqual(Peer.all[0].signals, ['offer', 'answer', 'offer', 'rollback'], 'and so is what was agreed');
  call.stop();
});

test('a refused restart of a path that stays silent starts anew', async () => {
  const line = new Line();
  line.patch = () => answer(503);
  const call = dialled(line);
  call.start();
  await pass(3000);
  Peer.flows = false;
  await pass(2500);
  Peer.flows = true;
  await pass(3000);
  assert.deepEqual([call.state, call.renewals], ['live', 1]);
  assert.deepEqual(line.asked, ['POST', 'PATCH', 'DELETE', 'POST']);
  call.stop();
});

test('redialled, a publisher ends its session before it asks for another', async () => {
  const line = new Line();
  line.delays.DELETE = 300;
  const call = dialled(line, { role: 'publish' });
  call.start();
  await pass(1000);
  call.redial();
  assert.deepEqual([call.state, call.active, call.pc], ['reconnecting', true, null]);
  await pass(250);
  assert.deepEqual(line.asked, ['POST', 'DELETE']);
  await pass(1000);
  assert.deepEqual([call.state, call.renewals, line.asked.at(-1)], ['live', 0, 'POST']);
  call.redial();
  call.stop();
  await pass(1500);
  assert.deepEqual([call.state, line.asked.filter((m) => m === 'POST').length], ['idle', 2], 'a stop stays a stop');
});

test('redialled, a call that is not answered at once goes on trying', async () => {
  const line = new Line();
  const call = dialled(line);
  call.start();
  await pass(1000);
  line.post = () => answer(409);
  call.redial();
  await pass(500);
  assert.deepEqual([call.state, call.error], ['reconnecting', null]);
  line.post = undefined;
  await pass(3000);
  assert.equal(call.state, 'live');
  call.stop();
});

test('redialled before its first answer, a publisher waits for it and ends that session first', async () => {
  const line = new Line();
  Object.assign(line.delays, { POST: 500, DELETE: 300 });
  const call = dialled(line, { role: 'publish' });
  call.start();
  await pass(250);
  call.redial();
  assert.deepEqual([call.state, call.pc], ['connecting', null]);
  await pass(500);
  assert.deepEqual(line.asked, ['POST', 'DELETE']);
  await pass(1500);
  assert.deepEqual([line.asked, call.state], [['POST', 'DELETE', 'POST'], 'live']);
  call.stop();
});

test('redialled again and again before an answer, a publisher asks once more', async () => {
  const line = new Line();
  line.delays.POST = 500;
  const call = dialled(line, { role: 'publish' });
  call.start();
  for (let i = 0; i < 3; i++) {
    await pass(100);
    call.redial();
  }
  await pass(2000);
  assert.deepEqual([line.asked, call.state], [['POST', 'DELETE', 'POST'], 'live']);
  call.stop();
});

test('a publisher\'s start after a stop waits for the answer that is still to come', async () => {
  const line = new Line();
  Object.assign(line.delays, { POST: 500, DELETE: 300 });
  const call = dialled(line, { role: 'publish' });
  call.start();
  await pass(200);
  call.stop();
  call.start();
  assert.equal(call.state, 'connecting');
  await pass(500);
  assert.deepEqual(line.asked, ['POST', 'DELETE']);
  call.stop();
  call.start();
  await pass(1500);
  assert.deepEqual([line.asked, call.state], [['POST', 'DELETE', 'POST'], 'live']);
  call.stop();
  call.start();
  await pass(200);
  assert.deepEqual(line.asked.slice(3), ['DELETE'], 'nor does it overtake the end of a session that was up');
  call.stop();
});

test('a publisher\'s start at another server does not wait for the one before', async () => {
  const line = new Line();
  line.delays.POST = 5000;
  let url = 'http://slow/rtc/v1/whip/';
  const call = dialled(line, { role: 'publish', url: () => url });
  call.start();
  await pass(200);
  call.stop();
  url = 'http://quick/rtc/v1/whip/';
  call.start();
  await pass(200);
  assert.deepEqual(line.asked, ['POST', 'POST']);
  call.stop();
});

test('a viewer has no rival, and asks anew at once', async () => {
  const line = new Line();
  Object.assign(line.delays, { POST: 5000, DELETE: 5000 });
  const call = dialled(line);
  call.start();
  await pass(200);
  call.redial();
  await pass(50);
  assert.deepEqual(line.asked, ['POST', 'POST'], 'before the first answer');
  await pass(5500);
  assert.equal(call.state, 'live');
  call.redial();
  await pass(50);
  assert.deepEqual(line.asked, ['POST', 'POST', 'DELETE', 'DELETE', 'POST'], 'and while an end is under way');
  call.stop();
});

test('a publisher\'s end that is not heard of is waited for no longer than a second', async () => {
  const line = new Line();
  line.delays.DELETE = 60_000;
  const call = dialled(line, { role: 'publish' });
  call.start();
  await pass(1000);
  call.redial();
  await pass(900);
  assert.deepEqual(line.asked, ['POST', 'DELETE']);
  await pass(1000);
  assert.deepEqual([line.asked, call.state], [['POST', 'DELETE', 'POST'], 'live']);
  call.stop();
});

test('without DELETE, a publisher that never connected waits to be forgotten before it asks anew', async () => {
  const line = new Line();
  Peer.delay = 2000;
  const call = dialledByJson(line);
  call.start();
  await pass(1000);
  call.redial();
  await pass(2000);
  assert.deepEqual(line.asked, ['POST']);
  await pass(1000);
  assert.deepEqual(line.asked, ['POST', 'POST']);
  await pass(2000);
  assert.equal(call.state, 'live');
  call.stop();
});

test('without DELETE, a publisher that connected asks anew at once, for it has said goodbye', async () => {
  const line = new Line();
  const call = dialledByJson(line);
  call.start();
  await pass(1000);
  call.redial();
  await pass(200);
  assert.deepEqual(line.asked, ['POST', 'POST']);
  call.stop();
});

test('a call that is stopped before it has an offer asks for nothing', async () => {
  const line = new Line();
  const call = dialled(line);
  call.start();
  call.stop();
  await pass(1000);
  assert.deepEqual([line.asked, call.state], [[], 'idle']);
});

test('the time that a new session is given begins when it is asked for', async () => {
  const line = new Line();
  const call = dialled(line, { role: 'publish' });
  call.start();
  await pass(1000);
  line.delays.POST = 9000;
  Peer.delay = 1000;
  call.redial();
  await pass(1000);
  call.redial();
  await pass(20_000);
  assert.deepEqual([line.asked, call.state, call.renewals], [['POST', 'DELETE', 'POST', 'DELETE', 'POST'], 'live', 0]);
  call.stop();
});

// busy answers as a server whose stream is held until a time, by either API.
const busy = { whip: (after) => answer(409, 'busy', { 'Retry-After': after }), json: (after) => Response.json({ code: 400, reason: 'busy' }, { headers: { 'Retry-After': after } }) };

for (const [api, dial] of Object.entries({ whip: (line) => dialled(line, { role: 'publish' }), json: dialledByJson })) {
  test(`${api}: a start that the server asks to try again later is tried once more then`, async () => {
    const line = new Line();
    const call = dial(line);
    const free = line.post;
    line.post = () => busy[api]('3');
    call.start();
    await pass(2900);
    assert.deepEqual([call.state, call.error, line.asked, call.pc], ['connecting', null, ['POST'], null]);
    assert.match(call.note, /once more/);
    line.post = free;
    await pass(2000);
    assert.deepEqual([call.state, call.note, call.renewals, line.asked], ['live', '', 0, ['POST', 'POST']]);
    call.stop();
    await pass(1000);

    line.post = () => busy[api]('3');
    call.start();
    await pass(5000);
    assert.equal(call.state, 'failed', 'a rival that stays is told');
    assert.match(call.error.text, /busy/);
    assert.deepEqual(line.asked.filter((m) => m === 'POST').length, 4);
    call.stop();
  });

  test(`${api}: a start that may be tried again is stopped all the same, and one that may only much later fails`, async () => {
    const line = new Line();
    const call = dial(line);
    line.post = () => busy[api]('3');
    call.start();
    await pass(500);
    call.stop();
    await pass(5000);
    assert.deepEqual([call.state, line.asked], ['idle', ['POST']]);
    line.post = () => busy[api]('60');
    call.start();
    await pass(500);
    assert.deepEqual([call.state, line.asked], ['failed', ['POST', 'POST']]);
  });
}
