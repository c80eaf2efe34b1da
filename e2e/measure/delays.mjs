// Measures how long the first picture takes, and how far behind viewers are: the table of docs/performance.md. It takes about ten
// minutes; names of ways as arguments measure these alone.

import { loadavg } from 'node:os';
import { launch } from '../lib/browser.mjs';
import { Client } from '../lib/client.mjs';
import { Server, freePort } from '../lib/server.mjs';
import { median, until } from '../lib/until.mjs';
import { Camera, Encoder } from './filming.mjs';
import { Player, Reader, Screen, pause } from './screens.mjs';

const [fresh, again] = [5, 6]; // times that the first picture is waited for
const [warm, long] = [5000, 10_000]; // ms that are watched before and while pictures are counted

const page = (file, way) => ({ view: ({ origin }, open) => Screen.open(`${origin}/players/${file}`, open, { way }), page: true });
const player = (address) => ({ view: async (server) => new Player(address(server)) });

// ways are what is played by what, of the server of that name.
const ways = [
  { id: 'webrtc', title: 'WebRTC', server: 'plain', ...page('whep.html?stream=film') },
  { id: 'flv', title: 'HTTP-FLV', server: 'plain', ...page('srs_player.html?stream=film.flv') },
  { id: 'ws-flv', title: 'FLV by WebSocket', server: 'plain', ...page('srs_player.html?stream=film.flv', 'ws-flv') },
  { id: 'ts', title: 'HTTP-TS', server: 'plain', ...page('srs_player.html?stream=film.ts') },
  { id: 'hls', title: 'HLS, MPEG-TS', server: 'plain', ...page('srs_player.html?stream=film.m3u8') },
  { id: 'hls-mp4', title: 'HLS, fMP4', server: 'mp4', ...page('srs_player.html?stream=film.m3u8') },
  { id: 'll-hls', title: 'LL-HLS', server: 'low', ...page('srs_player.html?stream=film.m3u8') },
  { id: 'dash', title: 'DASH, reader', server: 'plain', view: async ({ origin }) => new Reader(`${origin}/live/film.mpd`) },
  { id: 'rtmp', title: 'RTMP, ffmpeg', server: 'plain', ...player(({ port }) => `rtmp://127.0.0.1:${port}/live/film`) },
  { id: 'srt', title: 'SRT, ffmpeg', server: 'plain', ...player(({ srt }) => `srt://127.0.0.1:${srt}?streamid=#!::r=live/film,m=request`) },
  { id: 'flv-ffmpeg', title: 'HTTP-FLV, ffmpeg', server: 'plain', ...player(({ origin }) => `${origin}/live/film.flv`) },
  { id: 'ts-ffmpeg', title: 'HTTP-TS, ffmpeg', server: 'plain', ...player(({ origin }) => `${origin}/live/film.ts`) },
];

const settings = { plain: {}, mp4: { SRS_VHOST_HLS_HLS_USE_FMP4: 'on' }, low: { SRS_VHOST_HLS_HLS_LOW_LATENCY: 'on' } };

const asked = process.argv.slice(2);
const wanted = ways.filter(({ id }) => asked.length === 0 || asked.includes(id));
const rows = new Map(wanted.map((way) => [way, { first: '', fresh: '', again: '', behind: [] }]));

// inBrowser does something with a browser of its own, whose pages open() opens in windows of their own.
async function inBrowser(what) {
  const browser = await launch();
  try {
    return await what(async (url, script) => {
      const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
      const client = new Client(await context.newPage());
      await client.page.addInitScript(script);
      await client.page.goto(url, { waitUntil: 'networkidle' });
      return client;
    });
  } finally {
    await browser.close();
  }
}

const anyTime = () => pause(2000 * Math.random()); // from the keyframe before it on

const ms = (n) => Math.round(n).toLocaleString('en');
const middle = (all) => `${ms(median(all))} (${ms(Math.min(...all))}-${ms(Math.max(...all))})`;

