// Publishing from a page, with cameras and microphones that come, go, and are not given.

import assert from 'node:assert/strict';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

const publish = '/players/whip.html?width=640&height=360&bitrate=800';

// devices runs in the page before all else: tests say what it has, and how long it takes.
function devices() {
  window.devices = { microphone: false, opened: [], asked: 0, hold: null };
  const media = navigator.mediaDevices;
  const real = media.getUserMedia.bind(media);
  media.getUserMedia = async (constraints) => {
    window.devices.asked++;
    if (constraints.audio && !window.devices.microphone) throw new DOMException('none', 'NotFoundError');
    const stream = await real(constraints);
    await window.devices.hold;
    window.devices.opened.push(...stream.getTracks());
    return stream;
  };
  media.getDisplayMedia = async () => { throw new DOMException('cancelled', 'NotAllowedError'); };
}

const notice = (client) => client.page.locator('#notice:not([hidden])').innerText({ timeout: 5000 });

scene('the source changes in mid-call, and the page says what is not there', async (s) => {
  const server = await s.server();
  const publisher = await s.open(server.origin + publish, { before: devices });
  const { page } = publisher;
  await publisher.start();
  await publisher.reaches('live');
  assert.match(await notice(publisher), /No microphone was found: the stream goes out without sound/);

  await page.selectOption('#camera', 'screen');
  await until('the picker that was cancelled is told', async () => /The stream goes on as it was/.test(await notice(publisher)));
  assert.equal(await page.inputValue('#camera'), '', 'and the source is what it was');

  await page.evaluate(() => { window.devices.microphone = true; });
  await page.selectOption('#microphone', { index: 1 });
  await until('sound is sent', async () => (await publisher.facts()).audio.packetsSent > 0);
  await until('nothing is missing any more', () => page.locator('#notice').isHidden());
  await publisher.reaches('live');

  const asked = await page.evaluate(() => window.devices.asked);
  await page.selectOption('#quality', '480');
  await until('the camera has another size', () => page.evaluate(() => document.getElementById('video').videoHeight === 480));
  assert.ok(await page.evaluate(() => { // An encoder may make it smaller for a while, on a busy machine.
    const [track] = document.getElementById('video').srcObject.getVideoTracks();
    return window.oneport.pc.getSenders().some((sender) => sender.track === track);
  }), 'and it is what is sent');
  assert.equal(await page.evaluate(() => window.devices.asked), asked, 'the camera is not opened again for it');

  await page.evaluate(() => {
    const track = document.getElementById('video').srcObject.getAudioTracks()[0];
    track.stop();
    track.dispatchEvent(new Event('ended'));
  });
  assert.match(await notice(publisher), /The sound ended/);

  await page.evaluate(() => { window.devices.hold = new Promise((done) => { window.release = done; }); });
  await page.selectOption('#microphone', { index: 0 });
  await until('a microphone is being opened', () => page.evaluate((n) => window.devices.asked > n, asked));
  await publisher.stop();
  await page.evaluate(() => window.release());
  await until('it is open', () => page.evaluate(() => window.devices.opened.length === 3));
  await until('and closed again', () => page.evaluate(() => window.devices.opened.every((t) => t.readyState === 'ended')));
  assert.ok(await page.evaluate(() => !document.getElementById('video').srcObject), 'there is nothing in the preview');
});
