// The walk: decoded pictures along the straight line between the codes of two pictures.

import { by, make } from "./dom.js";
import { paint, size } from "./picture.js";

/** Number of pictures along the way. */
const STEPS = 9;

export class Walk {
  /**
   * @param decode returns the pictures of codes, one after the other.
   * @param changed is called with the code at the chosen position.
   */
  constructor(decode, changed) {
    this.decode = decode;
    by("steps").replaceChildren(...Array.from({ length: STEPS }, () => make("canvas")));
    by("place").addEventListener("input", () => changed(this.#at(Number(by("place").value))));
  }

  /** Starts with a model of this shape. */
  start(shape) {
    this.shape = shape;
    this.ends = [null, null];
    by("walk").hidden = true;
    by("place").value = 0;
    by("walk-note").textContent = "Choose a start and an end.";
  }

  /** Takes a code as the start, 0, or the end, 1. */
  async take(end, code) {
    this.ends[end] = code.slice();
    const missing = this.ends.indexOf(null);
    if (missing >= 0) {
      by("walk-note").textContent = missing === 0 ? "Now choose the start." : "Now choose the end.";
      return;
    }
    const codes = new Float32Array(STEPS * code.length);
    for (let step = 0; step < STEPS; step++) codes.set(this.#at(step / (STEPS - 1)), step * code.length);
    const pictures = await this.decode(codes);
    const values = size(this.shape);
    [...by("steps").children].forEach((canvas, step) => {
      paint(canvas, pictures.subarray(step * values, (step + 1) * values), this.shape);
    });
    by("walk").hidden = false;
    by("walk-note").textContent = "Decoded in equal steps from the code of the first picture to that of the second.";
  }

  #at(share) {
    const [from, to] = this.ends;
    return from.map((value, unit) => value + (to[unit] - value) * share);
  }
}
