// Chromium without a screen, with a camera that shows a test picture.

import { chromium } from 'playwright-core';

const flags = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
];

// launch starts one with a profile of its own, in a Network where one is given.
export function launch({ network = null, args = [] } = {}) {
  const program = process.env.CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({
    executablePath: network?.wrap(program) ?? program,
    args: [...flags, ...args],
  });
}
