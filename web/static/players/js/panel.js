// Parts of the screen that every page with a video has: the buttons that start
// and stop, what went wrong, and figures.

import { $, make, setText } from './dom.js';
import * as format from './format.js';

// swapButtons shows Stop in place of Start, and keeps the focus on it.
export function swapButtons(active) {
  if ($('stop').hidden !== active) return;
  const focused = [$('start'), $('stop')].includes(document.activeElement);
  $('start').hidden = active;
  $('stop').hidden = !active;
  if (focused) (active ? $('stop') : $('start')).focus();
}

let shown = null;

// showError shows an explanation (see errors.js), or none.
export function showError(error) {
  if (error === shown) return;
  shown = error;
  $('error').hidden = !error;
  if (!error) return;
  setText($('error-title'), error.title);
  setText($('error-text'), error.text);
  $('error-hints').replaceChildren(...error.hints.map((hint) => make('li', {}, hint)));
}

// figure writes a value, or a dash for none.
export function figure(id, value) {
  setText($(id), value || format.none);
}

// showBadges shows over the picture whether it is live, since when, and its size.
export function showBadges({ active, since, state, width, height }) {
  $('badge-live').hidden = !active || !since;
  $('badge-live').classList.toggle('other', state !== 'live');
  setText($('badge-live-text'), state === 'live' ? 'LIVE' : state === 'waiting' ? 'WAITING' : 'RECONNECTING');
  setText($('badge-time'), since ? format.clock(performance.now() - since) : '');
  $('badge-size').hidden = !height;
  setText($('badge-size'), height ? `${width} × ${height}` : '');
}
