// Pictures: converts values [channels, height, width] in [0, 1], as in the models, to canvases and from files.

/** The largest file that is opened, in bytes. */
const LARGEST_FILE = 32 << 20;

/** Errors of this size or more are white on an error map. */
const WHITE = 0.5;

/** Number of values of a picture. */
export function size([channels, height, width]) {
  return channels * height * width;
}

/** Draws values onto a canvas of the same size. */
export function paint(canvas, values, shape) {
  const [channels, height, width] = shape;
  const plane = height * width;
  colour(canvas, shape, (at) => {
    const value = (channel) => values[(channels === 3 ? channel : 0) * plane + at] * 255;
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

/**
 * The middle of a file's picture in the model's shape: of a picture that is wider or higher, the sides are cut off. A
 * model that learned from `patches` gets one at the picture's own size, any other as much of the picture as there is.
 */
export async function open(file, shape, patches) {
  const [channels, height, width] = shape;
  if (file.size > LARGEST_FILE) throw new Error(`${file.name}: is larger than 32 MiB`);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name}: this browser cannot read it as a picture`);
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  const filled = Math.max(width / bitmap.width, height / bitmap.height);
  const scale = patches ? Math.max(filled, 1) : filled;
  const [wide, high] = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (width - wide) / 2, (height - high) / 2, wide, high);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Float32Array(size(shape));
  const plane = height * width;
  for (let at = 0; at < plane; at++) {
    const rgb = [0, 1, 2].map((channel) => data[at * 4 + channel] / 255);
    if (channels === 3) rgb.forEach((value, channel) => (values[channel * plane + at] = value));
    // The share of each colour in a grey picture (ITU-R BT.601).
    else values[at] = Math.min(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2], 1);
  }
  return values;
}
