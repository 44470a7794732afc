// The drawing pad: a canvas with the model's resolution, for pointers and for keys.

import { paint, size } from "./picture.js";

/** Width of the soft edge of a stroke, in pixels. */
const EDGE = 1;

export class Pad {
  /** @param changed is called with the values after each change. */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.radius = 1.2;
    this.ink = [1, 1, 1];
    this.erases = false;
    this.cursor = null;
    this.pen = false;
    let last = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      this.cursor = null;
      last = this.#at(event);
      this.#stroke(last, last);
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      // Browsers merge the moves between two frames, but a stroke needs every one.
      const moves = event.getCoalescedEvents?.() ?? [];
      for (const move of moves.length ? moves : [event]) {
        const next = this.#at(move);
        this.#stroke(last, next);
        last = next;
      }
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => {
      this.cursor = null;
      this.pen = false;
      if (this.values) this.show();
    });
  }

  /** Takes a picture of a shape. */
  set(values, shape) {
    this.values = values.slice();
    this.shape = shape;
    this.show();
    this.changed(this.values);
  }

  clear() {
    this.set(new Float32Array(size(this.shape)), this.shape);
  }

  invert() {
    this.set(this.values.map((value) => 1 - value), this.shape);
  }

  show() {
    paint(this.canvas, this.values, this.shape);
    if (!this.cursor) return;
    const context = this.canvas.getContext("2d");
    context.fillStyle = this.pen ? "#f09a4b" : "#56b4e9";
    context.fillRect(Math.floor(this.cursor[0]), Math.floor(this.cursor[1]), 1, 1);
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const [, height, width] = this.shape;
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  }

  #key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const [, height, width] = this.shape;
    const from = this.cursor ?? [Math.floor(width / 2) + 0.5, Math.floor(height / 2) + 0.5];
    if (event.key in moves) {
      const [across, down] = moves[event.key];
      this.cursor = [
        Math.min(Math.max(from[0] + across, 0.5), width - 0.5),
        Math.min(Math.max(from[1] + down, 0.5), height - 0.5),
      ];
      if (this.pen) this.#stroke(from, this.cursor);
      else this.show();
    } else if (event.key === " " || event.key === "Enter") {
      this.pen = !this.pen;
      this.cursor = from;
      if (this.pen) this.#stroke(from, from);
      else this.show();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Draws a line with a soft edge. */
  #stroke(from, to) {
    const [channels, height, width] = this.shape;
    const reach = this.radius + EDGE;
    const [left, right] = [Math.min(from[0], to[0]) - reach, Math.max(from[0], to[0]) + reach];
    const [top, bottom] = [Math.min(from[1], to[1]) - reach, Math.max(from[1], to[1]) + reach];
    for (let y = Math.max(Math.floor(top), 0); y < Math.min(bottom, height); y++) {
      for (let x = Math.max(Math.floor(left), 0); x < Math.min(right, width); x++) {
        const share = Math.min(Math.max((this.radius - distance([x + 0.5, y + 0.5], from, to)) / EDGE + 0.5, 0), 1);
        for (let channel = 0; channel < channels && share > 0; channel++) {
          const at = (channel * height + y) * width + x;
          const value = this.values[at];
          const ink = this.erases ? 0 : this.ink[channel];
          // Drawing in white only ever brightens, so that the soft edges of a stroke do not erase each other.
          const mixed = value + (ink - value) * share;
          this.values[at] = !this.erases && ink === 1 ? Math.max(value, share) : mixed;
        }
      }
    }
    this.show();
    this.changed(this.values);
  }
}

/** How far a point is from the line between two others. */
function distance([x, y], [fromX, fromY], [toX, toY]) {
  const [across, down] = [toX - fromX, toY - fromY];
  const length = across * across + down * down;
  const share = length ? Math.min(Math.max(((x - fromX) * across + (y - fromY) * down) / length, 0), 1) : 0;
  return Math.hypot(x - fromX - share * across, y - fromY - share * down);
}
