// The matrix: each publisher with all its players at once.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { launch } from './browser.mjs';
import { cell, has, players, publishers, servers as settings } from './cells.mjs';
import { Client } from './client.mjs';
import { program } from './copy.mjs';
import { Films } from './film.mjs';
import { play } from './players.mjs';
import { publish } from './publishers.mjs';
import { Server, freePort } from './server.mjs';
import { until } from './until.mjs';

const out = new URL('../out/', import.meta.url).pathname;

// matrix makes a test of each cell that is wanted. So many publishers are there together.
export function matrix(wanted, { together = 1 } = {}) {
  const rows = mixed(publishers).map((from) => [from, players.filter((to) => has(from, to) && wanted(from, to, cell(from, to)))]).filter(([, to]) => to.length);
  const stage = new Stage();
  describe('the matrix', { concurrency: together }, () => {
    before(() => stage.begin(rows.flatMap(([, to]) => to.map((p) => p.server))), { timeout: 120_000 });
    after(() => stage.end());
    for (const [from, to] of rows) test(from.title, { timeout: 180_000 }, (t) => row(t, stage, from, to));
  });
}

// mixed puts encoders between the browsers: these take turns with the processors, for they encode and draw.
function mixed(all) {
  const [browsers, encoders] = [all.filter((p) => p.by === 'chromium'), all.filter((p) => p.by !== 'chromium')];
  return encoders.flatMap((encoder, i) => [...browsers.slice(i, i + 1), encoder]).concat(browsers.slice(encoders.length));
}

// row plays a publisher's cells, all at once; each is a test of its own.
async function row(t, stage, from, to) {
  const servers = [...new Set(to.map((p) => p.server))].map((name) => stage.servers[name]);
  const sending = await publish(from, servers, stage);
  let results;
  try {
    await Promise.all(servers.map((s) => until(`${from.title} is published`, async () => (await s.clients()).some((c) => c.publish && c.name === from.id && c.packets > 0))));
    results = await Promise.allSettled(to.map((p) => play(from, p, cell(from, p), { server: stage.servers[p.server], open: stage.open })));
  } finally {
    await Promise.all(sending.map((s) => s.stop()));
  }
  for (const [i, result] of results.entries()) {
    await t.test(to[i].title, () => {
      if (result.status === 'rejected') throw stage.evidence(from, to[i], result.reason);
    });
  }
}

// Stage is what all rows share: the servers, the films, and a browser whose microphone hears the tone.
class Stage {
  servers = {};
  films = new Films();
  #browser;
  #failures = [];

  async begin(names) {
    const [wav] = await Promise.all([this.films.wav(), program()]);
    this.#browser = await launch({ args: [`--use-file-for-fake-audio-capture=${wav}`] });
    for (const name of new Set(names)) {
      const srt = await freePort();
      this.servers[name] = await Server.start({ add: { SRS_SRT_SERVER_ENABLED: 'on', SRS_SRT_SERVER_LISTEN: srt, ...settings[name] } });
      this.servers[name].srt = srt;
    }
  }

  // open opens a page in a window of its own; script runs in it before the page's own.
  open = async (url, { script } = {}) => {
    const page = await (await this.#browser.newContext({ viewport: { width: 480, height: 270 } })).newPage(); // A small one, for it is drawn without a GPU.
    if (script) await page.addInitScript(script);
    const client = new Client(page);
    client.failures = this.#failures;
    await page.goto(url);
    return client;
  };

  // evidence keeps what tells why a cell failed.
  evidence(from, to, error) {
    mkdirSync(out, { recursive: true });
    const path = `${out}failed-matrix-${from.id}-${to.id}.log`;
    writeFileSync(path, `${error.stack}\n\n${this.servers[to.server].log}`);
    error.message += `\n(see ${path})`;
    return error;
  }

  async end() {
    await this.#browser?.close();
    this.films.remove();
    await Promise.all(Object.values(this.servers).map((s) => s.stop()));
    assert.deepEqual(this.#failures, [], 'no page has an error of its own');
    for (const { log } of Object.values(this.servers)) assert.ok(!/\bpanic:|DATA RACE|level=ERROR/.test(log), `the server's log is clean:\n${log}`);
  }
}
