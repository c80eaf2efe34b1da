// What people do to a page: type, click twice, mute, follow links, and hold it in one hand.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './lib/folder.mjs';
import { scene } from './lib/scene.mjs';
import { until } from './lib/until.mjs';

const publish = '/players/whip.html?width=640&height=360&bitrate=800';
const players = ['whip', 'whep', 'rtc_publisher', 'rtc_player', 'srs_player'].map((name) => `/players/${name}.html`);

scene('a page does what a person wishes, and nothing else', async (s) => {
  const server = await s.server();
  await calls(s, server);
  await links(s, server);
  await widths(s, server);
});

// What is typed while a call runs is for the next one; clicks and mutes are taken as they were meant.
async function calls(s, server) {
  const viewer = await s.open(`${server.origin}/players/whep.html?autostart=true`);
  await viewer.reaches('waiting');
  const { page } = viewer;
  const url = await page.inputValue('#url');
  await page.fill('#url', url.replace('livestream', 'other'));
  assert.equal(await page.textContent('#stream'), 'live/livestream');
  assert.match(await page.inputValue('#watch-link'), /stream=livestream/);
  const [client] = await server.clients();
  await fetch(`${server.origin}/api/v1/clients/${client.id}`, { method: 'DELETE' });
  await until('the page has another session', () => viewer.count('POST') === 2);
  await viewer.reaches('waiting');
  assert.ok(viewer.requests.every((r) => !r.startsWith('POST') || r.includes('stream=livestream')), viewer.requests.join(' '));

  await page.press('#url', 'Enter');
  await until('the page watches the other stream', () => viewer.requests.some((r) => r.startsWith('POST') && r.includes('stream=other')));
  await viewer.reaches('waiting');
  assert.equal(await page.textContent('#stream'), 'live/other');
  assert.match(await page.inputValue('#watch-link'), /stream=other/);

  await viewer.stop();
  await page.getByTestId('start').dblclick();
  await viewer.reaches('waiting');
  assert.equal(viewer.count('POST'), 4, 'a double click starts once');
  await page.getByTestId('mute').click();
  await viewer.stop();
  await viewer.start();
  await viewer.reaches('waiting');
  assert.ok(await page.evaluate(() => document.getElementById('video').muted), 'what was muted stays so');
  await page.keyboard.press('m');
  assert.equal(await page.getByTestId('mute').innerText(), 'Mute', 'until the key or the button says otherwise');
}

// A link alone publishes to no other host.
async function links(s, { port, origin }) {
  const linked = await s.open(`${origin}${publish}&autostart=true&server=127.0.0.1`);
  await s.shoot(linked, 'link-elsewhere');
  const notice = linked.page.locator('#notice:not([hidden])');
  assert.match(await notice.innerText(), new RegExp(`publishes to 127\\.0\\.0\\.1:${port}[^]*Press`));
  assert.deepEqual([linked.count('POST'), await linked.page.evaluate(() => document.getElementById('video').srcObject)], [0, null]);
  await linked.start();
  await linked.reaches('live');
}

// No page scrolls sideways on a phone.
async function widths(s, { origin }) {
  const client = await s.open(`${origin}/`, { viewport: { width: 375, height: 740 } });
  const wide = [];
  for (const path of ['/', ...players]) {
    await client.page.goto(origin + path);
    for (const width of [375, 360, 320]) {
      await client.page.setViewportSize({ width, height: 740 });
      const [needs, has] = await client.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      if (needs > width || has > width) wide.push(`${path} takes ${Math.max(needs, has)} of ${width}`);
    }
  }
  assert.deepEqual(wide, []);
}

// What one virtual host has and the other has not. Browsers find *.localhost on this computer.
const vhosts = `
http_api { enabled on; } http_server { enabled on; } rtc_server { enabled on; } srt_server { enabled on; }
vhost live.localhost { rtc { enabled on; } }
vhost film.localhost { http_remux { enabled on; } srt { enabled on; } }`;

