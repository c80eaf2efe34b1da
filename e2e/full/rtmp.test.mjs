// ffmpeg publishes by RTMP, and what it gets back by RTMP, RTMPS and HTTP-FLV from the same port is decoded.

import assert from 'node:assert/strict';
import { Encoder, decoded, loudest } from '../lib/ffmpeg.mjs';
import { scene } from '../lib/scene.mjs';
import { until } from '../lib/until.mjs';

// publish starts an encoder and waits until the server has so many of its frames.
async function publish(server, name, options) {
  const encoder = new Encoder(`rtmp://127.0.0.1:${server.port}/live/${name}?key=secret`, options);
  await until(`${name} is published`, async () => (await server.clients()).some((c) => c.publish && c.name === name && c.packets > 60));
  return encoder;
}

// heard and seen judge what a player has decoded.
function seen({ video }, bframes) {
  assert.equal(video[0].key_frame, 1, 'it begins with a keyframe');
  assert.equal(video[0].width, 320);
  assert.ok(video.length >= 40, `${video.length} pictures`);
  for (let i = 1; i < video.length; i++) {
    const step = video[i].at - video[i - 1].at;
    assert.ok(Math.abs(step - 0.04) < 0.002, `picture ${i} is ${step} s after the one before it`);
  }
  assert.equal(video.some((f) => f.pict_type === 'B'), bframes > 0, 'B-frames are as they were sent');
}

function heard({ audio, streams }, rate, channels) {
  const sound = streams.find((s) => s.codec_name === 'aac');
  assert.deepEqual([Number(sound.sample_rate), sound.channels], [rate, channels]);
  assert.ok(audio.length >= 1.5 * rate / 1024, `${audio.length} frames of sound`);
  for (let i = 1; i < audio.length; i++) {
    const step = audio[i].at - audio[i - 1].at;
    assert.ok(Math.abs(step - 1024 / rate) < 0.003, `sound ${i} is ${step} s after the one before it`);
  }
}

for (const [what, options] of [
  ['H264 with B-frames and AAC at 44.1 kHz', { bframes: 2, rate: 44100, channels: 2 }],
  ['H264 and AAC at 48 kHz, mono', { bframes: 0, rate: 48000, channels: 1 }],
  ['sound alone', { picture: false, rate: 48000, channels: 2 }],
  ['picture alone', { bframes: 0, rate: 0 }],
]) {
  scene(`${what} is published and played by RTMP`, async (s) => {
    const server = await s.server();
    const encoder = await publish(server, 'x', options);
    const host = `127.0.0.1:${server.port}`;
    const urls = [`rtmp://${host}/live/x`, `rtmps://${host}/live/x`, `http://${host}/live/x.flv`];
    for (const played of await Promise.all(urls.map((url) => decoded(url)))) {
      if (options.picture !== false) seen(played, options.bframes);
      if (options.rate) heard(played, options.rate, options.channels);
      const kinds = played.streams.length;
      assert.equal(kinds, (options.picture !== false) + (options.rate > 0), 'no other streams are there');
      if (kinds === 2) {
        const apart = Math.abs(played.video[0].at - played.audio[0].at) * 1000;
        assert.ok(apart <= 110, `sound and picture begin ${apart} ms apart`);
      }
    }
    if (options.rate) {
      const volume = await loudest(urls[0]);
      assert.ok(volume > -23 && volume < -12, `the tone is about as loud as it was sent (-18 dB, 3 less where mono becomes stereo), not ${volume} dB`);
    }
    const { streams: [stream] } = await server.get('/api/v1/streams/');
    assert.equal(stream.publish.active, true);
    assert.equal(stream.tcUrl, `rtmp://${host}/live`);
    await encoder.stop();
    await until('the stream is gone', async () => (await server.get('/api/v1/streams/')).streams.length === 0);
  });
}

scene('an encoder publishes inside TLS, a second one is told that the name is taken', async (s) => {
  const server = await s.server();
  const encoder = new Encoder(`rtmps://127.0.0.1:${server.port}/live/x`);
  await until('it publishes', async () => (await server.clients()).some((c) => c.publish && c.packets > 60));
  seen(await decoded(`rtmp://127.0.0.1:${server.port}/live/x`), 0);
  const second = new Encoder(`rtmp://127.0.0.1:${server.port}/live/x`);
  assert.match(await second.ended(), /another publisher is sending/);
  await encoder.stop();
});

scene('a browser publishes, and RTMP plays it with the sound in AAC', async (s) => {
  const server = await s.server();
  const publisher = await s.open(`${server.origin}/players/whip.html?autostart=true&codec=h264&width=640&height=360&bitrate=800`);
  await publisher.reaches('live');
  const { video, audio, streams } = await decoded(`rtmp://127.0.0.1:${server.port}/live/livestream`, 3);
  assert.deepEqual(streams.map((one) => one.codec_name).sort(), ['aac', 'h264']);
  assert.ok(video.length > 15 && audio.length > 100, `${video.length} pictures, ${audio.length} frames of sound`);
}, { timeout: 120_000 });
