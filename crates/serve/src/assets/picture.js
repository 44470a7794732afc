// Pictures: converts values [channels, height, width] in [0, 1], as in the models, to canvases and from files.

/** The largest file that is opened, in bytes. */
const LARGEST_FILE = 32 << 20;

/** Errors of this size or more are white on an error map. */
const WHITE = 0.5;

/** Number of values of a picture. */
export function size([channels, height, width]) {
  return channels * height * width;
}

/** Draws values onto a canvas, which gets their size: the first three channels as colour, or the first one as grey. */
export function paint(canvas, values, shape) {
  const [channels, height, width] = shape;
  const plane = height * width;
  colour(canvas, shape, (at) => {
    const value = (channel) => values[(channels >= 3 ? channel : 0) * plane + at] * 255;
    return [value(0), value(1), value(2)];
  });
}

/** Draws the difference of two pictures, pixel by pixel: black, red, yellow, white. */
export function paintError(canvas, one, other, shape) {
  const [channels, height, width] = shape;
  const plane = height * width;
  colour(canvas, shape, (at) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      sum += Math.abs(one[channel * plane + at] - other[channel * plane + at]);
    }
    const share = Math.min(sum / channels / WHITE, 1) * 3;
    return [share * 255, (share - 1) * 255, (share - 2) * 255];
  });
}

function colour(canvas, [, height, width], pixel) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const image = new ImageData(width, height);
  for (let at = 0; at < height * width; at++) {
    const [red, green, blue] = pixel(at);
    image.data.set([red, green, blue, 255], at * 4);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** The mean squared error per value. */
export function mse(one, other) {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += (one[at] - other[at]) ** 2;
  return sum / one.length;
}

/** The part of a picture that is drawn into the model's shape: left, top, width and height. */
function part({ rule, aspect }, [wide, high], [width, height]) {
  // A model of patches gets the middle of a picture at its own size, and all of a smaller one.
  const [across, down] =
    rule === "patches"
      ? [Math.min(width, wide), Math.min(height, high)]
      : aspect === "crop"
        ? [Math.min(wide, (high * width) / height), Math.min(high, (wide * height) / width)]
        : [wide, high];
  return [(wide - across) / 2, (high - down) / 2, across, down];
}

/** A file's picture in the model's shape, prepared as in the model's training. */
export async function open(file, shape, preparation) {
  const [channels, height, width] = shape;
  check(file, channels);
  const bitmap = await decoded(file);
  const from = part(preparation, [bitmap.width, bitmap.height], [width, height]);
  const bright = await brightness(file, preparation);
  const found = drawn(bitmap, from, [height, width]);
  return Float32Array.from(planes(found, channels, bright), (value) => value / 255);
}

/** All of a file's picture at its own size, as bytes `[channels, height, width]`; `fits` may refuse the size. */
export async function openWhole(file, channels, preparation, fits) {
  check(file, channels);
  const bitmap = await decoded(file);
  const size = [bitmap.height, bitmap.width];
  fits(size);
  const bright = await brightness(file, preparation);
  const found = drawn(bitmap, [0, 0, bitmap.width, bitmap.height], size);
  return { size, values: Uint8Array.from(planes(found, channels, bright), Math.round) };
}

/** A browser reads pictures in colour alone. */
function check(file, channels) {
  if (channels === 1 || channels === 3) return;
  throw new Error(`${file.name}: the model takes ${channels} channels, which no browser reads; use the command line`);
}

async function decoded(file) {
  if (file.size > LARGEST_FILE) throw new Error(`${file.name}: is larger than 32 MiB`);
  try {
    return await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name}: this browser cannot read it as a picture`);
  }
}

/** How many times brighter a file's values are in training: only PNG files have 16 bits. */
async function brightness(file, { white }) {
  const start = new Uint8Array(await file.slice(0, 25).arrayBuffer());
  const isPng = [0x89, 0x50, 0x4e, 0x47].every((byte, at) => start[at] === byte);
  return isPng && start[24] === 16 ? 65535 / white : 1;
}

/** A part of a picture at this size: red, green, blue and opacity of each pixel. Closes the bitmap. */
function drawn(bitmap, from, [height, width]) {
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.imageSmoothingQuality = "high";
  // Transparency lies on white, as in training.
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, ...from, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}

/** The pixels as `[channels, height, width]`, from 0 to 255. */
function planes(data, channels, bright) {
  const plane = data.length / 4;
  const values = new Float32Array(channels * plane);
  for (let at = 0; at < plane; at++) {
    const rgb = [0, 1, 2].map((channel) => Math.min(data[at * 4 + channel] * bright, 255));
    if (channels === 3) rgb.forEach((value, channel) => (values[channel * plane + at] = value));
    // The share of each colour in a grey picture, as in training (ITU-R BT.709).
    else values[at] = Math.min(0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2], 255);
  }
  return values;
}
