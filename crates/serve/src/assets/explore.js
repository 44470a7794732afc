// Exploring a model: a picture, its code, and the decoded picture of either.

import { Newest, json, numbers, path } from "./api.js";
import { Code } from "./code.js";
import { by, counted, figure, make } from "./dom.js";
import { Pad } from "./draw.js";
import { CodeMap } from "./map.js";
import { mse, open, paint, paintError, size } from "./picture.js";
import { offer } from "./restore.js";
import { Walk } from "./walk.js";

/** How long nothing must change before a screen reader hears the result, in milliseconds. */
const SETTLED = 800;

/** Width of the brush relative to the picture. */
const BRUSH = 1.2 / 28;

const requests = new Newest();
const lessons = new Newest();
const walks = new Newest();
let run = null;
let weights = null;
let details = null;
let study = null;
/** The code of the input, the (corrupted) input of the encoder, and the request that they answer. */
let own = null;
/** The requests whose codes are the ends of the walk: these change with the weights. */
let ends = [null, null];
let seed = 1;
/** Repeats the last action with new weights. */
let redo = () => {};
let telling = 0;

const pad = new Pad(by("input"), () => reconstruct());
const code = new Code((values) => decode(values, false));
const map = new CodeMap((values) => decode(values));
const walk = new Walk(
  (codes) => numbers(`/api/decode/${path(run)}`, codes),
  (values) => decode(values),
);

/** Shows a run's model. `stamp` identifies its weights; it is null if there are none. */
export async function show(name, stamp) {
  const same = name === run;
  if (same && stamp === weights) return;
  const first = !same || !details;
  [run, weights] = [name, stamp];
  if (stamp === null) {
    by("explore").hidden = true;
    by("explore-note").textContent = "There is no trained model yet. It appears after the first epoch.";
    return;
  }
  try {
    if (first) await start(name);
    else {
      redo();
      lessons.ask(() => learn(name));
      walks.ask(rewalk);
    }
  } catch (error) {
    if (name === run) fail(error);
  }
}

/** Forgets the shown run. */
export function leave() {
  run = null;
  weights = null;
  details = null;
  offer(null, null);
  by("explore").hidden = true;
}

async function start(name) {
  details = null;
  by("explore").hidden = true;
  by("explore-note").textContent = "Loading the model ...";
  const found = await json(`/api/details/${path(name)}`);
  if (name !== run) return;
  details = found;
  study = null;
  own = null;
  ends = [null, null];
  const [channels, height, width] = details.shape;
  by("explore-note").textContent =
    `${details.kind}: ${channels}x${height}x${width} images, code of ${counted(details.code_size, "value")}, ` +
    `${counted(details.parameters, "parameter")}.`;
  const denoising = details.corruptions.length > 0;
  by("corrupted-pane").hidden = !denoising;
  by("corruption").hidden = !denoising;
  by("corrupted-note").textContent = details.corruptions.join(", ");
  for (const part of document.querySelectorAll("[data-decodes]")) part.hidden = !details.decodes;
  by("residual-note").hidden = details.decodes;
  offer(name, details);
  by("ink-label").hidden = channels !== 3;
  const brush = BRUSH * Math.max(height, width);
  Object.assign(by("brush"), { min: 0.5, max: brush * 3, step: 0.1, value: brush });
  pad.radius = brush;
  code.start(details.code_size);
  map.know(null);
  walk.start(details.shape);
  by("map-note").textContent = "";
  by("examples").replaceChildren();
  by("explore").hidden = false;
  pad.set(new Float32Array(size(details.shape)), details.shape);
  if (await learn(name)) await begin();
}

/** Requests the statistics of the code over the test pictures. Returns whether they are known. */
async function learn(name) {
  if (!study) by("map-note").textContent = "Encoding the test pictures ...";
  let found;
  try {
    found = await json(`/api/study/${path(name)}`);
  } catch (error) {
    if (name === run) by("map-note").textContent = `The test pictures could not be loaded: ${error.message}`;
    return false;
  }
  if (name !== run) return false;
  study = found;
  code.know(study.units);
  by("map-note").textContent = "There is no map: all test pictures have the same code.";
  map.know(study);
  map.show(code.values);
  return true;
}

/** Shows something immediately. */
async function begin() {
  const pictures = examples();
  by("examples").replaceChildren(...pictures.map(thumbnail));
  // Unless the user has drawn something in the meantime.
  if (pictures.length && pad.values.every((value) => value === 0)) pad.set(pictures[0], details.shape);
  if (pictures.length < 2 || !details.decodes) return;
  // A walk to a similar picture shows little.
  const other = pictures.findIndex((_, place) => label(place) !== label(0));
  await walkBetween(pictures[0], pictures[Math.max(other, 1)]);
}

function examples() {
  const bytes = Uint8Array.from(atob(study.examples.pixels), (letter) => letter.charCodeAt(0));
  const values = size(details.shape);
  return study.examples.indices.map((_, place) =>
    Float32Array.from(bytes.subarray(place * values, (place + 1) * values), (byte) => byte / 255),
  );
}

/** The label of an example. */
function label(place) {
  return study.labels?.[study.examples.indices[place]];
}

