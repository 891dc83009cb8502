/* Converts files to pixels and back.
 *
 * The studio's server reads a photograph, and the page draws it into an opaque, upright canvas in sRGB. The bytes that the browser shows are
 * those that are sent and saved. Colours with another profile are converted once, when the file is opened, because the saved PNG has no profile.
 * Transparent pixels are laid on white: a canvas stores colours multiplied by their alpha and could not return them unchanged. All canvases
 * whose pixels are read are kept in the processor's memory (willReadFrequently).
 */

import { opened } from "./server.js";

const WARNING = "warning: "; // the beginning of a note that points out a likely mistake

export function canvasOf(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return [canvas, canvas.getContext("2d", { willReadFrequently: true })];
}

/* Draws a file into the canvas, which takes its size. -> notes about the file, mostly "" */
export async function readPhoto(file, canvas, signal) {
  const { bitmap, notes } = await load(file, "photograph", {}, signal); // in sRGB
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error(`This browser has no canvas for ${bitmap.width}x${bitmap.height} pixels`);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const said = notes.map((note) => `${note[0].toUpperCase()}${note.slice(1)}.`);
  if (!seesThrough(context)) return said.join(" ");
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "source-over";
  return [...said, "Its transparent parts became white."].join(" ");
}

/* A mask file -> {pixels: a map of width x height, 1 where it is hole; warnings: lines about it} */
export async function readMask(file, width, height, signal) {
  const { bitmap, notes } = await load(file, "mask", { colorSpaceConversion: "none" }, signal); // levels as they are in the file
  if (bitmap.width !== width || bitmap.height !== height) {
    throw new Error(`A mask has the size of its photograph, ${width}x${height} pixels. ${file.name} has ${bitmap.width}x${bitmap.height}`);
  }
  const [canvas, context] = canvasOf(width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = data[4 * i] > 127 ? 1 : 0;
  return { pixels, warnings: notes.filter((note) => note.startsWith(WARNING)).map((note) => note.slice(WARNING.length)) };
}

/* A part of a mask as an opaque PNG file, white where it is hole. pixels: map of width x height; box: the part, see parts.js. */
export function maskFile(pixels, width, box) {
  const [canvas, context] = canvasOf(box.right - box.left, box.bottom - box.top);
  const image = context.createImageData(canvas.width, canvas.height);
  const bytes = new Uint32Array(image.data.buffer);
  for (let y = 0; y < canvas.height; y++) {
    const from = (box.top + y) * width + box.left;
    for (let x = 0; x < canvas.width; x++) bytes[y * canvas.width + x] = pixels[from + x] ? 0xffffffff : 0xff000000;
  }
  context.putImageData(image, 0, 0);
  return pngOf(canvas);
}

/* A part of a photograph as a PNG file. */
export function photoFile(photo, box) {
  const [canvas, context] = canvasOf(box.right - box.left, box.bottom - box.top);
  context.drawImage(photo, -box.left, -box.top);
  return pngOf(canvas);
}

export function pngOf(canvas) {
  return new Promise((give, fail) => {
    canvas.toBlob((blob) => (blob ? give(blob) : fail(new Error("The browser has no memory left for a PNG of this size"))), "image/png");
  });
}

/* The pixels of a file that a server sent, unchanged: RGBA bytes. */
export async function pixelsOf(blob, width, height) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error("The server answered with something that is no picture");
  }
  if (bitmap.width !== width || bitmap.height !== height) {
    throw new Error(`The server answered with a picture of another size: ${bitmap.width}x${bitmap.height} instead of ${width}x${height}`);
  }
  const [, context] = canvasOf(width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}

/* Whether pixels can be read back exactly. To prevent tracking, some browsers alter what a page reads from a canvas. */
export function canvasIsExact() {
  const [, context] = canvasOf(16, 16);
  const image = context.createImageData(16, 16);
  for (let i = 0; i < image.data.length; i++) image.data[i] = i % 4 === 3 ? 255 : (i * 151) % 256;
  context.putImageData(image, 0, 0);
  return context.getImageData(0, 0, 16, 16).data.every((value, i) => value === image.data[i]);
}

/* -> {bitmap: ImageBitmap, notes: lines about the file}. The studio's server reads the file, because browsers read fewer formats, and some differently. */
async function load(file, what, options, signal) {
  const { picture, notes } = await opened(what, file, signal);
  try {
    return { bitmap: await createImageBitmap(picture, options), notes };
  } catch {
    throw new Error("The browser has no memory left for a photograph of this size");
  }
}

function seesThrough(context) {
  const { width, height } = context.canvas;
  for (let y = 0; y < height; y += 256) {
    const { data } = context.getImageData(0, y, width, Math.min(256, height - y));
    for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return true;
  }
  return false;
}
