// Parts of the screen that every page with a video has: the buttons that start
// and stop, what went wrong, and figures.

import { $, make, setText } from './dom.js';
import * as format from './format.js';

// onPress is a click on a button that another one's place may be taken by: the
// second click of a double click was meant for the one before.
export function onPress(button, action) {
  button.addEventListener('click', (event) => event.detail < 2 && action());
}

// swapButtons shows Stop in place of Start, and keeps the focus on it.
export function swapButtons(active) {
  if ($('stop').hidden !== active) return;
  const focused = [$('start'), $('stop')].includes(document.activeElement);
  $('start').hidden = active;
  $('stop').hidden = !active;
  if (focused) (active ? $('stop') : $('start')).focus();
}

// showState says what goes on, and how many ms the next attempt is away. Those
// are not read aloud: a screen reader would count along.
export function showState(text, wait) {
  setText($('state-text'), text);
  setText($('state-wait'), wait > 0 ? ` in ${Math.ceil(wait / 1000)} s` : '');
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
