// A network of its own for a test: one interface, one address, a default route,
// and a filter that can drop UDP. Linux only.

import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { folder } from './folder.mjs';

export const address = '192.0.2.10'; // TEST-NET-1 (RFC 5737): nobody's.

// The two ends of a veth pair in one namespace: browsers see an ordinary
// interface, and what is sent to its address comes back by the loopback. They get no address of IPv6, which would be there
// some seconds later: a browser breaks its connections off when an address comes.
const setUp = `
ip link set lo up
ip link add e0 type veth peer name e1
ip link set e0 addrgenmode none
ip link set e1 addrgenmode none
ip addr add ${address}/24 dev e0
ip link set e0 up
ip link set e1 up
ip route add default dev e0
nft add table inet e2e
nft 'add chain inet e2e drops { type filter hook input priority 0; }'
echo ready
exec cat
`;

// Network lives as long as its holder, a process that ends when its standard
// input does: nothing is left behind, however the test ends.
export class Network {
  #holder;
  #gone;

  static async open() {
    const network = new Network();
    const rootless = process.getuid() === 0 ? [] : ['--user', '--map-root-user'];
    network.#holder = spawn('unshare', ['--net', ...rootless, 'sh', '-ec', setUp], { stdio: ['pipe', 'pipe', 'pipe'] });
    network.#gone = once(network.#holder, 'exit');
    let said = '';
    network.#holder.stderr.on('data', (text) => { said += text; });
    const [word] = await Promise.race([once(network.#holder.stdout, 'data'), network.#gone]);
    if (!String(word).includes('ready')) {
      throw new Error(`no network namespace could be made (it takes root or user namespaces, iproute2 and nftables): ${said}`);
    }
    return network;
  }

  // enter is what to put in front of a command for it to run in this network.
  get enter() {
    const user = process.getuid() === 0 ? [] : ['--user', '--preserve-credentials'];
    return ['nsenter', '--target', String(this.#holder.pid), '--net', ...user, '--'];
  }

  run(...command) {
    const [first, ...rest] = [...this.enter, ...command];
    return execFileSync(first, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  // get is the text at a URL, asked for from within the network.
  get(url) {
    const ask = 'fetch(process.argv[1], { signal: AbortSignal.timeout(5000) }).then((r) => r.text()).then(console.log)';
    return this.run(process.execPath, '-e', ask, url);
  }

  // wrap makes a program that runs another one in this network, for whoever
  // wants the path of one file.
  wrap(program) {
    const path = join(folder(), 'run');
    writeFileSync(path, `#!/bin/sh\nexec ${this.enter.join(' ')} ${program} "$@"\n`, { mode: 0o755 });
    return path;
  }

  // dropUDP drops all of it, or what comes from one port.
  dropUDP({ from } = {}) {
    const which = from ? ['udp', 'sport', String(from)] : ['meta', 'l4proto', 'udp'];
    this.run('nft', 'add', 'rule', 'inet', 'e2e', 'drops', ...which, 'counter', 'drop');
  }

  // dropped counts the UDP datagrams that have been dropped.
  dropped() {
    const counters = this.run('nft', 'list', 'chain', 'inet', 'e2e', 'drops').matchAll(/packets (\d+)/g);
    return [...counters].reduce((sum, [, packets]) => sum + Number(packets), 0);
  }

  async close() {
    this.#holder.stdin.end();
    await this.#gone;
  }
}
