import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const css = readFileSync(new URL('../static/players/css/oneport.css', import.meta.url), 'utf8');

// colours are those of one scheme: what the dark one does not name is as in the light one.
function colours(scheme) {
  const blocks = [...css.matchAll(/:root \{([^}]*)\}/g)].map((m) => m[1]);
  assert.equal(blocks.length, 2, 'one block for light, one for dark');
  const text = scheme === 'dark' ? blocks.join('') : blocks[0];
  return Object.fromEntries([...text.matchAll(/--([\w-]+): (#[0-9a-f]{3,6});/g)].map((m) => [m[1], m[2]]));
}

// luminance and contrast are those of WCAG 2.2.
function luminance(hex) {
  const digits = hex.length === 4 ? [...hex.slice(1)].map((d) => d + d) : hex.slice(1).match(/../g);
  const [r, g, b] = digits.map((d) => parseInt(d, 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

// What is written on what, in the style.
const written = {
  bg: ['ink', 'soft', 'accent', 'good', 'warn', 'bad'],
  card: ['ink', 'soft', 'accent', 'good', 'warn', 'bad'],
  raised: ['ink', 'soft'],
  accent: ['accent-ink'],
  'accent-soft': ['accent'],
  'warn-soft': ['ink'],
  'bad-soft': ['ink', 'bad'],
  ink: ['bg'],
};

for (const scheme of ['light', 'dark']) {
  test(`everything can be read, ${scheme}`, () => {
    const named = colours(scheme);
    const poor = [];
    for (const [under, inks] of Object.entries(written)) {
      for (const ink of inks) {
        const ratio = contrast(named[ink], named[under]);
        assert.ok(ratio >= 1, `${ink} and ${under} are colours`);
        if (ratio < 4.5) poor.push(`${ink} on ${under}: ${ratio.toFixed(2)}`);
      }
    }
    assert.deepEqual(poor, []);
  });
}
