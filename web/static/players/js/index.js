// The front page: two buttons, the live streams, and addresses to copy.

import { playLink } from './address.js';
import { $, copyable, homeLinks, icon, make, setText } from './dom.js';
import { bitrate, clock } from './format.js';
import { formatQuery, home, listedStream, pageLink, settings } from './query.js';
import { has, players, publishing, watching } from './ways.js';

const services = JSON.parse(document.body.dataset.services);
const here = settings(location.search, home(location, document.body.dataset.apiPort));
const refreshEvery = 2000;

// named is what the two fields say, as page settings.
function named() {
  return { ...here, app: $('app').value.trim() || 'live', stream: $('name').value.trim() || 'livestream' };
}

const absolute = (path) => new URL(path, location.href).href;

// watchPage is a link to the page that plays a stream in the quickest way there is, or ''.
function watchPage(s) {
  const [quickest] = players(services, s, location);
  if (!quickest) return '';
  const page = `players/${quickest.page}`;
  return quickest.url ? playLink(page, quickest.url, location) : pageLink(page, here, s);
}

// mediaPage is a link to the page that plays from beside itself: where the API is does not matter there.
function mediaPage(page, { app, stream, vhost }) {
  return `players/${page}?${formatQuery([['app', app], ['stream', stream], ...(vhost ? [['vhost', vhost]] : [])])}`;
}

function links() {
  const s = named();
  const watch = watchPage(s);
  $('publish')?.setAttribute('href', pageLink('players/whip.html', s, s));
  $('watch')?.setAttribute('href', watch);
  for (const link of document.querySelectorAll('[data-page]')) {
    const { page, needs } = link.dataset;
    link.href = page === 'srs_player.html' ? mediaPage(page, s) : pageLink(`players/${page}`, s, s).replace('autostart=true&', '');
    link.hidden = !needs.split(' ').some((name) => has(services, name));
  }
  $('publishing').replaceChildren(...publishing(services, s, location).map(({ id, name, fields }) =>
    make('div', { class: 'recipe', 'data-recipe': id }, make('h3', {}, name), ...fields.map(([label, text]) => copyable(label, text)))));
  $('watching').replaceChildren(
    ...(watch ? [copyable('Page for viewers', absolute(watch), 'any browser')] : []),
    ...watching(services, s, location).map(({ name, url, hint }) => copyable(name, url, hint)));
}

function insecure() {
  if (window.isSecureContext || !has(services, 'webrtc')) return;
  const port = location.port ? `:${location.port}` : '';
  $('insecure').hidden = false;
  setText($('insecure'), `Watching works here. Publishing from this browser does not, because browsers give the camera only to pages from localhost or by HTTPS: open http://localhost${port}/ on the server’s own computer, or https://${location.host}/ on any (if nothing answers there, start the server with SRS_HTTP_SERVER_HTTPS_ENABLED=on). OBS and other software can publish in any case.`);
}

function facts(row) {
  const parts = [];
  if (row.video) parts.push([row.video.codec, row.video.width > 0 ? `${row.video.width} × ${row.video.height}` : ''].filter(Boolean).join(' '));
  if (row.audio) parts.push(row.audio.codec);
  if (row.kbps?.recv_30s > 0) parts.push(bitrate(row.kbps.recv_30s));
  const viewers = Math.max(0, (row.clients ?? 0) - (row.publish?.active ? 1 : 0));
  parts.push(viewers === 1 ? '1 viewer' : `${viewers} viewers`);
  return parts.filter(Boolean).join(' · ');
}

// What each virtual host has. The page was told of the one that its address asks for.
const known = new Map([[here.vhost || here.query.get('domain') || location.hostname, services]]);
const asking = new Set(); // Virtual hosts whose answer is under way.

// learn asks what a virtual host has. Its streams are listed meanwhile, and get their links when the answer comes; where none
// comes, the next look asks again.
async function learn(vhost) {
  if (known.has(vhost) || asking.has(vhost)) return;
  asking.add(vhost);
  const told = await askServices(vhost).catch(() => null);
  asking.delete(vhost);
  if (!told) return;
  known.set(vhost, told);
  update(listed);
}

