// Firefox without a screen, with a camera that shows a test picture, driven by its own protocol, Marionette: JSON behind its length,
// over TCP. Its windows are as much of playwright's pages as Client needs.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.mjs';

const prefs = {
  'marionette.port': 0, // any; MarionetteActivePort in the profile tells which
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.enabled': false,
};

export class Firefox {
  #process;
  #profile = mkdtempSync(join(tmpdir(), 'oneport-firefox-'));
  #socket;
  #input = Buffer.alloc(0);
  #waiting = new Map();
  #last = 0;
  #turn = Promise.resolve(); // one window is spoken to at a time

  static async start() {
    const firefox = new Firefox();
    try {
      await firefox.#start();
    } catch (error) {
      await firefox.close();
      throw error;
    }
    return firefox;
  }

  async #start() {
    const lines = Object.entries(prefs).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
    writeFileSync(join(this.#profile, 'user.js'), lines.join(''));
    this.#process = spawn(process.env.FIREFOX ?? 'firefox-esr', ['--headless', '--no-remote', '--marionette', '--profile', this.#profile], {
      stdio: 'ignore', env: { ...process.env, HOME: this.#profile, MOZ_CRASHREPORTER_DISABLE: '1' },
    });
    const port = await until('Firefox listens', () => {
      if (this.#process.exitCode !== null) throw new Error(`Firefox has ended with ${this.#process.exitCode}`);
      try {
        return Number(readFileSync(join(this.#profile, 'MarionetteActivePort'), 'utf8'));
      } catch {
        return 0;
      }
    });
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('data', (piece) => this.#take(piece));
    this.#socket.on('close', () => { for (const [, no] of this.#waiting.values()) no(new Error('Firefox is gone')); });
    this.#socket.on('error', () => {});
    await this.#do('WebDriver:NewSession', {});
    await this.#do('WebDriver:SetTimeouts', { script: 10_000 });
  }

  // take cuts what comes into messages: [1, id, error, result] is an answer.
  #take(piece) {
    this.#input = Buffer.concat([this.#input, piece]);
    for (;;) {
      const colon = this.#input.indexOf(':');
      const end = colon + 1 + Number(this.#input.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || this.#input.length < end) return;
      const message = JSON.parse(this.#input.subarray(colon + 1, end));
      this.#input = this.#input.subarray(end);
      if (!Array.isArray(message)) continue; // the greeting
      const [, id, error, result] = message;
      const [yes, no] = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) no(new Error(`${error.error}: ${error.message}`));
      else yes(result);
    }
  }

  #do(command, parameters) {
    const id = ++this.#last;
    const text = JSON.stringify([0, id, command, parameters]);
    return new Promise((yes, no) => {
      this.#waiting.set(id, [yes, no]);
      this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  }

  // in does something in a window.
  in(handle, command, parameters) {
    const done = this.#turn.then(async () => {
      await this.#do('WebDriver:SwitchToWindow', { handle, focus: true });
      return this.#do(command, parameters);
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  // newContext gives windows that share what they keep, and are of the size that Firefox likes.
  async newContext() { return this; }

  async newPage() {
    const { handle } = await this.#do('WebDriver:NewWindow', { type: 'window' });
    return new Page(this, handle);
  }

  async close() {
    if (this.#socket) await this.#do('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => {});
    this.#socket?.destroy();
    if (this.#process && this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill();
      await once(this.#process, 'exit');
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

class Page {
  #firefox;
  #handle;

  constructor(firefox, handle) {
    this.#firefox = firefox;
    this.#handle = handle;
  }

  #do(command, parameters) { return this.#firefox.in(this.#handle, command, parameters); }

  on() {} // requests and errors are not told
  goto(url) { return this.#do('WebDriver:Navigate', { url }); }

  // evaluate runs a function in the page.
  async evaluate(f, argument) {
    const script = `const [argument, done] = arguments;
      Promise.resolve().then(() => (${f})(argument)).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const { value } = await this.#do('WebDriver:ExecuteAsyncScript', { script, args: [argument ?? null], sandbox: null, newSandbox: false });
    if (value.error) throw new Error(value.error);
    return value.value;
  }

  // getByTestId finds an element when something is done with it.
  getByTestId(id) {
    const find = `document.querySelector('[data-testid="${id}"]')`;
    return {
      click: () => this.evaluate(`() => ${find}.click()`),
      getAttribute: (name) => this.evaluate(`(name) => ${find}.getAttribute(name)`, name),
      innerText: () => this.evaluate(`() => ${find}.innerText`),
    };
  }

  async screenshot({ path }) {
    const { value } = await this.#do('WebDriver:TakeScreenshot', { full: false });
    writeFileSync(path, Buffer.from(value, 'base64'));
  }
}
