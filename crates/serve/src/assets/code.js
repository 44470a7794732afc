// The code: one bar per unit, and sliders for some units at a time.

import { by, figure, make } from "./dom.js";

/** Number of sliders shown at a time. */
const SLIDERS = 32;

const SVG = "http://www.w3.org/2000/svg";

export class Code {
  /** @param changed is called with the values after a slider moves. */
  constructor(changed) {
    this.changed = changed;
    this.first = 0;
    this.values = new Float32Array(0);
    this.units = null;
    /** The smallest value of the tallest bar, so that bars do not jump when the largest value changes. */
    this.most = 0;
    by("before").addEventListener("click", () => this.#page(-SLIDERS));
    by("after").addEventListener("click", () => this.#page(SLIDERS));
    by("bars").addEventListener("click", (event) => this.#focus(event));
    by("sliders").addEventListener("input", (event) => {
      const unit = Number(event.target.dataset.unit);
      this.values[unit] = Number(event.target.value);
      event.target.nextElementSibling.value = figure(this.values[unit]);
      this.#bars();
      this.changed(this.values);
    });
  }

  /** Starts with a model whose code has this many units. */
  start(count) {
    this.values = new Float32Array(count);
    this.units = null;
    this.most = 0;
    this.first = 0;
    by("pager").hidden = count <= SLIDERS;
    this.#sliders();
  }

  /** Takes each unit's range over the test pictures, for the ends of its slider. */
  know(units) {
    this.units = units;
    this.most = [units.low, units.high].flat().reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    this.#sliders();
    this.#bars();
  }

  /** Shows a code. */
  show(values) {
    this.values = values.slice();
    for (const slider of by("sliders").querySelectorAll("input")) {
      const value = this.values[Number(slider.dataset.unit)];
      // A chosen code may go beyond the range of the pictures' codes.
      if (value < Number(slider.min)) slider.min = value;
      if (value > Number(slider.max)) slider.max = value;
      slider.value = value;
      slider.nextElementSibling.value = figure(value);
    }
    this.#bars();
  }

  #page(step) {
    const last = Math.floor((this.values.length - 1) / SLIDERS) * SLIDERS;
    this.first = Math.min(Math.max(this.first + step, 0), last);
    this.#sliders();
  }

  #sliders() {
    const end = Math.min(this.first + SLIDERS, this.values.length);
    const sliders = [];
    for (let unit = this.first; unit < end; unit++) {
      const [low, high] = this.#range(unit);
      const slider = make("input", { type: "range", min: low, max: high, step: "any", value: this.values[unit] });
      slider.dataset.unit = unit;
      const name = make("span", {}, String(unit));
      name.prepend(make("span", { className: "hidden" }, "unit "));
      sliders.push(make("label", {}, name, slider, make("output", { value: figure(this.values[unit]) })));
    }
    by("sliders").replaceChildren(...sliders);
    by("shown-units").value = `${this.first} to ${end - 1} of ${this.values.length}`;
    by("before").disabled = this.first === 0;
    by("after").disabled = end === this.values.length;
  }

  /** The ends of a unit's slider. */
  #range(unit) {
    const value = this.values[unit];
    if (!this.units) return [Math.min(value, -5), Math.max(value, 5)];
    const [low, high] = [this.units.low[unit], this.units.high[unit]];
    // A unit that is the same for all pictures can still be moved.
    const room = (high - low) * 0.1 || 1;
    return [Math.min(value, low - room), Math.max(value, high + room)];
  }

  #bars() {
    const { values } = this;
    let most = Math.max(this.most, 1e-9);
    let [low, high] = [0, 0];
    for (const value of values) {
      [low, high] = [Math.min(low, value), Math.max(high, value)];
      most = Math.max(most, Math.abs(value));
    }
    const path = (name, sign) => {
      const line = document.createElementNS(SVG, "path");
      let way = "";
      values.forEach((value, unit) => {
        if (value * sign > 0) way += `M${unit + 0.5} 0v${(-value / most).toFixed(4)}`;
      });
      line.setAttribute("class", name);
      line.setAttribute("stroke-width", "0.8");
      line.setAttribute("d", way);
      return line;
    };
    const svg = by("bars");
    svg.setAttribute("viewBox", `0 -1.05 ${values.length} 2.1`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-label", `A code of ${values.length} values from ${figure(low)} to ${figure(high)}`);
    svg.replaceChildren(path("s0", 1), path("s1", -1));
  }

  /** Goes to the slider of the selected bar. */
  #focus(event) {
    const box = by("bars").getBoundingClientRect();
    const unit = Math.floor(((event.clientX - box.left) / box.width) * this.values.length);
    this.first = Math.floor(unit / SLIDERS) * SLIDERS;
    this.#sliders();
    by("sliders").querySelector(`[data-unit="${unit}"]`)?.focus();
  }
}
