// The map: the test pictures' codes on a plane, and the decoded picture at any place on it.

import { by, counted, make } from "./dom.js";

/** Colours that the charts' style has; further labels have the same ones with other marks. */
const COLORS = 7;
const MARKS = ["●", "■", "▲"];

/** Margin around the pictures, and the step of a key, as shares of their extent. */
const ROOM = 0.08;
const STEP = 0.02;

/** Adds a mark about a place to the path. */
function mark(context, kind, x, y, radius) {
  if (kind === "■") context.rect(x - 0.9 * radius, y - 0.9 * radius, 1.8 * radius, 1.8 * radius);
  else if (kind === "▲") {
    context.moveTo(x, y - 1.4 * radius);
    context.lineTo(x + 1.2 * radius, y + 0.7 * radius);
    context.lineTo(x - 1.2 * radius, y + 0.7 * radius);
  } else context.arc(x, y, radius, 0, 2 * Math.PI);
}

export class CodeMap {
  /** @param changed is called with the code at the chosen place. */
  constructor(changed) {
    this.canvas = by("map");
    this.study = null;
    this.place = null;
    const choose = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      this.#choose([this.left + x * this.wide, this.bottom + (1 - y) * this.high], changed);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.study) return;
      this.canvas.setPointerCapture(event.pointerId);
      choose(event);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons & 1 && this.study) choose(event);
    });
    this.canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (!(event.key in moves) || !this.study) return;
      const [across, up] = moves[event.key];
      const [x, y] = this.place ?? [this.left + this.wide / 2, this.bottom + this.high / 2];
      this.#choose([x + across * STEP * this.wide, y + up * STEP * this.high], changed);
      event.preventDefault();
    });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Takes a study, or none. */
  know(study) {
    this.study = study && study.places.length ? study : null;
    this.place = null;
    by("map-panel").hidden = !this.study;
    if (!this.study) return;
    const [xs, ys] = [0, 1].map((axis) => study.places.map((place) => place[axis]));
    const ends = (all) => {
      const [low, high] = [Math.min(...all), Math.max(...all)];
      const room = (high - low) * ROOM || 1;
      return [low - room, high - low + 2 * room];
    };
    [this.left, this.wide] = ends(xs);
    [this.bottom, this.high] = ends(ys);
    const kinds = study.labels ? [...new Set(study.labels)].sort((one, other) => one - other) : [];
    this.kinds = kinds.length <= COLORS * MARKS.length ? kinds : [];
    const legend = this.kinds.map((kind, index) => {
      const name = make("span", {}, study.classes?.[kind] ?? String(kind));
      name.style.setProperty("--dot", `var(--series-${index % COLORS})`);
      name.dataset.mark = MARKS[Math.floor(index / COLORS)];
      return name;
    });
    by("legend").replaceChildren(...legend);
    by("map-note").textContent =
      `${counted(study.images, "test picture")}. Horizontal: ${study.axes[0]}; vertical: ${study.axes[1]}.` +
      (study.directions[0].length > 2 ? " All other directions are held at their mean." : "");
    this.draw();
  }

  /** Marks the position of a code. */
  show(code) {
    if (!this.study) return;
    const { origin, directions } = this.study;
    this.place = directions.map((direction) =>
      direction.reduce((sum, weight, unit) => sum + weight * (code[unit] - origin[unit]), 0),
    );
    this.draw();
  }

  #choose(place, changed) {
    this.place = place;
    this.draw();
    const { origin, directions } = this.study;
    const at = (value, unit) => value + place[0] * directions[0][unit] + place[1] * directions[1][unit];
    changed(Float32Array.from(origin, at));
  }

  draw() {
    const { canvas, study } = this;
    if (!study || !canvas.clientWidth) return;
    const scale = devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(canvas.clientHeight * scale);
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const colours = Array.from({ length: COLORS }, (_, index) => style.getPropertyValue(`--series-${index}`));
    const spot = ([x, y]) => [
      ((x - this.left) / this.wide) * canvas.width,
      (1 - (y - this.bottom) / this.high) * canvas.height,
    ];
    context.globalAlpha = 0.6;
    study.places.forEach((place, index) => {
      const kind = this.kinds.length ? this.kinds.indexOf(study.labels[index]) : 0;
      context.fillStyle = colours[kind % COLORS];
      context.beginPath();
      mark(context, MARKS[Math.floor(kind / COLORS)], ...spot(place), 2 * scale);
      context.fill();
    });
    if (!this.place) return;
    context.globalAlpha = 1;
    const [x, y] = spot(this.place);
    for (const [radius, colour, width] of [[8, "--paper", 5], [8, "--ink", 2.5]]) {
      context.strokeStyle = style.getPropertyValue(colour);
      context.lineWidth = width * scale;
      context.beginPath();
      context.arc(x, y, radius * scale, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}
