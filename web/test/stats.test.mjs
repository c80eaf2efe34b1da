import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as format from '../static/players/js/format.js';
import { History, frameMax, niceMax } from '../static/players/js/plot.js';
import { Window, rates, snapshot } from '../static/players/js/stats.js';

const report = (...list) => new Map(list.map((s) => [s.id, s]));

const path = [
  { id: 'T', type: 'transport', selectedCandidatePairId: 'P', bytesReceived: 900, bytesSent: 100, dtlsState: 'connected', srtpCipher: 'AEAD_AES_128_GCM' },
  { id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', currentRoundTripTime: 0.012, responsesReceived: 4 },
  { id: 'X', type: 'candidate-pair', localCandidateId: 'R', remoteCandidateId: 'L', nominated: true, state: 'succeeded' },
  { id: 'L', type: 'local-candidate', protocol: 'tcp', address: '192.0.2.5', port: 50000, candidateType: 'prflx' },
  { id: 'R', type: 'remote-candidate', protocol: 'tcp', address: '2001:db8::1', port: 8080, candidateType: 'host' },
];

const inbound = (kind, more) => ({ id: `I${kind}`, type: 'inbound-rtp', kind, codecId: `C${kind}`, ...more });

test('a viewer\'s report', () => {
  const s = snapshot(report(...path,
    { id: 'Cvideo', mimeType: 'video/H264', sdpFmtpLine: 'profile-level-id=42e01f' },
    { id: 'Caudio', mimeType: 'audio/opus' },
    inbound('video', { bytesReceived: 5000, packetsReceived: 10, packetsLost: 1, framesDecoded: 7, frameWidth: 1280, frameHeight: 720, freezeCount: 2 }),
    inbound('audio', { bytesReceived: 700, packetsReceived: 9, packetsLost: 0 })), 1000, 'play');
  assert.deepEqual([s.protocol, s.local, s.remote, s.localType], ['tcp', '192.0.2.5:50000', '[2001:db8::1]:8080', 'prflx']);
  assert.deepEqual([s.rtt, s.responses, s.received, s.dtls, s.cipher, s.pair], [12, 4, 900, 'connected', 'AEAD_AES_128_GCM', 'P']);
  assert.deepEqual([s.video.codec, s.video.frames, s.video.width, s.video.height, s.video.freezes], ['H264', 7, 1280, 720, 2]);
  assert.equal(s.media, 5700);
  assert.equal(format.codec(s.video), 'H264 Baseline');
  assert.equal(format.codec(s.audio), 'Opus');
});

test('a publisher\'s report: layers are summed, loss and delay come from the receiver', () => {
  const s = snapshot(report(
    { id: 'T', type: 'transport', bytesReceived: 1 },
    { id: 'a', type: 'outbound-rtp', kind: 'video', bytesSent: 10, framesEncoded: 3, frameHeight: 180, frameWidth: 320 },
    { id: 'b', type: 'outbound-rtp', kind: 'video', bytesSent: 30, framesEncoded: 3, frameHeight: 720, frameWidth: 1280, qualityLimitationReason: 'cpu' },
    { id: 'r', type: 'remote-inbound-rtp', kind: 'video', fractionLost: 0.25, roundTripTime: 0.05 }), 0, 'publish');
  assert.deepEqual([s.video.bytes, s.video.height, s.video.limitation, s.fractionLost, s.rtt, s.audio], [40, 720, 'cpu', 0.25, 50, null]);
});

test('a browser without transport statistics still tells its pair', () => {
  const s = snapshot(report(...path.slice(1).map((x) => (x.id === 'P' ? { ...x, selected: true, bytesReceived: 5 } : x))), 0, 'play');
  assert.deepEqual([s.pair, s.received, s.dtls, s.cipher], ['P', 5, '', '']);
});

test('an empty report and hidden addresses are no trouble', () => {
  assert.equal(snapshot(new Map(), 0, 'play').media, 0);
  const s = snapshot(report(...path.map((x) => (x.id === 'L' ? { ...x, address: undefined } : x))), 0, 'play');
  assert.equal(s.local, '');
});

const snap = (at, bytes, frames, packets = 0, lost = 0) => ({ at, role: 'play', video: { bytes, frames, packets, lost }, audio: null });

test('rates', () => {
  const r = rates(snap(0, 0, 0), snap(2000, 250000, 60, 90, 10));
  assert.deepEqual([r.kbps, r.video, r.audio, r.fps, r.loss], [1000, 1000, 0, 30, 10]);
});

test('counters that start again make no negative rate', () => {
  const r = rates(snap(0, 9000, 90, 10, 5), snap(1000, 10, 1));
  assert.deepEqual([r.kbps, r.fps, r.loss], [0, 0, undefined]);
});

test('a publisher\'s loss is what the receiver says', () => {
  const at = (t, fractionLost) => ({ at: t, role: 'publish', video: null, audio: null, fractionLost });
  assert.equal(rates(at(0), at(1000, 0.02)).loss, 2);
  assert.equal(rates(at(0), at(1000)).loss, undefined);
});

test('the window gives rates over the time asked for', () => {
  const w = new Window(5000);
  assert.equal(w.rates(1000), null);
  for (let t = 0; t <= 20000; t += 250) w.push(snap(t, t < 19000 ? 0 : (t - 19000) * 125, 0));
  assert.equal(w.rates(1000).kbps, 1000);
  assert.equal(w.rates(5000).kbps, 200);
  w.clear();
  assert.equal(w.rates(1000), null);
});

test('scales end at round numbers', () => {
  assert.deepEqual([0, 99, 101, 1400, 2300, 2875, 9999].map((v) => niceMax(v, 100)), [100, 100, 150, 1500, 3000, 3000, 10000]);
  assert.deepEqual([0, 14.9, 25, 29.4, 30.2, 60, 119, 240].map(frameMax), [15, 30, 30, 30, 60, 120, 150, 300]);
});

test('history forgets what is over a minute old', () => {
  const h = new History();
  for (let t = 0; t <= 120000; t += 500) h.push({ at: t, kbps: t, fps: 1 });
  assert.ok(h.samples[0].at >= 120000 - 62500 && h.samples.length < 130);
  assert.equal(h.max('kbps'), 120000);
});

test('numbers as people read them', () => {
  assert.deepEqual([undefined, 0, 999.4, 1000, 2480, 12345].map(format.bitrate), ['–', '0 kbit/s', '999 kbit/s', '1.00 Mbit/s', '2.48 Mbit/s', '12.3 Mbit/s']);
  assert.deepEqual([undefined, 1.24, 45.6].map(format.milliseconds), ['–', '1.2 ms', '46 ms']);
  assert.deepEqual([undefined, 0, 0.42, 12.3].map(format.percent), ['–', '0 %', '0.4 %', '12 %']);
  assert.deepEqual([0, 65000, 3723000].map(format.clock), ['0:00', '1:05', '1:02:03']);
  for (const [name, want] of [['AEAD_AES_128_GCM', 'AES-128-GCM'], ['SRTP_AEAD_AES_256_GCM', 'AES-256-GCM'],
    ['AES_CM_128_HMAC_SHA1_80', 'AES-128-CM, SHA1-80'], ['SRTP_AES128_CM_HMAC_SHA1_32', 'AES-128-CM, SHA1-32'], ['', '–'], ['NEW', 'NEW']]) {
    assert.equal(format.cipher(name), want);
  }
  assert.deepEqual(['prflx', 'host', '', 'odd'].map(format.path), ['direct (prflx)', 'direct (host)', '–', 'odd']);
});
