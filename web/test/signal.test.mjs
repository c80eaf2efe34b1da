import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureError, explain, gaveUp, insecurePage, noPath, worthRetrying } from '../static/players/js/errors.js';
import { JsonSession, SignalError, WhipSession } from '../static/players/js/signal.js';

// server answers each request in turn and keeps what was asked.
function server(...replies) {
  const asked = [];
  const fetcher = async (url, options) => {
    asked.push({ url, ...options });
    const reply = replies.shift();
    if (reply instanceof Error) throw reply;
    return reply;
  };
  return { asked, fetcher };
}

const url = 'http://h:8080/rtc/v1/whip/?app=live&stream=s';
const created = () => new Response('v=0\r\n', { status: 201, headers: { Location: '/rtc/v1/whip/?session=a:b&token=t', ETag: '"1"' } });

test('WHIP: post, restart, end', async () => {
  const { asked, fetcher } = server(created(), new Response('a=ice-ufrag:x\r\n', { status: 200, headers: { ETag: '"2"' } }), new Response(''));
  const session = new WhipSession(url, { bearer: 'key', fetcher });
  assert.equal(await session.offer('v=0 offer'), 'v=0\r\n');
  assert.equal(session.location, 'http://h:8080/rtc/v1/whip/?session=a:b&token=t');
  assert.equal(session.etag, '"1"');
  assert.equal(await session.restart('frag'), 'a=ice-ufrag:x\r\n');
  assert.equal(session.etag, '"2"');
  await session.end({ leaving: true });
  await session.end();
  assert.deepEqual(asked.map((a) => [a.method, a.url === url, a.headers['Content-Type'], a.headers['If-Match'], a.headers.Authorization, a.body, a.keepalive]), [
    ['POST', true, 'application/sdp', undefined, 'Bearer key', 'v=0 offer', undefined],
    ['PATCH', false, 'application/trickle-ice-sdpfrag', '*', 'Bearer key', 'frag', undefined],
    ['DELETE', false, undefined, undefined, 'Bearer key', undefined, true],
  ]);
});

test('WHIP: a refusal carries status and reason, but no HTML', async () => {
  const refused = (body, type) => new Response(body, { status: 409, headers: { 'Content-Type': type } });
  await assert.rejects(new WhipSession(url, server(refused('stream is busy\n', 'text/plain'))).offer(''),
    { name: 'SignalError', kind: 'http', status: 409, reason: 'stream is busy' });
  await assert.rejects(new WhipSession(url, server(refused('<h1>', 'text/html'))).offer(''), { reason: '', later: false });
  const full = new Response('no place', { status: 503, headers: { 'Retry-After': '5' } });
  await assert.rejects(new WhipSession(url, server(full)).offer(''), { reason: 'no place', later: true, after: 5000 });
});

test('when to ask again, by either API', async () => {
  for (const [header, want] of [['3', 3000], ['0', 0], [undefined, undefined], ['Fri, 31 Dec 1999 23:59:59 GMT', undefined], ['-1', undefined]]) {
    const headers = header ? { 'Retry-After': header } : {};
    await assert.rejects(new WhipSession(url, server(new Response('busy', { status: 409, headers }))).offer(''), { after: want });
    await assert.rejects(new JsonSession(url, 'webrtc://h/a/b', server(Response.json({ code: 400 }, { headers }))).offer(''), { kind: 'json', after: want });
  }
});

test('WHIP: failures to ask', async () => {
  await assert.rejects(new WhipSession(url, server(new TypeError('Failed to fetch'))).offer(''), { kind: 'network', url });
  const late = Object.assign(new Error(), { name: 'TimeoutError' });
  await assert.rejects(new WhipSession(url, server(late)).offer(''), { kind: 'timeout' });
  await assert.rejects(new WhipSession(url, server(new Response('<html>', { status: 200 }))).offer(''), { reason: 'the reply is not SDP' });
});

test('WHIP: without a Location there is nothing to restart or end', async () => {
  const { asked, fetcher } = server(new Response('v=0', { status: 201 }));
  const session = new WhipSession(url, { fetcher });
  await session.offer('');
  await assert.rejects(session.restart('x'), { kind: 'http' });
  await session.end();
  assert.equal(asked.length, 1);
});

test('WHIP: a failing end is nobody\'s trouble; a refused restart is told', async () => {
  const session = new WhipSession(url, server(created(), new Response('gone', { status: 412 }), new TypeError('down')));
  await session.offer('');
  await assert.rejects(session.restart('x'), { status: 412, reason: 'gone' });
  await session.end();
});

// held is a fetch whose answers the test gives when it likes.
function held() {
  const asked = [];
  return { asked, fetcher: (url, { method }) => new Promise((yes, no) => asked.push({ method, yes, no })) };
}

