// What srs_player.html plays, and what it says of it.

import { tones } from './film.mjs';
import { beep, hears, numbered } from './senses.mjs';
import { until } from './until.mjs';

// camera is how whip.html's address ends where a browser publishes what every way of playing can carry.
export const camera = 'autostart=true&codec=h264&width=640&height=360&bitrate=800';

// played runs in the page: what has been decoded and what the page says of it.
function played() {
  const video = document.getElementById('video');
  const { playback, stats } = window.oneport;
  return {
    state: playback.state, error: playback.error, way: playback.kind?.name, stats, renewals: playback.renewals,
    time: video.currentTime, paused: video.paused, muted: video.muted,
    frames: video.getVideoPlaybackQuality().totalVideoFrames, sound: video.webkitAudioDecodedByteCount,
  };
}

export const look = (viewer) => viewer.page.evaluate(played);
export const text = (viewer, id) => viewer.page.getByTestId(id).innerText();

// plays waits until pictures and sound are decoded, the picture on the screen changes, and the sound is what was sent: one of the
// tones, by default the fake microphone's. Of the film, each picture is looked at. picture is false where there is none.
export async function plays(viewer, { tones = [beep], film = false, picture = true } = {}) {
  await viewer.reaches('live');
  const from = await look(viewer);
  const now = await until('pictures and sound are decoded', async () => {
    const p = await look(viewer);
    return p.frames >= from.frames + (picture ? 20 : 0) && p.sound >= from.sound + 2000 && p.time > from.time + 0.5 && p;
  });
  if (film) await numbered(viewer);
  else if (picture) await viewer.moves();
  await hears(viewer, tones);
  return now;
}

// screens opens a page for each of the ways that a publisher of the film is played, and asserts of all at once that what was sent
// is seen and heard there.
export async function screens(s, server, publisher, ways) {
  const want = { tones: tones.slice(0, publisher.audio.channels), film: Boolean(publisher.video), picture: Boolean(publisher.video) };
  return Promise.all(ways.map(async (way) => {
    const viewer = await s.open(`${server.origin}/players/srs_player.html?autostart=true&stream=${publisher.id}.${way}`);
    await plays(viewer, want);
    s.figure(`srs_player, ${publisher.title} by ${await text(viewer, 'transport')}: ${await text(viewer, 'latency')} behind`);
    return viewer;
  }));
}

// files are the endings of what a page has asked for, such as m3u8 and m4s.
export const files = (viewer) => viewer.page.evaluate(() => [...new Set(performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname.split('.').at(-1)))]);

// plotted runs in the page: how many pixels of the plot have the colour of each line, and what they are, put together.
function plotted() {
  const canvas = document.getElementById('plot');
  const style = getComputedStyle(canvas);
  const pen = new OffscreenCanvas(1, 1).getContext('2d');
  const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const lines = ['rate', 'fps'].map((name) => {
    pen.fillStyle = style.getPropertyValue(`--${name}`);
    pen.fillRect(0, 0, 1, 1);
    const colour = pen.getImageData(0, 0, 1, 1).data;
    const found = [];
    for (let i = 0; i < all.length; i += 4) if (all[i + 3] > 200 && [0, 1, 2].every((k) => Math.abs(all[i + k] - colour[k]) < 8)) found.push(i / 4);
    return found;
  });
  return { lines: lines.map((found) => found.length), drawn: lines.join(';') };
}

// plots waits until both lines of the plot are drawn, and are drawn anew.
export async function plots(viewer) {
  const first = await until('both lines are drawn', async () => {
    const now = await viewer.page.evaluate(plotted);
    if (now.lines.every((pixels) => pixels > 10)) return now;
    throw new Error(`${now.lines} pixels`);
  });
  await until('the plot goes on', async () => (await viewer.page.evaluate(plotted)).drawn !== first.drawn);
}

// plain waits until the plot has no line: nothing has been played.
export const plain = (viewer) => until('no line is drawn', async () => (await viewer.page.evaluate(plotted)).lines.every((pixels) => pixels === 0));

// near waits until the buffer is as small as a live one is, and the picture as many ms behind at most.
export const near = (viewer, most, behind = Infinity) => until(`less than ${most} s are ahead, and the picture less than ${behind} ms behind`, async () => {
  const p = await look(viewer);
  if (p.state === 'live' && p.stats.ahead < most && p.stats.latency < behind) return p;
  throw new Error(`${p.state}, ${p.stats?.ahead} s ahead, ${p.stats?.latency} ms behind`);
});
