// A few words for the DOM. Text from the address or the network is only ever
// set as text, never as markup.

import { homeLink } from './query.js';

export const $ = (id) => document.getElementById(id);

// setText writes only what differs, so that selections and screen readers are
// left in peace.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// make builds an element: make('a', {href}, 'text', child).
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(button, name) {
  button.querySelector('use').setAttribute('href', `#${name}`);
}

let toastTimer = 0;

export function toast(text) {
  const element = $('toast');
  element.textContent = text;
  element.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { element.hidden = true; }, 2200);
}

// copy works on pages that came over plain HTTP too, where there is no
// navigator.clipboard. Where the browser refuses, it selects the field that shows
// the text, for the person to copy it.
export async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return toast('Copied');
  } catch {
    if (copyByCommand(text)) return toast('Copied');
  }
  shown.focus();
  shown.select();
  toast('The browser does not let this page copy: the text is selected, copy it from there');
}

function copyByCommand(text) {
  const field = make('textarea', { readonly: '', class: 'sr' });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  return done;
}

// copyButtons makes every button with data-copy="id" copy that field's value.
export function copyButtons() {
  for (const button of document.querySelectorAll('[data-copy]')) {
    const field = $(button.dataset.copy);
    button.addEventListener('click', () => copy(field.value, field));
  }
}

// copyable is a labelled text with a button that copies it.
export function copyable(label, text, hint = '') {
  const field = make('input', { readonly: '', value: text });
  const button = make('button', { class: 'tool', type: 'button', 'aria-label': `Copy: ${label}` }, icon('i-copy'));
  button.addEventListener('click', () => copy(text, field));
  return make('div', {},
    make('label', {}, make('span', { class: 'between' }, make('span', {}, label), make('span', {}, hint)),
      make('span', { class: 'copyable' }, field, button)));
}

// homeLinks makes every link to the front page one for the same virtual host.
export function homeLinks(vhost) {
  for (const link of document.querySelectorAll('[data-home]')) link.href = homeLink(link.getAttribute('href'), vhost);
}

// shortcuts binds single keys to buttons, unless a person is typing.
export function shortcuts(keys) {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, select, textarea')) return;
    const button = keys[event.key.toLowerCase()];
    if (!button || button.hidden || button.disabled) return;
    event.preventDefault();
    button.click();
  });
}
