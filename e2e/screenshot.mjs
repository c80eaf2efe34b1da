// Makes the README's picture, docs/screenshot.png: node e2e/screenshot.mjs

import { once } from 'node:events';
import { launch } from './lib/browser.mjs';
import { Client } from './lib/client.mjs';
import { Network } from './lib/netns.mjs';
import { Server } from './lib/server.mjs';
import { landscape } from './lib/y4m.mjs';

const seconds = 62; // The plot shows the last minute.

async function open(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, colorScheme: 'light' });
  const client = new Client(await context.newPage());
  await client.page.goto(url);
  await client.reaches('live');
  return client;
}

const network = await Network.open();
const server = await Server.start({ network, port: 8080, env: { SRS_RTC_SERVER_PROTOCOL: 'tcp' } });
const browser = await launch({ network, args: [landscape()] });
await open(browser, 'http://localhost:8080/players/whip.html?autostart=true&width=1280&height=720&bitrate=2500');
const viewer = await open(browser, 'http://localhost:8080/players/whep.html?autostart=true');
await viewer.plays();
await once(AbortSignal.timeout(seconds * 1000), 'abort');
await viewer.page.screenshot({ path: new URL('../docs/screenshot.png', import.meta.url).pathname });
await browser.close();
await server.stop();
await network.close();
