// Restoring a whole picture of the user's, at its own size.

import { bytes, path } from "./api.js";
import { by } from "./dom.js";
import { openWhole, paint } from "./picture.js";

let run = null;
let details = null;
/** Of the pictures that were opened, only the newest is shown. */
let newest = 0;
let saved = "";

/** Offers it for a model, unless that restores nothing. */
export function offer(name, model) {
  [run, details] = [name, model];
  newest++;
  by("restoring").hidden = !model || model.corruptions.length === 0;
  by("restore-pair").hidden = true;
  if (!model) return;
  const size = model.scale > 1 ? `, made ${model.scale} times larger` : "";
  tell(`Open a damaged picture of any size (${model.corruptions.join(", ")}). All of it is restored${size}.`);
}

function tell(text) {
  by("restore-note").textContent = text;
}

async function restore(file) {
  if (!file || !details) return;
  const [model, number] = [details, ++newest];
  try {
    const fits = (size) => check(size, file, model);
    const { size, values } = await openWhole(file, model.shape[0], model.preparation, fits);
    if (number !== newest) return;
    const [height, width] = size;
    tell(`Restoring ${width} x ${height} pixels ...`);
    const began = performance.now();
    const restored = await bytes(`/api/restore/${path(run)}?height=${height}&width=${width}`, values);
    if (number !== newest) return;
    const [high, wide] = size.map((side) => side * model.scale);
    const given = Float32Array.from(values, (value) => value / 255);
    paintLarge(by("restore-input"), given, [model.shape[0], height, width], model.scale);
    const channels = restored.length / (high * wide);
    const output = by("restore-output");
    paint(output, planes(restored, channels), [channels, high, wide]);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    tell(`${file.name}: ${wide} x ${high} pixels, in ${seconds} s`);
    by("restore-pair").hidden = false;
    slide();
    await keep(output, file.name);
  } catch (error) {
    if (number === newest) tell(error.message);
  }
}

/** Refuses a picture that the program would refuse, before its pixels are looked at. */
function check([height, width], file, { scale, most_pixels: most }) {
  if (height * width * scale ** 2 <= most) return;
  const size = `${width} x ${height} pixels`;
  throw new Error(`${file.name}: ${size} are too many here; use hourglass restore ${run} FILE -o FOLDER instead`);
}

/** Bytes `[pixels, channels]` as values `[channels, pixels]` in [0, 1]. */
function planes(bytes, channels) {
  const plane = bytes.length / channels;
  return Float32Array.from(bytes, (_, at) => bytes[(at % plane) * channels + Math.floor(at / plane)] / 255);
}

/** Draws values of a shape onto a canvas, smoothly enlarged. */
function paintLarge(canvas, values, shape, scale) {
  const [, height, width] = shape;
  const own = new OffscreenCanvas(width, height);
  paint(own, values, shape);
  Object.assign(canvas, { width: width * scale, height: height * scale });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(own, 0, 0, canvas.width, canvas.height);
}

/** Shows the restored picture right of the slider's place. */
function slide() {
  const share = by("restore-place").value;
  by("restore-output").style.clipPath = `inset(0 0 0 ${share * 100}%)`;
}

/** Makes the restored picture ready to be saved. */
async function keep(canvas, name) {
  const blob = await new Promise((ready) => canvas.toBlob(ready));
  URL.revokeObjectURL(saved);
  saved = URL.createObjectURL(blob);
  const stem = name.replace(/\.[^.]*$/, "");
  Object.assign(by("restore-save"), { href: saved, download: `${stem}-restored.png` });
}

by("restore-file").addEventListener("change", () => {
  restore(by("restore-file").files[0]);
  // So that the same file can be opened again.
  by("restore-file").value = "";
});
by("restore-place").addEventListener("input", slide);