async function askServices(vhost) {
  const url = `players/services.json?${formatQuery([['vhost', vhost]])}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

// waysOf links every page that can play a stream.
function waysOf(found) {
  const stream = { ...here, ...found };
  return players(found.services, stream, location).filter(({ url }) => url).map(({ id, name, page, url }) =>
    make('a', { class: 'way', href: playLink(`players/${page}`, url, location), 'data-way': id }, name));
}

// more opens the addresses of a stream for other software.
function more(found) {
  const list = make('div', { class: 'addresses more' },
    ...watching(found.services, { ...here, ...found }, location).map(({ name, url, hint }) => copyable(name, url, hint)));
  const button = make('button', { class: 'tool', type: 'button', 'aria-expanded': 'false' }, icon('i-link'), 'Addresses');
  list.hidden = true;
  button.addEventListener('click', () => {
    list.hidden = !list.hidden;
    button.setAttribute('aria-expanded', String(!list.hidden));
  });
  return [button, list];
}

// line is the row of one stream. Rows are kept from one look to the next, so that a button keeps its focus while numbers
// change.
function line({ app, stream, vhost }) {
  return make('li', { 'data-stream': `${app}/${stream}` },
    make('div', { class: 'who' }, make('b', {}, `${vhost ? `${vhost}/` : ''}${app}/${stream}`), make('span', {})),
    make('span', { class: 'live' }, make('i', { class: 'dot', 'aria-hidden': 'true' }), make('span', {})));
}

// playedBy is the rest of a row: a stream is played by what its own virtual host has.
function playedBy(found) {
  const watch = pageLink('players/whep.html', here, found);
  return [
    make('span', { class: 'ways' }, ...waysOf(found)),
    ...(has(found.services, 'webrtc') ? [make('a', { class: 'tool', href: watch }, icon('i-play'), 'Watch')] : []),
    ...more(found)];
}

const lines = new Map();
let listed = []; // The rows of the API's list, as it was last read.

// find tells the stream of a row of the API's list, and what there is to play it by once that is known.
function find(row) {
  const named = listedStream(row);
  const vhost = named.vhost || '__defaultVhost__';
  learn(vhost);
  return { ...named, services: known.get(vhost) };
}

function update(list) {
  listed = list;
  const seen = new Set();
  for (const row of list) {
    const found = find(row);
    const key = `${found.vhost}/${found.app}/${found.stream}`;
    seen.add(key);
    if (!lines.has(key)) {
      lines.set(key, line(found));
      $('rows').append(lines.get(key));
    }
    const element = lines.get(key);
    if (found.services && !element.querySelector('.ways')) element.append(...playedBy(found));
    setText(element.querySelector('.who span'), facts(row));
    const active = Boolean(row.publish?.active);
    element.querySelector('.live').classList.toggle('off', !active);
    const started = row.live_ms > 0 ? clock(Date.now() - row.live_ms) : '';
    setText(element.querySelector('.live span'), active ? `Live ${started}` : 'Waiting');
  }
  for (const [key, element] of lines) {
    if (seen.has(key)) continue;
    element.remove();
    lines.delete(key);
  }
}

function say(title, text, note) {
  $('nothing').hidden = !title;
  setText($('nothing-title'), title);
  setText($('nothing-text'), text);
  setText($('streams-note'), note);
}

async function refresh() {
  try {
    const response = await fetch(`${here.origin}/api/v1/streams/?count=100`, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (!response.ok) return say('The list is not available', `The API answered with status ${response.status}.`, '');
    const reply = await response.json();
    const rows = Array.isArray(reply.streams) ? reply.streams : [];
    update(rows);
    const live = rows.filter((row) => row.publish?.active).length;
    if (rows.length) say('', '', `${live} live`);
    else say('Nothing is live yet', `${$('publish') ? 'Publish your camera with the button above' : 'Publish with OBS or ffmpeg, as shown below'}: it appears here.`, '');
  } catch {
    update([]);
    say('The API does not answer', `Is the server at ${here.origin} running?`, 'Trying again…');
  }
}

async function watchStreams() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, refreshEvery));
  }
}

// carried names what passes through the page's own port besides.
function carried() {
  const names = { rtmp: 'RTMP', flv: 'FLV', hls: 'HLS' };
  const list = Object.keys(names).filter((name) => has(services, name) && !has(services, name).port).map((name) => names[name]);
  if (list.length === 0) return;
  if ($('carried')) setText($('carried'), [...new Set([list[0], list.at(-1)])].join(' · ')); // There is room for two.
  setText($('others'), `, ${list.join(', ')}`);
}

homeLinks(here.vhost);
carried();
setText($('here'), location.host || 'one address');
if ($('core')) setText($('core'), location.port || (location.protocol === 'https:' ? '443' : '80'));
for (const id of ['app', 'name']) $(id).addEventListener('input', links);
$('starter').addEventListener('submit', (event) => {
  event.preventDefault();
  const first = $('publish') ?? $('watch');
  if (first) location.href = first.href;
});
links();
insecure();
watchStreams();
