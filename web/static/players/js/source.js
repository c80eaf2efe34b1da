// A stream of bytes from the server, by HTTP or by WebSocket, with the server's
// own words when it refuses. It knows no DOM.

import { plain } from './address.js';
import { SignalError, refuse } from './signal.js';

// Both kinds tell: opened(), data(ArrayBuffer), ended(), and failed(SignalError),
// one of the last two once and nothing after it. close() ends it and tells nothing.
class Source {
  bytes = 0;
  #on;

  constructor(on) {
    this.#on = on;
  }

  get closed() { return this.#on === null; }

  opened() { this.#on?.opened(); }

  data(buffer) {
    if (!this.#on) return;
    this.bytes += buffer.byteLength;
    this.#on.data(buffer);
  }

  ended() { this.#last((on) => on.ended()); }
  failed(error) { this.#last((on) => on.failed(error)); }

  close() { this.#on = null; }

  #last(tell) {
    const on = this.#on;
    this.#on = null;
    if (on) tell(on);
  }
}

const options = { cache: 'no-store', credentials: 'omit' };

export class HttpSource extends Source {
  #abort = new AbortController();

  async open(url) {
    try {
      const response = await fetch(url, { ...options, signal: this.#abort.signal });
      if (!response.ok) return this.failed(await refuse(response, url));
      this.opened();
      await this.#read(response.body.getReader());
    } catch (error) {
      this.failed(new SignalError('network', { url, reason: String(error?.message ?? '') }));
    }
  }

  async #read(reader) {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return this.ended();
      const whole = value.byteLength === value.buffer.byteLength;
      this.data(whole ? value.buffer : value.slice().buffer);
    }
  }

  close() {
    super.close();
    this.#abort.abort();
  }
}

export class SocketSource extends Source {
  #socket = null;

  open(url) {
    let opened = false;
    try {
      this.#socket = new WebSocket(url);
    } catch (error) { // A page by HTTPS may not even try ws://.
      return this.failed(new SignalError('network', { url, reason: String(error?.message ?? '') }));
    }
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = () => {
      opened = true;
      this.opened();
    };
    this.#socket.onmessage = ({ data }) => data instanceof ArrayBuffer && this.data(data);
    this.#socket.onclose = ({ code }) => {
      if (code === 1000 || code === 1001) this.ended();
      else if (opened) this.failed(new SignalError('network', { url }));
      else this.#learn(url);
    };
  }

  // #learn asks by HTTP: of a refused WebSocket, browsers tell scripts nothing.
  async #learn(url) {
    const abort = new AbortController();
    try {
      const response = await fetch(plain(url), { ...options, signal: abort.signal });
      this.failed(response.ok ? new SignalError('network', { url }) : await refuse(response, url));
    } catch {
      this.failed(new SignalError('network', { url }));
    } finally {
      abort.abort();
    }
  }

  close() {
    super.close();
    this.#socket?.close();
  }
}
