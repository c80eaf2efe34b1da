// What both kinds of player page share: the address, the start and stop
// buttons, and a call's state and figures on the screen.

import { Call } from './call.js';
import { $, copy, copyButtons, homeLinks, setText } from './dom.js';
import * as format from './format.js';
import { figure, onPress, showBadges, showError, showState, swapButtons } from './panel.js';
import { History, Plot } from './plot.js';
import { endpoint, home, jsonEndpoint, settings, streamOf, watchLink, webrtcURL, withParam } from './query.js';
import { JsonSession, WhipSession } from './signal.js';

const stateWords = {
  publish: { idle: 'Ready', connecting: 'Connecting', live: 'Live', waiting: 'Connected', reconnecting: 'Reconnecting', failed: 'Failed' },
  play: { idle: 'Ready', connecting: 'Connecting', live: 'Live', waiting: 'Waiting for the stream', reconnecting: 'Reconnecting', failed: 'Failed' },
};

// Page owns the elements that publish and play pages have in common. hooks:
//   prepare(pc)       see Call
//   begin()           before the call starts; false calls it off, and it may
//                     throw an explanation
//   end()             after it stopped
//   show(call, page)  whatever else the page shows
export class Page {
  role = document.body.dataset.role;
  api = document.body.dataset.api; // whip, whep, publish or play
  #home = home(location, document.body.dataset.apiPort);
  settings = settings(location.search, this.#home);
  call;
  busy = ''; // What happens before there is a call, such as asking for the camera.
  #hooks;
  #history = new History();
  #plot = new Plot($('plot'), this.#history);
  #lastSample = 0;
  #target = ''; // The address of the call that runs: the field may say another by now.
  #linked = null; // The address that everything on the page speaks of.
  #run = 0; // Counts starts and stops; what belongs to an older one is dropped.

  constructor(hooks) {
    this.#hooks = hooks;
    this.call = new Call({
      role: this.role,
      connect: () => this.#connect(),
      prepare: (pc) => hooks.prepare(pc),
      changed: () => this.show(),
    });
    const { call } = this;
    window.oneport = {
      get pc() { return call.pc; },
      get stats() { return call.stats; },
      get rates() { return call.rates; },
      get session() { return call.session; },
      call,
    };
    $('url').value = this.#json ? webrtcURL(this.settings) : endpoint(this.settings, `/rtc/v1/${this.api}/`);
    this.#listen();
    this.show();
  }

  get #json() { return this.api === 'publish' || this.api === 'play'; }
  get #active() { return this.busy !== '' || this.call.active; }

  // address is that of the call, or of the one that would start now.
  get address() { return this.#active ? this.#target : $('url').value.trim(); }

  // asked is the URL that such a call asks the server by, or '' if there is none.
  get asked() { return this.#endpoint(this.address); }

  get stream() {
    const { app, stream, vhost } = streamOf(this.address) ?? this.settings;
    return { app, stream, vhost };
  }

  get watchLink() {
    return new URL(this.#linkTo(this.#json ? 'rtc_player.html' : 'whep.html'), location.href).href;
  }

  #linkTo(page) {
    return watchLink(page, this.address, this.settings, this.#home, this.api);
  }

  async start() {
    if (this.#active) return;
    const run = ++this.#run;
    this.#target = this.address;
    try {
      this.#checkAddress();
      this.call.reset();
      this.#history.clear();
      if (await this.#hooks.begin?.() === false || run !== this.#run) return;
      this.busy = '';
      await this.call.start();
    } catch (error) {
      if (run !== this.#run) return;
      this.busy = '';
      this.call.fail(error);
      this.#hooks.end?.();
    }
  }

  stop(options) {
    this.#run++;
    this.busy = '';
    this.#hooks.end?.();
    this.call.stop(options);
  }

  // go starts what the address says, in place of what runs.
  go() {
    if (this.#active) this.stop();
    return this.start();
  }

  // change sets a parameter of the address, and of the call that runs.
  change(name, value) {
    $('url').value = withParam($('url').value, name, value);
    this.#target = withParam(this.#target, name, value);
    this.show();
    return this.call.redial();
  }

  #endpoint(url) {
    if (this.#json) return jsonEndpoint(url, this.api, this.settings) ?? '';
    return /^https?:\/\/[^/?#]+\//i.test(url) ? url : '';
  }

  #checkAddress() {
    if (this.#endpoint(this.#target)) return;
    const form = this.#json ? 'webrtc://host[:port]/app/stream' : 'http://host[:port]/rtc/v1/…?app=…&stream=…';
    throw { title: 'This address cannot be used', text: `It should read like ${form}`, hints: [] };
  }

  #connect() {
    const options = { bearer: this.settings.bearer, exclusive: this.role === 'publish' };
    const url = this.#endpoint(this.#target);
    return this.#json ? new JsonSession(url, this.#target, options) : new WhipSession(url, options);
  }

  #listen() {
    copyButtons();
    onPress($('start'), () => this.start());
    onPress($('stop'), () => this.stop());
    $('poster').addEventListener('click', () => this.start()); // The large icon looks like a button.
    $('share').addEventListener('click', () => copy(this.watchLink, $('watch-link')));
    $('url').addEventListener('input', () => this.show());
    $('url').addEventListener('keydown', (event) => event.key === 'Enter' && this.go());
    addEventListener('online', () => this.call.hurry());
    // The page goes away, or into the back/forward cache: the session must not.
    addEventListener('pagehide', () => this.call.active && this.stop({ leaving: true }));
  }

  // #links keeps everything that names the stream in step with the address.
  #links() {
    if (this.#linked === this.address) return;
    this.#linked = this.address;
    const { app, stream, vhost } = this.stream;
    setText($('stream'), `${vhost && vhost !== '__defaultVhost__' ? `${vhost}/` : ''}${app}/${stream}`);
    document.title = `${stream} · ${this.role === 'publish' ? 'Publish' : 'Watch'} · oneport`;
    $('watch-link').value = this.watchLink;
    if ($('watch')) $('watch').href = this.watchLink;
    homeLinks(vhost);
    for (const link of document.querySelectorAll('[data-keep]')) {
      const page = link.getAttribute('href').split('?')[0];
      link.href = this.#linkTo(page).replace('autostart=true&', '');
    }
  }

  show() {
    const { call } = this;
    this.#links();
    this.#showState(call);
    showError(call.error);
    this.#showFigures(call);
    this.#sample(call);
    this.#hooks.show?.(call, this);
  }

  #showState(call) {
    const state = this.busy ? 'connecting' : call.state;
    const active = this.#active;
    $('state').dataset.state = state;
    showState(this.busy || this.#stateText(call), call.state === 'reconnecting' ? call.retryIn : 0);
    swapButtons(active);
    $('poster').classList.toggle('ready', !active);
    const flowing = state === 'live' || (this.role === 'publish' && active);
    $('screen').classList.toggle('busy', !flowing && active);
    setText($('poster-text'), this.#posterText(call, state));
    const { width, height } = call.stats?.video ?? {};
    showBadges({ active: call.active, since: call.since, state, width, height });
  }

  #stateText(call) {
    if (call.state === 'waiting' && this.role === 'play' && call.hadMedia) return 'Publisher paused or left; waiting';
    if (call.state === 'failed' && call.error) return call.error.title;
    if (call.state === 'connecting' && call.note) return call.note.replace(/\.$/, '');
    return stateWords[this.role][call.state];
  }

  #posterText(call, state) {
    switch (state) {
      case 'connecting': return this.busy ? `${this.busy}…` : call.note || 'Connecting…';
      case 'waiting': return call.hadMedia ? 'The publisher paused or left. The stream goes on here as soon as it is back.'
        : 'The stream is not live yet. It starts here by itself.';
      case 'reconnecting': return call.note || 'Reconnecting…';
      case 'failed': return call.error?.title ?? 'Failed';
      default: return this.role === 'publish' ? 'The preview appears here' : 'The stream appears here';
    }
  }

  #showFigures({ stats, rates, loss, restarts, renewals, active }) {
    figure('bitrate', format.bitrate(rates?.kbps));
    figure('fps', format.frames(stats?.video ? rates?.fps : undefined));
    figure('rtt', format.milliseconds(stats?.rtt));
    figure('loss', format.percent(loss));
    figure('transport', stats?.protocol?.toUpperCase());
    $('transport').dataset.protocol = stats?.protocol ?? '';
    figure('remote', stats?.remote);
    figure('local', stats?.pair ? stats.local || 'hidden by the browser' : '');
    figure('kind', format.path(stats?.localType));
    figure('cipher', format.cipher(stats?.cipher));
    $('cipher').title = stats?.cipher ?? '';
    figure('recoveries', active ? this.#recoveries(restarts, renewals) : '');
    figure('codec', format.codec(stats?.video));
    figure('resolution', stats?.video?.height ? `${stats.video.width} × ${stats.video.height}` : '');
    figure('audio-codec', format.codec(stats?.audio));
    figure('audio-bitrate', stats?.audio?.codec ? format.bitrate(rates?.audio) : '');
    figure('health', stats?.video ? this.#videoHealth(stats.video) : '');
  }

  #recoveries(restarts, renewals) {
    if (restarts + renewals === 0) return 'none';
    const parts = [[restarts, 'ICE restart'], [renewals, 'new session']].filter(([n]) => n > 0);
    return parts.map(([n, word]) => `${n} ${word}${n > 1 ? 's' : ''}`).join(', ');
  }

  #videoHealth(video) {
    if (this.role === 'play') return String(video.freezes);
    return { none: 'nothing', cpu: 'processor', bandwidth: 'bandwidth', other: 'other' }[video.limitation] ?? '';
  }

  #sample(call) {
    const now = performance.now();
    if (!call.active || now - this.#lastSample < 500) return;
    this.#lastSample = now;
    if (!call.rates && !call.since) return this.#plot.draw(now);
    const rates = call.rates ?? { kbps: 0, fps: 0 };
    this.#history.push({ at: now, kbps: rates.kbps, fps: rates.fps, broken: call.state === 'reconnecting' });
    this.#plot.draw(now);
    $('plot').setAttribute('aria-label', `Last minute: now ${format.bitrate(rates.kbps)} and ${format.frames(rates.fps)}`);
  }
}
