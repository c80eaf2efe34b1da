import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recognise } from '../static/players/js/address.js';
import * as e from '../static/players/js/playerrors.js';

const whole = ({ title, text, hints }) => {
  assert.ok(title && text && Array.isArray(hints) && hints.every(Boolean), title);
  return [title, text, ...hints].join('\n');
};

test('the server\'s reason is shown', () => {
  const text = whole(e.playError({ kind: 'http', status: 406, reason: 'flv: VP8 cannot be carried' }));
  assert.match(text, /flv: VP8 cannot be carried/);
  assert.match(text, /WebRTC/);
  assert.match(whole(e.playError({ kind: 'http', status: 404, reason: '' })), /404/);
  assert.match(whole(e.playError({ kind: 'http', status: 418, reason: '' })), /refused/);
  assert.match(whole(e.playError({ kind: 'http', status: 502, reason: '' })), /problem/);
});

test('a codec is named as people know it', () => {
  assert.match(whole(e.playError({ kind: 'codec', codec: 'hvc1.1.6.L93.B0', track: 'video' })), /cannot play H265 \(HEVC\)[^]*Safari/);
  assert.match(whole(e.playError({ kind: 'codec', codec: 'av01.0.04M.08', track: 'video' })), /cannot play AV1/);
  assert.match(whole(e.playError({ kind: 'codec', codec: 'mp4a.40.2', track: 'audio' })), /The sound comes as AAC/);
  assert.match(whole(e.playError({ kind: 'codec', codec: '', reason: 'no such four letters' })), /no such four letters/);
});

test('a codec is found in what the browser and the libraries say', () => {
  assert.deepEqual(e.codecsIn("The type provided ('video/mp4;codecs=hvc1.1.1.L60.B0') is unsupported."), ['hvc1.1.1.L60.B0']);
  assert.deepEqual(e.codecsIn('one or more CODECS in variant not supported: ["hvc1.1.6.L60.90,mp4a.40.2"]'), ['hvc1.1.6.L60.90', 'mp4a.40.2']);
  assert.deepEqual(e.codecsIn('video/mp4; codecs="opus,av01.0.00M.08"'), ['opus', 'av01.0.00M.08']);
  assert.deepEqual(e.codecsIn('Failed to read the file movie.mp4'), []);
});

test('every failure is explained', () => {
  for (const error of [
    { kind: 'network', url: 'https://h/s.flv' }, { kind: 'timeout', url: 'http://h/s.flv' }, { kind: 'mse' }, { kind: 'broken', reason: 'x' },
    new Error('odd'), 'odder', undefined,
  ]) whole(e.playError(error));
  for (const address of ['', 'rtmp://h/a/b', 'webrtc://h/a/b', 'http://h/a/b']) whole(e.addressError(recognise(address)));
  assert.match(whole(e.mixedError('http://h/a.flv')), /https:\/\/h\/a\.flv/);
  assert.match(whole(e.mixedError('ws://h/a.flv')), /wss:\/\/h\/a\.flv/);
  const told = { title: 't', text: 'x', hints: [] };
  assert.equal(e.playError(told), told);
});

test('a list of segments is waited for where the server asks to be tried again, and nowhere else', () => {
  const missing = { kind: 'http', status: 404, later: true };
  assert.equal(e.waits(missing, 'hls'), true);
  assert.equal(e.waits({ ...missing, status: 503 }, 'hls'), true);
  assert.equal(e.waits(missing, 'flv'), false);
  assert.equal(e.waits({ kind: 'http', status: 404, later: false, reason: 'HLS is off' }, 'hls'), false);
  assert.equal(e.waits({ kind: 'http', status: 404 }, 'hls'), false);
  assert.equal(e.waits({ kind: 'network', later: true }, 'hls'), false);
  assert.deepEqual([{ kind: 'network' }, { kind: 'http', status: 503 }, { kind: 'http', status: 406 }, { kind: 'codec' }].map(e.passes), [true, true, false, false]);
  assert.deepEqual([{ kind: 'http', status: 404 }, { kind: 'http', status: 404, missed: true }].map(e.passes), [false, true]);
  assert.deepEqual([{ kind: 'broken', late: false }, { kind: 'broken', late: true }].map(e.passes), [false, true]);
});

test('what is waited for is said', () => {
  const missing = { kind: 'http', status: 404, later: true, reason: 'nobody publishes' };
  const late = { kind: 'http', status: 404, missed: true, later: false, reason: 'no such segment' };
  const full = { kind: 'http', status: 503, reason: 'as many requests wait as max_connections allows' };
  assert.match(e.pauseText('waiting', missing, false), /not live yet/);
  assert.match(e.pauseText('waiting', null, true), /paused or left/);
  assert.match(e.pauseText('reconnecting', { kind: 'broken', late: true }, false), /did not begin together/);
  for (const state of ['waiting', 'reconnecting']) {
    assert.match(e.pauseText(state, full, true), /The server says: as many requests/);
    assert.match(e.pauseText(state, late, true), /The server says: no such segment/);
  }
  assert.match(e.pauseText('reconnecting', { kind: 'broken', reason: 'odd bytes' }, true), /connection was lost/);
});

// request is an XMLHttpRequest that has been answered, as hls.js hands it on. As in a browser, the text of one for bytes can't be had.
function request(status, words, { headers = {}, responseType = '' } = {}) {
  return {
    status, responseType,
    getResponseHeader: (name) => headers[name] ?? null,
    response: responseType ? new TextEncoder().encode(words).buffer : words,
    get responseText() {
      if (responseType) throw new TypeError('the value is only accessible if responseType is text');
      return words;
    },
  };
}

test('hls.js hands on the server\'s words, and whether to wait', () => {
  const told = (details, networkDetails, more) => e.listError({ details, networkDetails, url: 'u', ...more });
  const off = told('manifestLoadError', request(404, 'HLS is off (hls.enabled)\n'), { response: { code: 404, text: 'Not Found' } });
  assert.deepEqual(off, { kind: 'http', status: 404, url: 'u', reason: 'HLS is off (hls.enabled)', later: false });
  assert.match(whole(e.playError(off)), /HLS is off[^]*hls for HLS/);
  assert.equal(told('manifestLoadError', request(404, 'nobody', { headers: { 'Retry-After': '2' } })).later, true);
  const gone = told('fragLoadError', request(404, 'there is no such segment', { responseType: 'arraybuffer' }));
  assert.deepEqual([gone.kind, gone.reason], ['http', 'there is no such segment']);
  assert.equal(told('fragLoadError', { status: 404, responseType: 'arraybuffer', response: null }).reason, '');
  assert.equal(told('levelLoadError', request(502, '<html>Bad gateway')).reason, '');
  assert.equal(told('levelLoadError', request(0, '')).kind, 'network');
  assert.equal(told('levelLoadTimeOut', null).kind, 'timeout');
  assert.deepEqual(told('manifestParsingError', request(200, 'x'), { error: new Error('no EXTM3U\nat') }), { kind: 'broken', url: 'u', reason: 'no EXTM3U' });
});
