// Restoring a whole picture of the user's, at its own size.

import { bytes, path } from "./api.js";
import { by } from "./dom.js";
import { openWhole } from "./picture.js";

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
    const { size, values } = await openWhole(file, model.shape[0], model.preparation);
    if (number !== newest) return;
    const [height, width] = size;
    tell(`Restoring ${width} x ${height} pixels ...`);
    const began = performance.now();
    const restored = await bytes(`/api/restore/${path(run)}?height=${height}&width=${width}`, values);
    if (number !== newest) return;
    const large = size.map((side) => side * model.scale);
    const input = interleaved(values, model.shape[0]);
    paint(by("restore-input"), input, model.shape[0], size, large);
    const output = by("restore-output");
    paint(output, restored, restored.length / (large[0] * large[1]), large, large);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    tell(`${file.name}: ${large[1]} x ${large[0]} pixels, in ${seconds} s`);
    by("restore-pair").hidden = false;
    slide();
    await keep(output, file.name);
  } catch (error) {
    if (number === newest) tell(error.message);
  }
}

/** `[channels, pixels]` as `[pixels, channels]`. */
function interleaved(values, channels) {
  const plane = values.length / channels;
  return Uint8Array.from(values, (_, at) => values[(at % channels) * plane + Math.floor(at / channels)]);
}

/** Paints bytes `[height, width, channels]`, smoothly enlarged to another size. */
function paint(canvas, values, channels, [height, width], [high, wide]) {
  const picture = new ImageData(width, height);
  for (let at = 0; at < height * width; at++) {
    const pixel = [0, 1, 2].map((channel) => values[at * channels + (channels === 3 ? channel : 0)]);
    picture.data.set([...pixel, 255], at * 4);
  }
  const own = new OffscreenCanvas(width, height);
  own.getContext("2d").putImageData(picture, 0, 0);
  Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(own, 0, 0, wide, high);
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
