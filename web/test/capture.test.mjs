import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wishes, resize } from '../static/players/js/capture.js';

const named = (name) => Object.assign(new Error(name), { name });

class Track {
  readyState = 'live';
  constructor(kind) { this.kind = kind; }
  stop() { this.readyState = 'ended'; }
}

class Stream {
  constructor(...kinds) { this.tracks = kinds.map((kind) => new Track(kind)); }
  getTracks() { return this.tracks; }
  getVideoTracks() { return this.tracks.filter((t) => t.kind === 'video'); }
  getAudioTracks() { return this.tracks.filter((t) => t.kind === 'audio'); }
  addTrack(track) { this.tracks.push(track); }
  get states() { return this.tracks.map((t) => `${t.kind} ${t.readyState}`); }
}

// browser has devices that open when the test says so.
function browser() {
  const asked = [];
  const ask = (what) => (constraints) => new Promise((open, refuse) => asked.push({ what, constraints, open, refuse }));
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true, value: { mediaDevices: { getUserMedia: ask('camera'), getDisplayMedia: ask('screen') } },
  });
  return asked;
}

const quality = { width: 1280, height: 720, fps: 30 };
const wish = { camera: '', microphone: '', quality };

test('what is asked for is what comes', async () => {
  const asked = browser();
  const opening = new Wishes().all(wish);
  const stream = new Stream('audio', 'video');
  asked[0].open(stream);
  assert.deepEqual(await opening, { stream, kinds: ['audio', 'video'] });
  assert.deepEqual(asked[0].constraints.video, { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } });
});

test('a camera that opens after the stop is closed at once', async () => {
  const asked = browser();
  const wishes = new Wishes();
  const opening = wishes.all(wish);
  wishes.forget();
  const stream = new Stream('audio', 'video');
  asked[0].open(stream);
  assert.equal(await opening, null);
  assert.deepEqual(stream.states, ['audio ended', 'video ended']);
});

test('of two wishes the later is granted, whichever opens first', async () => {
  for (const order of [[0, 1], [1, 0]]) {
    const asked = browser();
    const wishes = new Wishes();
    const opening = [wishes.all(wish), wishes.all({ ...wish, camera: 'other' })];
    const streams = [new Stream('video'), new Stream('video')];
    for (const i of order) asked[i].open(streams[i]);
    const [first, second] = await Promise.all(opening);
    assert.deepEqual([first, second.stream], [null, streams[1]]);
    assert.deepEqual(streams.map((s) => s.states), [['video ended'], ['video live']]);
  }
});

test('a refusal is told, unless nobody waits for it any more', async () => {
  const asked = browser();
  const wishes = new Wishes();
  const told = wishes.all({ ...wish, camera: 'screen' });
  asked[0].refuse(named('NotAllowedError'));
  await assert.rejects(told, { title: 'No permission to use the screen' });
  const untold = wishes.all(wish);
  wishes.forget();
  asked[1].refuse(named('NotReadableError'));
  assert.equal(await untold, null);
});

test('a computer with only a camera, only a microphone, or neither', async () => {
  for (const has of ['video', 'audio', '']) {
    const asked = browser();
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      asked.push(constraints);
      if (Object.keys(constraints).join() !== has) throw named('NotFoundError');
      return new Stream(has);
    };
    const opening = new Wishes().all(wish);
    if (has === '') await assert.rejects(opening, { title: 'No camera or microphone found' });
    else assert.deepEqual((await opening).stream.states, [`${has} live`]);
  }
});

test('a microphone is opened alone', async () => {
  const asked = browser();
  const opening = new Wishes().voice({ microphone: 'm' });
  asked[0].open(new Stream('audio'));
  assert.deepEqual((await opening).stream.states, ['audio live']);
  assert.deepEqual(asked[0].constraints, { audio: { deviceId: { exact: 'm' } } });
});

test('a microphone that is chosen while a camera opens does not keep it from opening', async () => {
  const asked = browser();
  const wishes = new Wishes();
  const opening = [wishes.all(wish), wishes.voice({ ...wish, microphone: 'm' })];
  const streams = asked.map(({ open }) => {
    const stream = new Stream('audio', 'video');
    open(stream);
    return stream;
  });
  assert.deepEqual(await Promise.all(opening), [null, { stream: streams[1], kinds: ['audio', 'video'] }]);
  assert.deepEqual(asked[1].constraints.audio, { deviceId: { exact: 'm' } });
  wishes.voice(wish);
  assert.deepEqual(asked[2].constraints, { audio: true }, 'and then a microphone is a microphone');
});

test('another quality asks a camera for another size, and a screen for another rate alone', async () => {
  for (const [settings, want] of [
    [{}, { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } }],
    [{ displaySurface: 'window' }, { frameRate: { ideal: 30 } }],
  ]) {
    let asked = null;
    await resize({ getSettings: () => settings, applyConstraints: async (c) => { asked = c; } }, quality);
    assert.deepEqual(asked, want);
  }
});
