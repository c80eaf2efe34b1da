// A plot of the last minute: bitrate as an area, another figure as a line, and a
// mark where the connection was interrupted.

export const minute = 60000;

// niceMax is the round number a scale should end at, not below least.
export function niceMax(value, least) {
  const wanted = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((n) => n >= wanted);
}

// frameMax is the same for frames per second, which come in rates of their own.
export function frameMax(value) {
  return [15, 30, 60, 120].find((n) => n >= value * 1.02) ?? niceMax(value, 120);
}

// Lines that can be drawn over the bitrate: the sample's field, the scale's end,
// and how that is written.
export const lines = {
  fps: { field: 'fps', max: frameMax, label: (fps) => `${fps} fps` },
  latency: { field: 'latency', max: (ms) => niceMax(ms * 1.15, 1000), label: (ms) => `${ms / 1000} s` },
};

// History keeps the samples {at, kbps, fps or latency, broken} of the last minute.
export class History {
  samples = [];

  push(sample) {
    this.samples.push(sample);
    while (this.samples.length && sample.at - this.samples[0].at > minute + 2000) this.samples.shift();
  }

  clear() {
    this.samples = [];
  }

  max(name) {
    return this.samples.reduce((m, s) => Math.max(m, s[name] || 0), 0);
  }
}

const inset = { left: 4, right: 4, top: 18, bottom: 16 };

// Plot draws a History on a canvas, sharp at any pixel ratio and in the page's
// own colours.
export class Plot {
  #canvas;
  #history;
  #second;

  constructor(canvas, history, second = lines.fps) {
    this.#canvas = canvas;
    this.#history = history;
    this.#second = second;
    new ResizeObserver(() => this.draw(performance.now())).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw(performance.now()));
  }

  draw(now) {
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const g = canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const area = { x: inset.left, y: inset.top, w: width - inset.left - inset.right, h: height - inset.top - inset.bottom };
    const second = this.#second;
    const top = { kbps: niceMax(this.#history.max('kbps') * 1.15, 100), second: second.max(this.#history.max(second.field)) };
    this.#grid(g, area, top, colour);
    const at = (t) => area.x + area.w * (1 - (now - t) / minute);
    const level = (value, max) => area.y + area.h * (1 - Math.min(1, value / max));
    g.save();
    g.beginPath();
    g.rect(area.x, area.y - 4, area.w, area.h + 8);
    g.clip();
    this.#breaks(g, area, at, colour('bad'));
    this.#line(g, area, at, (s) => level(s.kbps, top.kbps), colour('rate'), true);
    this.#line(g, area, at, (s) => level(s[second.field], top.second), colour('fps'), false);
    g.restore();
  }

  #grid(g, area, top, colour) {
    g.strokeStyle = colour('line');
    g.lineWidth = 1;
    g.beginPath();
    for (let i = 0; i <= 2; i++) {
      const y = Math.round(area.y + (area.h * i) / 2) + 0.5;
      g.moveTo(area.x, y);
      g.lineTo(area.x + area.w, y);
    }
    g.stroke();
    g.font = '11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
    g.textBaseline = 'alphabetic';
    g.fillStyle = colour('soft');
    const label = (text, x, y, align) => {
      g.textAlign = align;
      g.fillText(text, x, y);
    };
    label(top.kbps >= 1000 ? `${top.kbps / 1000} Mbit/s` : `${top.kbps} kbit/s`, area.x, area.y - 6, 'left');
    label(this.#second.label(top.second), area.x + area.w, area.y - 6, 'right');
    label('60 s ago', area.x, area.y + area.h + 13, 'left');
    label('now', area.x + area.w, area.y + area.h + 13, 'right');
  }

  #breaks(g, area, at, colour) {
    g.fillStyle = colour;
    g.globalAlpha = 0.16;
    const { samples } = this.#history;
    samples.forEach((s, i) => {
      const next = samples[i + 1];
      if (s.broken && next) g.fillRect(at(s.at), area.y, at(next.at) - at(s.at) + 0.5, area.h);
    });
    g.globalAlpha = 1;
  }

  #line(g, area, at, y, colour, filled) {
    const { samples } = this.#history;
    if (samples.length < 2) return;
    g.beginPath();
    samples.forEach((s, i) => (i ? g.lineTo(at(s.at), y(s)) : g.moveTo(at(s.at), y(s))));
    g.strokeStyle = colour;
    g.lineWidth = 2;
    g.lineJoin = 'round';
    g.stroke();
    if (!filled) return;
    g.lineTo(at(samples.at(-1).at), area.y + area.h);
    g.lineTo(at(samples[0].at), area.y + area.h);
    const fade = g.createLinearGradient(0, area.y, 0, area.y + area.h);
    fade.addColorStop(0, colour);
    fade.addColorStop(1, 'transparent');
    g.globalAlpha = 0.22;
    g.fillStyle = fade;
    g.fill();
    g.globalAlpha = 1;
  }
}
