// When something is wrong, the page says what, and what to do about it.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';

const publish = '/players/whip.html?autostart=true&width=640&height=360&bitrate=800';
const play = '/players/whep.html?autostart=true';

scene('a stream that is taken is refused with the reason', async (s) => {
  const server = await s.server();
  const first = await s.open(server.origin + publish);
  await first.reaches('live');
  await first.sends();
  const second = await s.open(server.origin + publish);
  const third = await s.open(`${server.origin}/players/rtc_publisher.html?autostart=true`);
  await second.reaches('failed');
  assert.match(await second.error(), /Somebody is already publishing this stream[^]*The server says: [^]*live\/livestream/);
  assert.ok(await second.page.locator('#poster').isVisible(), 'the preview is gone and says why');
  await s.shoot(second, 'busy');
  await third.reaches('failed');
  assert.match(await third.error(), /The server says: [^]*live\/livestream/, 'by the JSON API too');
  await first.sends();
  assert.equal((await server.clients()).length, 1, 'nothing is left of the others');
});

scene('a viewer without the codec of the stream is refused with the reason', async (s) => {
  const server = await s.server();
  const publisher = await s.open(`${server.origin}${publish}&codec=vp8`);
  await publisher.reaches('live');
  await publisher.sends();
  const viewer = await s.open(server.origin + play, {
    before: () => { // A browser that can decode AV1 alone.
      const real = RTCPeerConnection.prototype.addTransceiver;
      RTCPeerConnection.prototype.addTransceiver = function add(kind, options) {
        const transceiver = real.call(this, kind, options);
        const all = RTCRtpReceiver.getCapabilities('video').codecs;
        if (kind === 'video') transceiver.setCodecPreferences(all.filter((c) => c.mimeType === 'video/AV1'));
        return transceiver;
      };
    },
  });
  await viewer.reaches('failed');
  assert.match(await viewer.error(), /No codec in common[^]*The server says: [^]*VP8[^]*Publish with another codec/i);
  await s.shoot(viewer, 'no-codec');
});

scene('a page that came by plain HTTP says how to get the camera, and plays', async (s) => {
  const server = await s.server();
  await s.browser({ args: ['--host-resolver-rules=MAP media.example 127.0.0.1'] });
  const origin = `http://media.example:${server.port}`;
  const elsewhere = await s.open(`${origin}${publish}`);
  assert.equal(await elsewhere.page.evaluate(() => isSecureContext), false);
  await elsewhere.reaches('failed');
  const error = await elsewhere.error();
  assert.match(error, /hides the camera/);
  assert.match(error, new RegExp(`http://localhost:${server.port}/players/whip.html`));
  assert.match(error, /https:\/\//);
  await s.shoot(elsewhere, 'insecure');

  const publisher = await s.open(server.origin + publish);
  await publisher.reaches('live');
  const viewer = await s.open(origin + play);
  await viewer.plays();
});

scene('the server goes and comes back, and so do the pages', async (s) => {
  const first = await s.server();
  const { port, origin } = first;
  const publisher = await s.open(origin + publish);
  await publisher.reaches('live');
  const viewer = await s.open(origin + play);
  await viewer.plays();

  await first.stop();
  await publisher.reaches('reconnecting');
  await viewer.reaches('reconnecting');
  await s.shoot(viewer, 'reconnecting');
  await s.server({ port });
  await publisher.reaches('live');
  await viewer.reaches('live');
  await viewer.plays();
});

scene('the server dies without a word, and the pages find out by themselves', async (s) => {
  const first = await s.server();
  const { port, origin } = first;
  const publisher = await s.open(origin + publish);
  await publisher.reaches('live');
  const viewer = await s.open(origin + play);
  await viewer.plays();

  await first.kill();
  await publisher.reaches('reconnecting');
  await viewer.reaches('reconnecting');
  await s.server({ port });
  await publisher.reaches('live');
  await viewer.reaches('live');
  await viewer.plays();
});

scene('a server that is not there is named, and the next start succeeds', async (s) => {
  const first = await s.server();
  const { port, origin } = first;
  const viewer = await s.open(`${origin}/players/whep.html`);
  await first.stop();
  await viewer.start();
  await viewer.reaches('failed');
  assert.match(await viewer.error(), new RegExp(`The API cannot be reached[^]*localhost:${port} does not answer`));
  await s.shoot(viewer, 'unreachable');
  await s.server({ port });
  await viewer.start();
  await viewer.reaches('waiting');
});