// firsts are how long the first picture takes: for the stream's first viewer and others in browsers that were just started, then in a
// page that has played before. Of a program, each is a process of its own.
async function firsts(way, server) {
  const row = rows.get(way);
  const once = (open) => way.view(server, open).then(async (viewer) => {
    await anyTime();
    return { viewer, took: await viewer.first() };
  });
  const alone = async (open) => {
    const { viewer, took } = await once(open);
    await viewer.close();
    return took;
  };
  const times = [];
  while (times.length <= fresh) times.push(await (way.page ? inBrowser(alone) : alone()));
  row.first = ms(times.shift());
  row.fresh = middle(times);
  if (!way.page) return;
  const repeated = await inBrowser(async (open) => {
    const { viewer } = await once(open);
    const all = [];
    while (all.length < again) {
      await viewer.rest();
      await anyTime();
      all.push(await viewer.first());
    }
    return all;
  });
  row.again = middle(repeated);
}

// behind is how old the pictures are that are seen.
async function behind(way, server, publisher) {
  const seen = await inBrowser(async (open) => {
    const viewer = await way.view(server, open);
    const pictures = await viewer.pictures(warm, way.id === 'dash' ? 2 * long : long);
    await viewer.close();
    return pictures;
  });
  const cell = summary(await publisher.times(), seen);
  rows.get(way).behind.push(cell);
  console.error(`${way.title}, of ${publisher.name}: ${cell}; load average ${loadavg()[0].toFixed(2)}`);
}

function summary(filmed, seen) {
  const ages = seen.map(({ n, at }) => filmed.age(n, at)).filter((age) => age !== undefined);
  if (ages.length < seen.length / 2 || ages.length < 3) throw new Error(`${ages.length} of ${seen.length} pictures could be read`);
  return `${ms(median(ages))} / ${ms(Math.max(...ages))}`;
}

async function published(server) {
  await until('it is published', async () => (await server.clients()).some((c) => c.publish && c.packets > 100));
}

// measure measures all that one server is for.
async function measure(name) {
  const mine = wanted.filter((way) => way.server === name);
  if (mine.length === 0) return;
  const srt = await freePort();
  const server = await Server.start({ add: { SRS_SRT_SERVER_ENABLED: 'on', SRS_SRT_SERVER_LISTEN: srt, ...settings[name] } });
  server.srt = srt;
  const encoder = new Encoder(`rtmp://127.0.0.1:${server.port}/live/film`);
  await published(server);
  for (const way of mine) {
    await firsts(way, server);
    const { first, fresh, again } = rows.get(way);
    console.error(`${way.title}, first picture: ${first}; ${fresh}; ${again}; load average ${loadavg()[0].toFixed(2)}`);
    await behind(way, server, encoder);
  }
  await encoder.stop();
  await inBrowser(async (open) => {
    const camera = await Camera.start(server, 'film', open);
    await published(server);
    for (const way of mine) await behind(way, server, camera);
    await camera.stop();
  });
  await server.stop();
}

// floor is how far behind the same player is that gets what the same encoder makes by a pipe.
async function floor() {
  const encoder = new Encoder('pipe:1');
  const player = new Player('pipe:0', encoder.output);
  const seen = await player.pictures(warm, long);
  await player.close();
  await encoder.stop();
  return summary(await encoder.times(), seen);
}

const before = loadavg();
const least = await floor();
for (const name of Object.keys(settings)) await measure(name);

const load = (all) => all.map((n) => n.toFixed(2)).join(' ');
console.log(`Load average before: ${load(before)}; after: ${load(loadavg())}.
Encoder to player by a pipe, with no server between: ${least}.

| by | first picture: the stream's first viewer, ms | other fresh ones | again | behind an RTMP publisher, ms | behind a WebRTC publisher, ms |
|---|---|---|---|---|---|`);
for (const [{ title }, { first, fresh, again, behind }] of rows) console.log(`| ${[title, first, fresh, again || '-', ...behind].join(' | ')} |`);
