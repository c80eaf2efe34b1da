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

test('only a list of segments is waited for when it is not there', () => {
  const missing = { kind: 'http', status: 404 };
  assert.equal(e.waits(missing, 'hls'), true);
  assert.equal(e.waits(missing, 'flv'), false);
  assert.equal(e.waits({ kind: 'network' }, 'hls'), false);
  assert.deepEqual([{ kind: 'network' }, { kind: 'http', status: 503 }, { kind: 'http', status: 406 }, { kind: 'codec' }].map(e.passes), [true, true, false, false]);
});
