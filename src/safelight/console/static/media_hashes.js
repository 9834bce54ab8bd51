// Hashes pictures and clips in the browser. The files are read here and are never sent.

import { BT601, BT709, pdq } from "./pdq.js";

// Frames of a clip that are hashed, and the longest side at which a picture is read.
const FRAMES = 12;
const LONGEST_SIDE = 2048;
// Many clips do not say how their colours are stored. Then ffmpeg converts them by BT.601, but Firefox, and
// Chromium from 720 lines, by BT.709. A page cannot see which one was used. Brightness with the weights of that
// standard is the stored brightness, so each frame is hashed with both, and one of them is right.
const WEIGHTS = [BT601, BT709];

const pixelsOf = (source, width, height) => {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
};

const hashPicture = async (file) => {
  const picture = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const found = pdq(pixelsOf(picture, picture.width, picture.height));
  picture.close();
  return [{ ...found, clip: null }];
};

const event = (target, name) => new Promise((resolve, reject) => {
  target.addEventListener(name, resolve, { once: true });
  target.addEventListener("error", () => reject(new Error("The file cannot be read.")), { once: true });
});

// After a seek, a browser can still draw the frame before it: wait for the new one, at most 0.3 s.
const shown = (video) => Promise.race([
  new Promise((resolve) => { video.requestVideoFrameCallback?.(resolve); }),
  new Promise((resolve) => { setTimeout(resolve, 300); }),
]);

const hashClip = async (file, number) => {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  video.src = URL.createObjectURL(file);
  try {
    await event(video, "loadeddata");
    const found = WEIGHTS.map(() => []);
    for (let frame = 0; frame < FRAMES; frame += 1) {
      const arrived = Promise.all([event(video, "seeked"), shown(video)]);
      video.currentTime = (video.duration * (frame + 0.5)) / FRAMES;
      await arrived;
      const pixels = pixelsOf(video, video.videoWidth, video.videoHeight);
      // Each kind of weights counts as a clip of its own, because the server counts how many frames of a clip differ.
      WEIGHTS.forEach((weights, kind) => found[kind].push({ ...pdq(pixels, weights), clip: WEIGHTS.length * number + kind }));
    }
    return found.flat();
  } finally {
    URL.revokeObjectURL(video.src);
  }
};

// The hashes of a file. `number` tells the clips of one notice apart.
export const hashFile = (file, number) => (file.type.startsWith("video/") ? hashClip(file, number) : hashPicture(file));
