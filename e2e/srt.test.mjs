// ffmpeg publishes by SRT, and plays what it published by SRT, HTTP-TS and HTTP-FLV.

import assert from 'node:assert/strict';
import { decoded, Encoder, plays } from './lib/ffmpeg.mjs';
import { scene } from './lib/scene.mjs';
import { freePort } from './lib/server.mjs';
import { until } from './lib/until.mjs';

const size = [320, 240];

// withSRT starts a server with SRT on a port of its own.
async function withSRT(s, add = {}) {
  const port = await freePort();
  const server = await s.server({ add: { SRS_SRT_SERVER_ENABLED: 'on', SRS_SRT_SERVER_LISTEN: port, ...add } });
  return { server, origin: server.origin, srt: `srt://127.0.0.1:${port}` };
}

scene('what ffmpeg publishes by SRT is played by SRT, HTTP-TS and HTTP-FLV', async (s) => {
  const { server, origin, srt } = await withSRT(s);
  const publisher = new Encoder(`${srt}?streamid=#!::r=live/livestream,m=publish`, { format: 'mpegts' });
  try {
    await until('the stream is live', async () => (await server.clients()).some((c) => c.type === 'srt-publish' && c.packets > 50));
    const urls = [`${origin}/live/livestream.flv`, `${origin}/live/livestream.ts`, `${srt}?streamid=#!::r=live/livestream,m=request`];
    await Promise.all(urls.map(async (url) => {
      const { pictures, sounds, apart, loud } = await plays(url, { size });
      s.figure(`${url.replace(/:\d+/, '')}, 2 s: ${pictures} pictures and ${sounds} frames of sound, ${apart.toFixed(0)} ms apart, at most ${loud} dB`);
    }));
    const { video } = await decoded(`${srt}?streamid=live/livestream`, 1);
    assert.ok(video.length >= 20, `by its short name: ${video.length} pictures`);
    const second = new Encoder(`${srt}?streamid=#!::r=live/livestream,m=publish`, { format: 'mpegts' });
    assert.match(await second.ended(), /Input\/output error/, 'a second publisher is refused');
    await until('the log says why', async () => /another publisher is sending/.test(server.log));
  } finally {
    await publisher.stop();
  }
});

scene('B-frames and HEVC published by SRT are played by SRT and HTTP-TS', async (s) => {
  const { server, origin, srt } = await withSRT(s);
  const cases = [['bframes', 80, { bframes: 2, rate: 48000 }], ['hevc', 0, { hevc: true, rate: 48000, channels: 1 }]];
  await Promise.all(cases.map(async ([name, late, how]) => {
    const publisher = new Encoder(`${srt}?streamid=#!::r=live/${name},m=publish`, { format: 'mpegts', ...how });
    try {
      await until('the stream is live', async () => (await server.clients()).some((c) => c.name === name && c.packets > 50));
      await plays(`${origin}/live/${name}.ts`, { seconds: 1, size, late });
      const { video } = await decoded(`${srt}?streamid=live/${name}`, 1);
      assert.ok(video.length >= 20, `${name}: ${video.length} pictures`);
    } finally {
      await publisher.stop();
    }
  }));
});

scene('SRT with a passphrase takes who has it', async (s) => {
  const passphrase = 'ten-or-more-bytes';
  const { server, srt } = await withSRT(s, { SRS_SRT_SERVER_PASSPHRASE: passphrase });
  const publisher = new Encoder(`${srt}?passphrase=${passphrase}&streamid=#!::r=live/livestream,m=publish`, { format: 'mpegts' });
  try {
    await until('the stream is live', async () => (await server.clients()).some((c) => c.type === 'srt-publish' && c.packets > 50));
    const { video } = await decoded(`${srt}?passphrase=${passphrase}&streamid=live/livestream`, 1);
    assert.ok(video.length >= 20, `${video.length} pictures`);
    const wrong = new Encoder(`${srt}?passphrase=something-else&streamid=#!::r=live/other,m=publish`, { format: 'mpegts' });
    assert.match(await wrong.ended(), /Input\/output error/, 'a wrong passphrase is refused');
    await until('the log says why', async () => /passphrase is wrong/.test(server.log));
  } finally {
    await publisher.stop();
  }
});
