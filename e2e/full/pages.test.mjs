// What a page says of what it is not given.

import assert from 'node:assert/strict';
import { scene } from '../lib/scene.mjs';

const publish = '/players/whip.html?width=640&height=360&bitrate=800';

scene('without permission, and without any camera, the page says what to do', async (s) => {
  const { origin } = await s.server();
  await s.browser({ args: ['--use-fake-ui-for-media-stream=deny'] });
  const denied = await s.open(`${origin}${publish}&autostart=true`);
  await denied.reaches('failed');
  assert.match(await denied.error(), /No permission to use the camera and microphone[^]*address bar/);
  await s.shoot(denied, 'denied');
  const nothing = await s.open(`${origin}${publish}&autostart=true&stream=other`, {
    before: () => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('none', 'NotFoundError'); }; },
  });
  await nothing.reaches('failed');
  assert.match(await nothing.error(), /No camera or microphone found[^]*Share the screen/);
  assert.equal(nothing.count('POST') + denied.count('POST'), 0, 'the server was not asked');
});

scene('a server without WebRTC offers none', async (s) => {
  const { origin } = await s.server({ add: { SRS_RTC_SERVER_ENABLED: 'off', SRS_VHOST_HTTP_REMUX_ENABLED: 'on' } });
  const { page } = await s.open(origin);
  await page.locator('#nothing-text').filter({ hasText: 'OBS or ffmpeg' }).waitFor();
  assert.equal(await page.getByRole('link', { name: /WHIP|WHEP|Publish/ }).filter({ visible: true }).count(), 0);
  await page.fill('#name', 'cam');
  await page.getByTestId('watch').click();
  await page.waitForURL(/srs_player\.html\?.*stream=cam\.flv/);
  const refused = await s.open(`${origin}${publish}&autostart=true`);
  await refused.reaches('failed');
  assert.match(await refused.error(), /WebRTC is switched off[^]*The server says: [^]*rtc_server\.enabled/);
  assert.doesNotMatch(await refused.error(), /token/);
});