scene('the front page tells of each virtual host what that one has', async (s) => {
  const conf = join(folder(), 'vhosts.conf');
  writeFileSync(conf, vhosts);
  const server = await s.withSRT({ args: ['-c', conf] });
  const front = await s.open(`${server.origin}/?vhost=film.localhost`);
  await vhostLinks(front, server);
  await vhostAddresses(front, server);
  await vhostRows(s, front, server);
});

// A virtual host that the address names decides what there is on the page, so it goes with every link.
async function vhostLinks({ page }, { origin }) {
  for (const at of ['/', '/players/srs_player.html', '/players/whep.html']) {
    if (at !== '/') await page.goto(`${origin}${at}?vhost=film.localhost`);
    const links = await page.evaluate(() => [...document.querySelectorAll('a')].map((a) => new URL(a.href)).filter((to) => to.hash !== '#main')
      .map((to) => [to.pathname + to.hash, to.searchParams.get('vhost')]));
    assert.ok(links.length > 3);
    assert.deepEqual(links.filter(([, vhost]) => vhost !== 'film.localhost'), [], `links of ${at} that lead to another virtual host`);
  }
}

// SRT tells a server no host: the address names the virtual host.
async function vhostAddresses({ page }, { port, srt }) {
  await page.goto(`http://film.localhost:${port}/`);
  const url = await page.locator('[data-recipe=publish-srt] input').inputValue();
  assert.equal(url, `srt://film.localhost:${srt}?streamid=#!::h=film.localhost,r=live/livestream,m=publish`);
}

// A stream is played by what its own virtual host has, whichever one the page is of.
async function vhostRows(s, { page }, { port, origin }) {
  const waiting = new AbortController();
  const waits = fetch(`${origin}/live/livestream.flv?vhost=film.localhost`, { signal: waiting.signal }).catch(() => {});
  await (await s.open(`http://live.localhost:${port}/players/whep.html?autostart=true`)).reaches('waiting');
  const linked = [
    ['film.localhost', ['FLV', 'WS-FLV', 'TS'].map((way) => `${way} film.localhost`).join(', '), 'HTTP-FLV, HTTP-TS, Sound alone, RTMP, SRT'],
    ['live.localhost', 'Watch live.localhost', 'WHEP, RTMP'],
  ];
  for (const at of ['live.localhost', 'film.localhost']) {
    await page.goto(`http://${at}:${port}/`);
    await until('both streams have their links', async () => await page.locator('#rows > li:has(a)').count() === 2);
    assert.deepEqual(await page.evaluate(rows), linked, `the rows at ${at}`);
  }
  await vhostUnknown(page, linked);
  waiting.abort();
  await waits;
}

// rows runs in the front page and tells of each row the virtual host, the links, and the addresses.
function rows() {
  return [...document.querySelectorAll('#rows > li')].map((row) => [
    row.querySelector('b').textContent.split('/')[0],
    [...row.querySelectorAll('a')].map((a) => `${a.textContent} ${new URL(a.href).searchParams.get('vhost')}`).join(', '),
    [...row.querySelectorAll('.more .between > :first-child')].map((name) => name.textContent).join(', '),
  ]).sort();
}

// Streams are listed while nobody tells what their virtual host has; the page knows of its own one.
async function vhostUnknown(page, [film, live]) {
  let fail;
  let failed = false;
  const failing = new Promise((done) => { fail = done; });
  await page.route('**/players/services.json*', async (route) => {
    if (failed) return route.continue();
    await failing;
    return route.fulfill({ status: 503 });
  });
  await page.reload();
  await until('both streams are listed', async () => await page.locator('#rows > li').count() === 2);
  assert.deepEqual(await page.evaluate(rows), [film, [live[0], '', '']], 'while the answer is under way');
  failed = true;
  fail();
  await until('the page has asked again', async () => await page.locator('#rows > li:has(a)').count() === 2);
  assert.deepEqual(await page.evaluate(rows), [film, live]);
}
