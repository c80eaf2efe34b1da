// UDP is dropped for one of two whose paths differ. The server runs in a network of its own, on port 8080.

import assert from 'node:assert/strict';
import { backOverTCP, origin, play, publish, remember, sameSession, standstill } from '../lib/path.mjs';
import { scene } from '../lib/scene.mjs';

scene('UDP is dropped for a viewer whose publisher is on TCP', async (s) => {
  const network = await s.network();
  const server = await s.server({ network, port: 8080, env: {} });
  await s.browser({ network });
  const publisher = await s.open(origin + publish, {
    before: () => { // This one never learns of the server's UDP.
      const real = RTCPeerConnection.prototype.setRemoteDescription;
      RTCPeerConnection.prototype.setRemoteDescription = function set({ type, sdp }) {
        return real.call(this, { type, sdp: sdp.replace(/a=candidate:\S+ 1 udp .*\r\n/g, '') });
      };
    },
  });
  await publisher.reaches('live');
  const viewer = await s.open(origin + play);
  await viewer.plays();
  assert.equal((await publisher.facts()).pair.local.protocol, 'tcp');
  assert.equal((await viewer.facts()).pair.local.protocol, 'udp');
  await remember(viewer);

  network.dropUDP();
  const cut = performance.now();
  await backOverTCP(viewer, 'framesDecoded', cut);
  await viewer.plays();
  s.figure(`UDP dropped for the viewer alone: its picture stood still for ${await standstill(viewer)} (expected 5 s)`);
  await sameSession(server, viewer, 'play');
  assert.equal(publisher.count('PATCH'), 0);
});