test('WHIP: an end waits for the answer, which tells where the session is', async () => {
  const { asked, fetcher } = held();
  const session = new WhipSession(url, { fetcher });
  const offered = session.offer('');
  let told = false;
  const ended = session.end().then(() => { told = true; });
  await new Promise(setImmediate);
  assert.deepEqual([asked.length, told], [1, false]);
  asked[0].yes(created());
  await offered;
  await new Promise(setImmediate);
  assert.deepEqual([asked[1]?.method, told], ['DELETE', false]);
  asked[1].yes(new Response(''));
  await ended;
});

test('WHIP: an end waits for a refusal and has nothing to end then', async () => {
  const { asked, fetcher } = held();
  const session = new WhipSession(url, { fetcher });
  const offered = assert.rejects(session.offer(''), { status: 409 });
  const ended = session.end();
  asked[0].yes(new Response('busy', { status: 409 }));
  await Promise.all([offered, ended]);
  assert.equal(asked.length, 1);
});

// clock takes the place of the time, and returns what lets some of it pass.
function clock(t) {
  let now = 0;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(performance, 'now', () => now);
  t.mock.method(AbortSignal, 'timeout', () => undefined);
  return async (ms) => {
    now += ms;
    t.mock.timers.tick(ms);
    await new Promise(setImmediate);
  };
}

// heard tells whether a promise is done by now.
function heard(promise) {
  let done = false;
  promise.then(() => { done = true; });
  return () => done;
}

test('JSON API: a publisher\'s end waits until the server has forgotten what it was not told of', async (t) => {
  const pass = clock(t);
  for (const [exclusive, reply, waits] of [[true, { code: 0, sdp: 'v=0' }, true], [true, { code: 400 }, false], [false, { code: 0, sdp: 'v=0' }, false]]) {
    const { asked, fetcher } = held();
    const session = new JsonSession('http://h/rtc/v1/publish/', 'webrtc://h/a/b', { fetcher, exclusive });
    const offered = session.offer('').catch(() => {});
    const told = heard(session.end());
    await pass(5000);
    assert.equal(told(), false);
    asked[0].yes(Response.json(reply));
    await offered;
    await pass(0);
    assert.equal(told(), !waits, JSON.stringify([exclusive, reply]));
    await pass(3499);
    assert.equal(told(), !waits, JSON.stringify([exclusive, reply]));
    await pass(1);
    assert.equal(told(), true);
    await session.end(); // Later there is nothing to wait for.
  }
});

test('JSON API: nor is the server told of a connection that has not come up since the answer', async (t) => {
  const pass = clock(t);
  for (const [exclusive, connected, since, left] of [[true, false, 0, 3500], [true, false, 1000, 2500], [true, false, 3500, 0],
    [true, false, 60_000, 0], [true, true, 1000, 0], [false, false, 1000, 0]]) {
    const { fetcher } = server(Response.json({ code: 0, sdp: 'v=0' }));
    const session = new JsonSession('http://h/rtc/v1/publish/', 'webrtc://h/a/b', { fetcher, exclusive });
    await session.offer('');
    await pass(since);
    const told = heard(session.end({ connected }));
    await pass(Math.max(0, left - 1));
    assert.equal(told(), left === 0, JSON.stringify([exclusive, connected, since]));
    await pass(1);
    assert.equal(told(), true, JSON.stringify([exclusive, connected, since]));
  }
});

test('JSON API: SRS\'s shape', async () => {
  const reply = Response.json({ code: 0, sdp: 'v=0', sessionid: 'a:b' });
  const { asked, fetcher } = server(reply);
  const session = new JsonSession('http://h/rtc/v1/play/', 'webrtc://h/live/s', { bearer: 'key', fetcher });
  assert.equal(await session.offer('v=0 offer'), 'v=0');
  assert.equal(session.id, 'a:b');
  const body = JSON.parse(asked[0].body);
  assert.match(body.tid, /^[0-9a-f]{7}$/);
  assert.deepEqual({ ...body, tid: '' }, { api: 'http://h/rtc/v1/play/', tid: '', streamurl: 'webrtc://h/live/s', clientip: null, sdp: 'v=0 offer' });
  assert.equal(asked[0].headers.Authorization, 'Bearer key');
});

test('JSON API: codes and nonsense are refusals', async () => {
  const offer = (reply) => new JsonSession('http://h/', 'webrtc://h/a/b', server(reply)).offer('');
  await assert.rejects(offer(Response.json({ code: 400 })), { kind: 'json', status: 400 });
  await assert.rejects(offer(Response.json({ code: 5020, msg: 'busy' })), { kind: 'json', status: 5020, reason: 'busy' });
  await assert.rejects(offer(Response.json({ code: 400, reason: '/live/s is published by 7' })), { status: 400, reason: '/live/s is published by 7' });
  await assert.rejects(offer(new Response('nonsense')), { kind: 'json', status: 0 });
  await assert.rejects(offer(Response.json({ code: 0 })), { kind: 'json' });
  await assert.rejects(offer(new Response('no', { status: 404 })), { kind: 'http', status: 404 });
});

