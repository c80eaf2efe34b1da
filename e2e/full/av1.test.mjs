// How srs_player.html takes AV1 by FLV whose header the library reads in its own way, and what it says where that can't be read.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { scene } from '../lib/scene.mjs';
import { until } from '../lib/until.mjs';

// bits are the bytes of fields, each a value and its number of bits; what is missing to a whole byte is 1.
function bits(...fields) {
  let text = fields.map(([value, n]) => value.toString(2).padStart(n, '0')).join('');
  text = text.padEnd(Math.ceil(text.length / 8) * 8, '1');
  return Buffer.from(text.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

const obu = (type, body) => Buffer.concat([Buffer.from([type << 3 | 2, body.length]), body]);

// AV1 5.5: 640x360 at most, with order hints of 7 bits.
const sequence = obu(1, bits([0, 3], [0, 4], [0, 5], [0, 12], [4, 5], [9, 4], [9, 4], [639, 10], [359, 10], [0, 1], [0, 7],
  [1, 1], [0, 2], [1, 1], [1, 1], [6, 3], [0, 3], [0, 3], [0, 1], [0, 2], [0, 1], [0, 1]));

// AV1 5.9.2: a shown keyframe; everything behind its render size is 1.
const keyframe = (...render) => obu(6, Buffer.concat([
  bits([0, 1], [0, 2], [1, 1], [0, 1], [0, 1], [0, 1], [0, 7], ...render), Buffer.alloc(40, 0xff),
]));
const cut = obu(6, Buffer.from([0x10])); // the beginning of one

// tag is one of Enhanced RTMP, whose first byte says what it holds.
function tag(first, body, at = 0) {
  const payload = Buffer.concat([Buffer.from([first]), Buffer.from('av01'), body]);
  const out = Buffer.alloc(11 + payload.length + 4);
  out[0] = 9;
  out.writeUIntBE(payload.length, 1, 3);
  out.writeUIntBE(at, 4, 3);
  payload.copy(out, 11);
  out.writeUInt32BE(11 + payload.length, 11 + payload.length);
  return out;
}

// film begins with a keyframe. The library hands on nothing of a frame before it has the next two.
const film = (frame) => Buffer.concat([
  Buffer.from([0x46, 0x4c, 0x56, 1, 1, 0, 0, 0, 9, 0, 0, 0, 0]),
  tag(0x90, Buffer.concat([Buffer.from([0x81, 0x04, 0x0c, 0]), sequence])), tag(0x91, Buffer.concat([sequence, frame])),
  tag(0xa1, frame, 40), tag(0xa1, frame, 80), tag(0xa1, frame, 120),
]);

// sizes runs before the page's scripts: what the library makes of a film, the size of the picture is said in its tkhd.
function sizes() {
  window.sizes = [];
  const append = SourceBuffer.prototype.appendBuffer;
  SourceBuffer.prototype.appendBuffer = function (data) {
    const view = new DataView(data.buffer ?? data);
    for (let i = 0; i + 88 < view.byteLength; i++) {
      if (view.getUint32(i) === 0x746b6864) window.sizes.push([view.getUint32(i + 80) >> 16, view.getUint32(i + 84) >> 16]);
    }
    return append.call(this, data);
  };
}

// sender is another server, which sends the same film to whoever asks and goes on for ever.
async function sender(film) {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'video/x-flv', 'Access-Control-Allow-Origin': '*' }).write(film);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    port: server.address().port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

scene('srs_player reads the header of an AV1 keyframe, or says that it cannot', async (s) => {
  const { origin } = await s.server();
  const senders = [];
  const page = async (frame) => {
    senders.push(await sender(film(frame)));
    return `${origin}/players/srs_player.html?autostart=true&server=localhost&port=${senders.at(-1).port}`;
  };
  try {
    const viewer = await s.open(await page(keyframe([0, 1])), { before: sizes });
    const size = () => until('the size of the picture', () => viewer.page.evaluate(() => window.sizes[0]));
    assert.deepEqual(await size(), [640, 360]);
    await viewer.page.goto(await page(keyframe([1, 1], [1279, 16], [719, 16])));
    assert.deepEqual(await size(), [1280, 720]);
    await viewer.page.goto(await page(cut));
    await viewer.reaches('failed');
    assert.match(await viewer.error(), /The stream could not be played[^]*ExpGolomb/);
  } finally {
    for (const one of senders) one.close();
  }
});
