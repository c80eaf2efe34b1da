// What the server makes segments of, and what ffmpeg decodes of them.

import assert from 'node:assert/strict';
import { decoded, loudest } from './ffmpeg.mjs';
import { camera } from './player.mjs';
import { scene } from './scene.mjs';

// settings are those of segments that are short, so that the first is there soon.
export const settings = (more) => ({ SRS_VHOST_HLS_HLS_FRAGMENT: '1', ...more });

// decodes asserts that the first seconds of a stream begin with a keyframe, sound and picture together, and that their time goes on.
export async function decodes(s, what, url, seconds = 4) {
  const { video, audio } = await decoded(url, seconds);
  assert.ok(video.length > seconds * 4 && audio.length > seconds * 30, `${what}: ${video.length} pictures, ${audio.length} frames of sound`);
  assert.equal(video[0].key_frame, 1, `${what} begins with a keyframe`);
  const apart = Math.abs(video[0].at - audio[0].at) * 1000;
  s.figure(`${what}: ${video.length} pictures and ${audio.length} frames of sound in ${seconds} s, their beginnings ${apart.toFixed(0)} ms apart`);
  assert.ok(apart <= 100, `${what}: sound and picture begin ${apart} ms apart`);
  for (const frames of [video, audio]) {
    for (let i = 1; i < frames.length; i++) assert.ok(frames[i].at > frames[i - 1].at, `${what}: time goes on`);
  }
}

// played is a scene in which a browser publishes, and ffmpeg plays it by HLS; more is what else is to be looked at there.
export function played(name, add, more = async () => {}) {
  scene(`what a browser publishes is played by ${name}`, async (s) => {
    const { origin } = await s.server({ add: settings(add) });
    const publisher = await s.open(`${origin}/players/whip.html?${camera}`);
    await publisher.reaches('live');
    const url = `${origin}/live/livestream.m3u8`;
    const began = performance.now();
    const master = await fetch(url);
    assert.equal(master.status, 200);
    assert.match(await master.text(), /CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2"/);
    s.figure(`${name}, request to first segment: ${(performance.now() - began).toFixed(0)} ms`);
    await decodes(s, name, url);
    const volume = await loudest(url, 3);
    s.figure(`${name}: the loudest sample is at ${volume} dB`);
    assert.ok(volume > -40, 'the beeps of the fake microphone are heard');
    await more(s, url);
  });
}
