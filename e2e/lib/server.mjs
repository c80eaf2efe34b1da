// The real binary, started on a free port and stopped by a signal.

import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folder } from './folder.mjs';
import { until } from './until.mjs';

const stopLimit = 3000; // ms from SIGTERM to the exit: what the product promises.

const repository = new URL('../..', import.meta.url).pathname;

let built = '';

// binary is $ONEPORT_BIN, or is built once for this process.
function binary() {
  if (process.env.ONEPORT_BIN) return process.env.ONEPORT_BIN;
  if (!built) {
    const path = join(folder(), 'oneport');
    execFileSync('go', ['build', '-o', path, '.'], { cwd: repository, env: { ...process.env, CGO_ENABLED: '0' }, stdio: 'inherit' });
    built = path;
  }
  return built;
}

// freePort finds one that is free for TCP and UDP alike. It is none of those that systems give to whoever connects: one of these is
// soon somebody else's.
export async function freePort() {
  for (;;) {
    const port = 11_000 + Math.floor(Math.random() * 21_000);
    const tcp = createServer();
    const udp = createSocket('udp6');
    const free = await Promise.all([
      new Promise((done) => tcp.once('error', () => done(false)).listen(port, '::', () => done(true))),
      new Promise((done) => udp.once('error', () => done(false)).bind(port, () => done(true))),
    ]);
    await Promise.all([free[0] && new Promise((done) => tcp.close(done)), new Promise((done) => udp.close(done))]);
    if (free.every(Boolean)) return port;
  }
}

// onOnePort is the environment that moves every service to one port.
function onOnePort(port) {
  return {
    SRS_LISTEN: 'shared', SRS_HTTP_API_LISTEN: port, SRS_HTTP_SERVER_LISTEN: port,
    SRS_RTC_SERVER_LISTEN: port, SRS_RTC_SERVER_TCP_LISTEN: port,
    SRS_SRT_SERVER_ENABLED: 'off', // it would need a UDP port of its own
  };
}

// Server is one process. Its log is kept as lines.
export class Server {
  port;
  lines = [];
  #process;
  #exit;
  #network;

  // start waits until the API answers.
  //   port     default: a free one, with every service on it
  //   env      in place of the environment that puts every service on port
  //   add      on top of it
  //   args     such as ['-c', file]
  //   network  a Network (see netns.mjs) to run in
  static async start({ port, env, add = {}, args = [], network = null } = {}) {
    const server = new Server();
    server.port = port ?? await freePort();
    const all = { PATH: process.env.PATH, GOTRACEBACK: 'all', ...(env ?? onOnePort(server.port)), ...add };
    const [command, ...rest] = [...(network?.enter ?? []), binary(), '-debug', ...args];
    server.#network = network;
    server.#process = spawn(command, rest, { cwd: tmpdir(), env: all, stdio: ['ignore', 'pipe', 'pipe'] });
    server.#exit = once(server.#process, 'exit').then(([code, signal]) => ({ code, signal }));
    server.#keep(server.#process.stdout);
    server.#keep(server.#process.stderr);
    try {
      await server.#ready();
    } catch (error) {
      server.#process.kill('SIGKILL');
      throw new Error(`${error.message}\n${server.log}`);
    }
    return server;
  }

  get origin() { return `http://localhost:${this.port}`; }
  get log() { return this.lines.join('\n'); }
  get running() { return this.#process.exitCode === null && this.#process.signalCode === null; }

  #keep(stream) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop();
      this.lines.push(...parts);
    });
  }

  async #ready() {
    await until('the server answers', async () => {
      if (!this.running) return true;
      return (await this.get('/api/v1/versions')).code === 0;
    });
    if (!this.running) throw new Error('the server has ended instead of starting');
  }

  // get asks the API, from within the server's network, and returns the JSON.
  async get(path) {
    const url = `http://127.0.0.1:${this.port}${path}`;
    if (!this.#network) return (await fetch(url, { signal: AbortSignal.timeout(5000) })).json();
    return JSON.parse(this.#network.get(url));
  }

  clients() { return this.get('/api/v1/clients/').then((reply) => reply.clients); }

  // kill ends the process as a crash would: no client is told.
  async kill() {
    this.#process.kill('SIGKILL');
    await this.#exit;
  }

  // stop ends it by the signal that every supervisor sends.
  async stop() {
    if (!this.running) return;
    const begin = performance.now();
    this.#process.kill('SIGTERM');
    const late = setTimeout(() => this.#process.kill('SIGKILL'), stopLimit);
    const { code, signal } = await this.#exit;
    clearTimeout(late);
    assert.deepEqual({ code, signal }, { code: 0, signal: null },
      `the server stops with code 0 within ${stopLimit} ms of SIGTERM (took ${Math.round(performance.now() - begin)} ms)`);
  }

  // events are the log's messages about sessions, in order.
  events() {
    return this.lines.filter((l) => l.includes('session=')).map((line) => ({
      session: /\bsession=(\S+)/.exec(line)[1],
      what: /\bmsg="([^"]*)"/.exec(line)?.[1] ?? /\bmsg=(\S+)/.exec(line)?.[1],
      transport: /\btransport=(\S+)/.exec(line)?.[1],
      role: /\brole=(\S+)/.exec(line)?.[1],
      line,
    }));
  }
}
