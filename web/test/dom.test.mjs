import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copy } from '../static/players/js/dom.js';

// page has a clipboard that takes, refuses, or is not there at all, and says what it did.
function page({ clipboard, command = false }) {
  const did = { toast: '', copied: '', selected: false };
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { clipboard } });
  const element = () => ({ setAttribute() {}, append() {}, remove() {}, select() {}, value: '' });
  globalThis.document = {
    body: { append: (field) => { did.field = field; } },
    createElement: element,
    execCommand: () => {
      if (command) did.copied = did.field.value;
      return command;
    },
    getElementById: () => ({ set textContent(text) { did.toast = text; } }),
  };
  did.shown = { focus() {}, select: () => { did.selected = true; } };
  return did;
}

test('a copy says what came of it', async () => {
  const asked = [];
  let did = page({ clipboard: { writeText: async (text) => { asked.push(text); } } });
  await copy('text', did.shown);
  assert.deepEqual([asked, did.toast, did.selected], [['text'], 'Copied', false]);

  did = page({ clipboard: undefined, command: true });
  await copy('text', did.shown);
  assert.deepEqual([did.copied, did.toast, did.selected], ['text', 'Copied', false]);

  did = page({ clipboard: { writeText: async () => { throw new Error('no'); } }, command: false });
  await copy('text', did.shown);
  assert.match(did.toast, /not let this page copy/);
  assert.ok(did.selected, 'for the person to do it');
});
