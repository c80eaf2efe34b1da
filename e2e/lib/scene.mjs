// A test with its servers, browsers and networks: everything a scene opened is
// closed, and when it fails, it leaves its log and its pages' pictures in out/.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { launch } from './browser.mjs';
import { publishers } from './cells.mjs';
import { Client } from './client.mjs';
import { Films } from './film.mjs';
import { Firefox } from './firefox.mjs';
import { Network } from './netns.mjs';
import { publish } from './publishers.mjs';
import { Server, freePort } from './server.mjs';
import { until } from './until.mjs';

const out = new URL('../out/', import.meta.url).pathname;

// scene is a test whose body gets a Scene.
export function scene(name, body, { timeout = 240_000 } = {}) {
  test(name, { timeout }, async (t) => {
    mkdirSync(out, { recursive: true });
    const s = new Scene(name, t);
    try {
      await body(s);
      s.check();
    } catch (error) {
      await s.evidence(error);
      await s.end().catch(() => {});
      throw error;
    }
    await s.end();
  });
}

class Scene {
  #t;
  #name;
  #servers = [];
  #browsers = [];
  #networks = [];
  #clients = [];
  #sending = [];
  #films;
  #browser;

  constructor(name, t) {
    this.#t = t;
    this.#name = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  }

  async network() {
    const network = await Network.open();
    this.#networks.push(network);
    return network;
  }

  async server(options) {
    const server = await Server.start(options);
    this.#servers.push(server);
    return server;
  }

  // withSRT is a server that takes SRT too, on a port of its own.
  async withSRT({ add, args } = {}) {
    const srt = await freePort();
    const server = await this.server({ add: { SRS_SRT_SERVER_ENABLED: 'on', SRS_SRT_SERVER_LISTEN: srt, ...add }, args });
    return Object.assign(server, { srt });
  }

  // film has an encoder of the matrix (see cells.mjs) send the numbered film to a server, and returns that publisher once it is there.
  async film(server, id) {
    const publisher = publishers.find((p) => p.id === id);
    this.#films ??= new Films();
    this.#sending.push(...await publish(publisher, [server], { films: this.#films }));
    await until(`${id} is published`, async () => (await server.clients()).some((c) => c.publish && c.name === id && c.packets > 0));
    return publisher;
  }

  async browser(options) {
    this.#browser = await launch(options);
    this.#browsers.push(this.#browser);
    return this.#browser;
  }

  async firefox() {
    this.#browser = await Firefox.start();
    this.#browsers.push(this.#browser);
    return this.#browser;
  }

  // open opens a page in a window of its own, of the scene's last browser.
  async open(url, { before, viewport = { width: 1200, height: 800 } } = {}) {
    const browser = this.#browser ?? await this.browser();
    const context = await browser.newContext({ viewport, colorScheme: 'light' });
    const page = await context.newPage();
    if (before) await page.addInitScript(before);
    const client = new Client(page);
    this.#clients.push(client);
    await page.goto(url);
    return client;
  }

  async close(client) {
    await client.page.close({ runBeforeUnload: false });
    await client.page.context().close();
  }

  // figure writes a measured figure to the output and judges nothing.
  figure(text) { this.#t.diagnostic(`measured: ${text}`); }

  // shoot keeps a picture of a page for people to look at.
  async shoot(client, name) {
    await client.page.screenshot({ path: `${out}${name}.png` });
  }

  check() {
    for (const client of this.#clients) assert.deepEqual(client.failures, [], 'no page has an error of its own');
    for (const server of this.#servers) {
      assert.ok(!/\bpanic:|DATA RACE|level=ERROR/.test(server.log), `the server's log is clean:\n${server.log}`);
    }
  }

  // evidence keeps what tells why the scene failed.
  async evidence(error) {
    const stem = `${out}failed-${this.#name}`;
    this.#servers.forEach((server, i) => writeFileSync(`${stem}-${i}.log`, server.log));
    for (const [i, client] of this.#clients.entries()) {
      await client.page.screenshot({ path: `${stem}-${i}.png`, timeout: 5000 }).catch(() => {});
      const told = await client.facts().catch((e) => String(e));
      writeFileSync(`${stem}-${i}.json`, JSON.stringify({ told, requests: client.requests, failures: client.failures }, null, 1));
    }
    error.message += `\n(see ${stem}-*)`;
  }

  async end() {
    for (const browser of this.#browsers) await browser.close();
    const sent = await Promise.allSettled(this.#sending.map((one) => one.stop()));
    this.#films?.remove();
    const stopped = await Promise.allSettled(this.#servers.map((server) => server.stop()));
    for (const network of this.#networks) await network.close();
    for (const s of [...sent, ...stopped]) if (s.status === 'rejected') throw s.reason;
  }
}
