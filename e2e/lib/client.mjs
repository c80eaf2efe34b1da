// One player page in the browser: what it says, and what its connection measures.

import assert from 'node:assert/strict';
import { until } from './until.mjs';

// facts runs in the page and makes plain numbers of getStats.
async function facts() {
  const { pc, call } = window.oneport;
  if (!pc) return { state: call.state, video: {}, audio: {} };
  const report = await pc.getStats();
  const all = [...report.values()];
  const transport = all.find((s) => s.type === 'transport') ?? {};
  const pair = report.get(transport.selectedCandidatePairId) ?? all.find((s) => s.type === 'candidate-pair' && s.selected);
  const direction = document.body.dataset.role === 'publish' ? 'outbound-rtp' : 'inbound-rtp';
  const track = (kind) => {
    const rtp = all.find((s) => s.type === direction && s.kind === kind) ?? {};
    return { ...rtp, codec: report.get(rtp.codecId)?.mimeType?.split('/')[1] };
  };
  return {
    state: call.state,
    restarts: call.restarts,
    renewals: call.renewals,
    connection: pc.connectionState,
    dtls: transport.dtlsState,
    cipher: transport.srtpCipher,
    pair: pair && { ...pair, local: report.get(pair.localCandidateId), remote: report.get(pair.remoteCandidateId) },
    video: track('video'),
    audio: track('audio'),
  };
}

// picture runs in the page and tells what is on the screen, small and coarse.
function picture() {
  const video = document.getElementById('video');
  if (!video.videoWidth) return null;
  const canvas = new OffscreenCanvas(32, 18);
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 32, 18);
  return Array.from(context.getImageData(0, 0, 32, 18).data, (v) => v >> 4);
}

export class Client {
  page;
  requests = []; // "POST /rtc/v1/whip/?…" and so on: what went to the session API.
  failures = []; // Errors that no page may have.

  constructor(page) {
    this.page = page;
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url());
      if (pathname.startsWith('/rtc/')) this.requests.push(`${request.method()} ${pathname}${search}`);
    });
    page.on('pageerror', (error) => this.failures.push(String(error.stack ?? error)));
  }

  facts() { return this.page.evaluate(facts); }

  count(method) { return this.requests.filter((r) => r.startsWith(`${method} `)).length; }

  start() { return this.page.getByTestId('start').click(); }
  stop() { return this.page.getByTestId('stop').click(); }

  // reaches waits for a state: idle, connecting, live, waiting, reconnecting, failed.
  async reaches(state, options) {
    const element = this.page.getByTestId('state');
    await until(`the page is ${state}`, async () => {
      const now = await element.getAttribute('data-state');
      if (now === 'failed' && state !== 'failed') throw new Error(await this.error());
      return now === state;
    }, options);
  }

  error() { return this.page.getByTestId('error').innerText(); }

  // rises waits until a figure is higher than it is now by at least that much.
  async rises(kind, name, by, options) {
    const from = (await this.facts())[kind][name] ?? 0;
    return until(`${kind} ${name} rises from ${from} by ${by}`, async () => {
      const now = (await this.facts())[kind][name];
      return now >= from + by && now;
    }, options);
  }

  // plays waits until pictures and sound are decoded and the picture moves.
  async plays(options) {
    await this.rises('video', 'framesDecoded', 20, options);
    await this.rises('audio', 'totalSamplesReceived', 24_000, options); // Half a second.
    await this.moves();
  }

  // moves waits until the picture on the screen is another one. The camera's
  // test picture has more than one colour; an empty one has not.
  async moves() {
    const first = await until('a picture is there', () => this.page.evaluate(picture));
    assert.ok(new Set(first).size > 3, 'the picture has several colours');
    await this.#changes(first);
  }

  // turns is moves where the camera's picture is of one colour, and then of another.
  async turns() { await this.#changes(await until('a picture is there', () => this.page.evaluate(picture))); }

  async #changes(first) {
    await until('the picture changes', async () => {
      const next = await this.page.evaluate(picture);
      return next.some((v, i) => v !== first[i]);
    });
  }

  // sends waits until a publisher's frames leave it.
  sends(options) { return this.rises('video', 'framesEncoded', 20, options); }
}