const http = (status, reason = '') => new SignalError('http', { url, status, reason });
const publish = { role: 'publish', secure: false };

test('every explanation has a title, a text and hints', () => {
  const errors = [400, 401, 403, 404, 405, 406, 409, 413, 415, 418, 429, 500, 503].map((s) => http(s));
  errors.push(new SignalError('network', { url }), new SignalError('timeout', { url }), new TypeError('odd'), null,
    ...[0, 400, 1028, 5018, 5020, 5021, 777].map((status) => new SignalError('json', { url, status })));
  for (const role of ['publish', 'play']) {
    for (const error of errors) {
      const e = explain(error, { role, secure: true });
      assert.ok(e.title && e.text && Array.isArray(e.hints), JSON.stringify(e));
      assert.doesNotMatch(`${e.title} ${e.text} ${e.hints.join(' ')}`, /undefined|null|NaN|\[object/);
    }
  }
});

test('explanations say what the server said, and what to do', () => {
  assert.match(explain(http(409, '/live/s is published by 7'), publish).text, /published by 7/);
  assert.match(explain(http(409), publish).title, /already publishing/);
  assert.match(explain(http(406), publish).title, /codec/);
  const nothing = explain(http(404, '404 page not found'), { role: 'play' });
  assert.match(nothing.title, /Nothing is there.*not live/);
  assert.match(nothing.hints.join(' '), /address.*port.*publish/i, 'it may be either');
  const off = explain(http(403, 'WebRTC is off on this server (rtc_server.enabled)'), publish);
  assert.match(off.title, /switched off/);
  assert.match(off.text, /rtc_server\.enabled/);
  assert.doesNotMatch(off.hints.join(' '), /token/);
  assert.match(explain(http(403, 'the token is wrong'), publish).hints[0], /token/);
  assert.match(explain(new SignalError('network', { url }), { ...publish, secure: true }).hints[0], /HTTPS/);
  const already = noPath([]);
  assert.equal(explain(already, publish), already);
});

test('the JSON API: the server\'s reason takes the place of guesses', () => {
  const told = explain(new SignalError('json', { url, status: 400, reason: '/live/s is published by 7' }), publish);
  assert.match(told.text, /published by 7/);
  assert.doesNotMatch(told.hints.join(' '), /gives no reason/);
  assert.match(explain(new SignalError('json', { url, status: 400 }), publish).hints[0], /gives no reason/);
});

test('a blocked path names the ports to open', () => {
  const e = noPath([{ transport: 'UDP', address: '192.0.2.1', port: 8080 }, { transport: 'TCP', address: '2001:db8::1', port: 8080 }]);
  assert.match(e.text, /UDP 192\.0\.2\.1:8080, TCP \[2001:db8::1\]:8080/);
  assert.match(e.hints[0], /Open UDP 8080 and TCP 8080 .*TCP alone is enough/);
  assert.match(noPath([{ transport: 'UDP', address: '192.0.2.1', port: 1 }]).hints.at(-1), /RTC_SERVER_TCP_ENABLED/);
});

test('an insecure page says where to go instead', () => {
  const e = insecurePage(new URL('http://192.0.2.7:8080/players/whip.html?stream=s'));
  assert.match(e.hints[0], /http:\/\/localhost:8080\/players\/whip\.html\?stream=s/);
  assert.match(e.hints[1], /https:\/\/192\.0\.2\.7:8080\/players\/whip\.html\?stream=s .*SRS_HTTP_SERVER_HTTPS_ENABLED=on/);
  assert.match(e.hints[2], /http:\/\/192\.0\.2\.7:8080/);
});

test('cameras', () => {
  for (const name of ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'OverconstrainedError', 'Odd']) {
    const e = captureError({ name, message: 'm' });
    assert.ok(e.title && e.text);
  }
  assert.match(captureError({ name: 'NotAllowedError' }).hints[0], /address bar/);
  assert.match(captureError({ name: 'NotAllowedError' }, { screen: true }).title, /screen/);
});

test('what is worth asking again', () => {
  for (const [error, want] of [[http(500), true], [http(503), true], [http(409), true], [http(429), true], [http(400), false],
    [http(401), false], [http(406), false], [new SignalError('network', { url }), true], [new SignalError('json', { url, status: 400 }), true],
    [new SignalError('json', { url, status: 5018 }), false], [new TypeError('x'), false]]) {
    assert.equal(worthRetrying(error), want, error.message);
  }
  assert.match(gaveUp(12, noPath([])).text, /12 attempts.*no address/);
});
