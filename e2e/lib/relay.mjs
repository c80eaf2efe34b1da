// A relay of TCP connections that can be cut.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Relay {
  #server;
  #open = new Set();
  accepted = 0;

  // start relays what comes to one address to another one.
  static async start(from, to) {
    const relay = new Relay();
    relay.#server = createServer((here) => relay.#join(here, connect(to)));
    relay.#server.listen(from);
    await once(relay.#server, 'listening');
    return relay;
  }

  #join(here, there) {
    this.accepted++;
    for (const [one, other] of [[here, there], [there, here]]) {
      this.#open.add(one);
      one.setNoDelay(true);
      one.pipe(other);
      one.on('error', () => {});
      one.on('close', () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
  }

  // cut ends every connection; new ones are welcome.
  cut() { for (const socket of this.#open) socket.resetAndDestroy(); }

  close() {
    this.#server.close();
    this.cut();
  }
}
