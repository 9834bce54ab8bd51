// PDQ: a perceptual hash of 256 bits, the same algorithm as safelight/detectors/image/pdq.py.

const SAMPLES = 64;
const FREQUENCIES = 16;
const PASSES = 2;
// Weights of red, green and blue in the brightness. PDQ is defined with those of BT.601.
export const BT601 = [0.299, 0.587, 0.114];
export const BT709 = [0.2126, 0.7152, 0.0722];

const transform = Array.from({ length: FREQUENCIES }, (_, row) =>
  Float64Array.from({ length: SAMPLES }, (_, column) => Math.sqrt(2 / SAMPLES) * Math.cos((Math.PI / 2 / SAMPLES) * (row + 1) * (2 * column + 1))));

// The mean of the window around each value of a line; at its ends, only the part of the window inside counts.
const smoothLine = (plane, start, step, count, window) => {
  const sums = new Float64Array(count + 1);
  for (let i = 0; i < count; i += 1) sums[i + 1] = sums[i] + plane[start + i * step];
  const before = window - Math.floor((window + 2) / 2);
  for (let i = 0; i < count; i += 1) {
    const first = Math.max(0, i - before);
    const end = Math.min(count, i - before + window);
    plane[start + i * step] = (sums[end] - sums[first]) / (end - first);
  }
};

const smooth = (plane, width, height) => {
  const across = Math.ceil(width / (2 * SAMPLES));
  const down = Math.ceil(height / (2 * SAMPLES));
  for (let pass = 0; pass < PASSES; pass += 1) {
    if (across > 1) for (let y = 0; y < height; y += 1) smoothLine(plane, y * width, 1, width, across);
    if (down > 1) for (let x = 0; x < width; x += 1) smoothLine(plane, x, width, height, down);
  }
};

const qualityOf = (sampled) => {
  let sum = 0;
  const step = (one, other) => { sum += Math.abs(Math.trunc(((one - other) * 100) / 255)); };
  for (let y = 0; y < SAMPLES; y += 1) {
    for (let x = 0; x < SAMPLES; x += 1) {
      if (y + 1 < SAMPLES) step(sampled[(y + 1) * SAMPLES + x], sampled[y * SAMPLES + x]);
      if (x + 1 < SAMPLES) step(sampled[y * SAMPLES + x + 1], sampled[y * SAMPLES + x]);
    }
  }
  return Math.min(Math.floor(sum / 90), 100);
};

const frequenciesOf = (sampled) => {
  const half = transform.map((row) => Float64Array.from({ length: SAMPLES }, (_, x) => row.reduce((sum, factor, y) => sum + factor * sampled[y * SAMPLES + x], 0)));
  return half.flatMap((line) => transform.map((row) => row.reduce((sum, factor, x) => sum + factor * line[x], 0)));
};

// The hash of the pixels of a picture, an `ImageData`: 64 hexadecimal digits, and the quality from 0 to 100.
export const pdq = ({ data, width, height }, weights = BT601) => {
  const plane = new Float32Array(width * height);
  for (let i = 0; i < plane.length; i += 1) plane[i] = weights[0] * data[4 * i] + weights[1] * data[4 * i + 1] + weights[2] * data[4 * i + 2];
  smooth(plane, width, height);
  const sampled = new Float32Array(SAMPLES * SAMPLES);
  for (let y = 0; y < SAMPLES; y += 1) {
    for (let x = 0; x < SAMPLES; x += 1) sampled[y * SAMPLES + x] = plane[Math.floor(((y + 0.5) * height) / SAMPLES) * width + Math.floor(((x + 0.5) * width) / SAMPLES)];
  }
  const values = frequenciesOf(sampled);
  const middle = [...values].sort((one, other) => one - other)[values.length / 2 - 1];
  const bits = values.map((value) => (value > middle ? "1" : "0")).reverse().join("");
  return { hash: bits.match(/.{4}/g).map((four) => Number.parseInt(four, 2).toString(16)).join(""), quality: qualityOf(sampled) };
};
