// The page that plays FLV, MPEG-TS and HLS: srs_player.html.

import { playLink, playURL, playedStream, recognise } from './address.js';
import { $, copy, copyButtons, homeLinks, make, setText } from './dom.js';
import { prepare } from './engines.js';
import * as format from './format.js';
import { figure, onPress, showBadges, showError, showState, swapButtons } from './panel.js';
import { Playback } from './playback.js';
import { pauseText } from './playerrors.js';
import { History, Plot, lines } from './plot.js';
import { home, pageLink, parseQuery, positive, settings } from './query.js';
import { Sound } from './sound.js';
import { players } from './ways.js';

const video = $('video');
const sound = new Sound(video, { l: $('live') });
const here = settings(location.search, home(location, document.body.dataset.apiPort));
const services = JSON.parse(document.body.dataset.services);
const history = new History();
const plot = new Plot($('plot'), history, lines.latency);
const playback = new Playback({
  video, changed: show, play: () => sound.play(),
  buffer: positive(parseQuery(location.search), 'buffer'),
});
let lastSample = 0;
window.oneport = { playback, get stats() { return playback.stats; }, get rates() { return playback.rates; } };

const words = { idle: 'Ready', connecting: 'Connecting', live: 'Live', waiting: 'Waiting for the stream', reconnecting: 'Reconnecting', failed: 'Failed' };

const address = () => $('url').value.trim();
const watchLink = () => new URL(playLink('srs_player.html', address(), location), location.href).href;

function start() {
  if (playback.active) return;
  history.clear();
  plot.draw(performance.now());
  sound.begin();
  playback.start(address());
}

function stateText({ state, hadMedia, error }) {
  if (state === 'waiting' && hadMedia) return 'Publisher paused or left; waiting';
  if (state === 'failed' && error) return error.title;
  return words[state];
}

function posterText({ state, hadMedia, cause, error }) {
  switch (state) {
    case 'connecting': return 'Connecting…';
    case 'waiting':
    case 'reconnecting': return pauseText(state, cause, hadMedia);
    case 'failed': return error?.title ?? 'Failed';
    default: return 'The stream appears here';
  }
}

function show() {
  const { active, state, stats, since } = playback;
  $('state').dataset.state = state;
  showState(stateText(playback), state === 'reconnecting' && playback.retryIn > 1000 ? playback.retryIn : 0);
  swapButtons(active);
  $('poster').classList.toggle('ready', !active);
  $('screen').classList.toggle('busy', active && state !== 'live');
  $('screen').classList.toggle('empty', !active || video.readyState < 2);
  setText($('poster-text'), posterText(playback));
  $('sound').hidden ||= !active;
  showBadges({ active, since, state, width: stats?.width, height: stats?.height });
  showError(playback.error);
  showFigures(playback);
  sample();
}

function showFigures({ active, kind, stats, rates, renewals, freezes }) {
  const behind = stats?.latency / 1000;
  figure('latency', format.seconds(behind));
  figure('buffer', format.seconds(stats?.ahead));
  figure('bitrate', format.bitrate(rates?.kbps));
  figure('dropped', stats?.frames ? `${stats.dropped} (${format.percent((stats.dropped / stats.frames) * 100)})` : '');
  figure('transport', kind?.name);
  $('transport').dataset.protocol = active && kind?.name ? 'tcp' : '';
  figure('remote', kind?.host);
  figure('speed', stats && playback.state === 'live' ? `${format.percent(stats.rate * 100)}` : '');
  figure('freezes', active ? String(freezes) : '');
  figure('recoveries', active ? (renewals ? String(renewals) : 'none') : '');
  figure('codec', format.mime(stats?.codecs.video));
  figure('resolution', stats?.height ? `${stats.width} × ${stats.height}` : '');
  figure('fps', stats?.frames ? format.frames(rates?.fps) : '');
  figure('audio-codec', format.mime(stats?.codecs.audio));
  $('live').disabled = !active || !stats?.frames;
  $('live').classList.toggle('late', behind > 3);
}

function sample() {
  const now = performance.now();
  if (!playback.active || now - lastSample < 500) return;
  lastSample = now;
  const { rates, stats, state, since } = playback;
  if (since) history.push({ at: now, kbps: rates?.kbps ?? 0, latency: stats?.latency ?? 0, broken: state !== 'live' });
  plot.draw(now);
  $('plot').setAttribute('aria-label', `Last minute: now ${format.bitrate(rates?.kbps)}, ${format.milliseconds(stats?.latency)} behind`);
}

// ways offers the same stream by everything that the server has.
function ways(stream) {
  const chosen = recognise(address());
  const own = new URL(location.href);
  const list = players(services, { ...here, ...stream }, own).map(({ id, name, page, url }) => {
    const link = page === 'whep.html' ? pageLink(page, here, stream) : playLink(page, url, own);
    const item = make('a', { class: 'way', href: link, 'data-way': id }, name);
    const format = id === 'ws-flv' ? 'flv' : id;
    if (chosen.format === format && chosen.socket === (id === 'ws-flv')) item.setAttribute('aria-current', 'true');
    if (url) item.addEventListener('click', (event) => choose(event, url));
    return item;
  });
  $('ways').hidden = list.length < 2;
  $('ways').replaceChildren(...list);
}

// choose plays another way in place, with the parameters the address has.
function choose(event, url) {
  event.preventDefault();
  const query = address().split(/\?(.*)/s)[1];
  const active = playback.active;
  playback.stop();
  $('url').value = query && !url.includes('?') ? `${url}?${query}` : url;
  named();
  if (active || playback.state === 'failed') start();
}

// named keeps everything that names the stream in step with the address.
function named() {
  const stream = playedStream(address()) ?? { app: here.app, stream: here.stream, vhost: here.vhost };
  setText($('stream'), `${stream.vhost && stream.vhost !== '__defaultVhost__' ? `${stream.vhost}/` : ''}${stream.app}/${stream.stream}`);
  document.title = `${stream.stream} · Watch · oneport`;
  $('watch-link').value = watchLink();
  homeLinks(stream.vhost);
  for (const link of document.querySelectorAll('[data-keep]')) {
    link.href = pageLink(link.getAttribute('href').split('?')[0], here, stream).replace('autostart=true&', '');
  }
  ways(stream);
}

$('url').value = playURL(location.search, location);
copyButtons();
onPress($('start'), start);
onPress($('stop'), () => playback.stop());
$('poster').addEventListener('click', start);
$('live').addEventListener('click', () => playback.jump());
$('share').addEventListener('click', () => copy(watchLink(), $('watch-link')));
$('url').addEventListener('input', named);
$('url').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return;
  playback.stop();
  start();
});
video.addEventListener('loadeddata', show);
addEventListener('online', () => playback.hurry());
addEventListener('pagehide', () => playback.stop());
named();
show();

if (here.autostart) start();
else prepare(recognise(address()));