function thumbnail(picture, place) {
  const canvas = make("canvas");
  paint(canvas, picture, details.shape);
  const known = label(place);
  const words = study.labels ? `, ${study.classes?.[known] ?? `label ${known}`}` : "";
  const title = `test picture ${study.examples.indices[place]}${words}`;
  const button = make("button", { type: "button", title }, canvas);
  button.setAttribute("aria-label", button.title);
  button.addEventListener("click", () => pad.set(picture, details.shape));
  return button;
}

async function walkBetween(one, other) {
  ends = [one, other].map((picture) => ({ picture, noise: "" }));
  await walks.ask(rewalk);
}

/** Takes the ends of the walk anew, with the weights of now. */
async function rewalk() {
  const model = details;
  for (const [end, request] of ends.entries()) {
    if (!request) continue;
    try {
      const found = await numbers(`/api/reconstruct/${path(run)}${request.noise}`, request.picture);
      // The page may show another run by now, or the user may have chosen another end.
      if (model !== details) return;
      if (ends[end] === request) await walk.take(end, found.slice(0, model.code_size));
    } catch (error) {
      if (model === details) fail(error);
    }
  }
}

/** Takes the input of now as an end of the walk. */
function takeEnd(end) {
  if (!own) return;
  ends[end] = own.request;
  walk.take(end, own.code).catch(fail);
}

/** Requests the code, the encoder's input and the reconstruction of the picture on the pad. */
function reconstruct() {
  redo = reconstruct;
  requests.ask(async () => {
    const [model, picture] = [details, pad.values.slice()];
    if (!model) return;
    const denoising = model.corruptions.length > 0;
    const noise = denoising ? `?noise=${seed}&strength=${by("strength").value}` : "";
    const began = performance.now();
    try {
      const found = await numbers(`/api/reconstruct/${path(run)}${noise}`, picture);
      // The page may show another run by now.
      if (model !== details) return;
      const units = model.code_size;
      const values = size(model.shape);
      own = { code: found.slice(0, units), input: found.slice(units, units + values), request: { picture, noise } };
      const output = found.slice(units + values);
      if (denoising) paint(by("corrupted"), own.input, model.shape);
      // The user may have moved a slider in the meantime.
      if (redo !== reconstruct) return;
      code.show(own.code);
      map.show(own.code);
      shown(output, picture, began, denoising ? "Restored" : "Reconstruction");
    } catch (error) {
      fail(error);
    }
  });
}

/** Decodes a code chosen by the user; with `everywhere` it is also shown on the sliders. */
function decode(values, everywhere = true) {
  const chosen = values.slice();
  redo = () => decode(chosen);
  if (everywhere) code.show(chosen);
  else map.show(chosen);
  requests.ask(async () => {
    const model = details;
    if (!model) return;
    const began = performance.now();
    try {
      const output = await numbers(`/api/decode/${path(run)}`, chosen);
      if (model === details) shown(output, pad.values, began, "Decoded from the code");
    } catch (error) {
      fail(error);
    }
  });
}

function shown(output, picture, began, title) {
  const { shape } = details;
  for (const canvas of [by("output"), ...document.querySelectorAll("[data-mirror]")]) paint(canvas, output, shape);
  paintError(by("error"), output, picture, shape);
  const error = figure(mse(output, picture));
  const took = performance.now() - began;
  by("output-title").textContent = title;
  by("output-note").textContent = `mse ${error}, in ${took.toFixed(0)} ms`;
  by("output").dataset.took = took;
  by("output").setAttribute("aria-label", `${title}, mean squared error ${error} against the input`);
  clearTimeout(telling);
  telling = setTimeout(() => (by("explore-live").textContent = `${title}: mean squared error ${error}`), SETTLED);
}

function fail(error) {
  by("explore-note").textContent = error.message;
}

async function take(file) {
  if (!file || !details) return;
  try {
    pad.set(await open(file, details.shape, details.preparation), details.shape);
  } catch (error) {
    fail(error);
  }
}

by("brush").addEventListener("input", () => (pad.radius = Number(by("brush").value)));
by("ink").addEventListener("input", () => {
  const parts = by("ink").value.match(/[0-9a-f]{2}/g);
  pad.ink = parts.map((part) => parseInt(part, 16) / 255);
});
by("eraser").addEventListener("change", () => (pad.erases = by("eraser").checked));
by("clear").addEventListener("click", () => pad.clear());
by("invert").addEventListener("click", () => pad.invert());
by("file").addEventListener("change", () => {
  take(by("file").files[0]);
  // So that the same file can be opened again.
  by("file").value = "";
});
by("strength").addEventListener("input", () => {
  by("strength-value").value = Number(by("strength").value).toFixed(2);
  reconstruct();
});
by("again").addEventListener("click", () => {
  seed++;
  reconstruct();
});
by("undo").addEventListener("click", () => reconstruct());
by("mean").addEventListener("click", () => study && decode(Float32Array.from(study.units.mean)));
by("random").addEventListener("click", () => {
  if (!study) return;
  const { low, high } = study.units;
  decode(Float32Array.from(low, (value, unit) => value + Math.random() * (high[unit] - value)));
});
by("take-a").addEventListener("click", () => takeEnd(0));
by("take-b").addEventListener("click", () => takeEnd(1));
// A picture dropped outside the pad must not replace the page.
addEventListener("dragover", (event) => {
  event.preventDefault();
  by("input").classList.add("over");
});
addEventListener("dragleave", () => by("input").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  by("input").classList.remove("over");
  take(event.dataTransfer.files[0]);
});
