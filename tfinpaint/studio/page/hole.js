/* The hole, which is painted red: a map of the photograph's pixels, 1 where the hole is.
 *
 * The map decides, and the canvas shows it. Strokes are computed pixel by pixel, without soft edges: a pixel is hole if its centre lies
 * within the brush. A move of the brush changes only the rows under it.
 */

const RED = "rgb(240, 20, 50)";
const RED_PIXEL = 0xff3214f0; // the same colour as the bytes of a pixel: alpha, blue, green, red

export class Hole {
  constructor(canvas, width, height) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(width * height);
    canvas.width = width;
    canvas.height = height;
    this.context = canvas.getContext("2d");
    this.context.fillStyle = RED;
  }

  /* A brush of this radius from a to b, in pixels of the photograph; value 1 paints, 0 erases. */
  stroke(ax, ay, bx, by, radius, value) {
    radius = Math.max(radius, Math.SQRT1_2); // some pixel always has its centre within this distance
    const top = Math.max(0, Math.floor(Math.min(ay, by) - radius));
    const bottom = Math.min(this.height - 1, Math.ceil(Math.max(ay, by) + radius));
    for (let y = top; y <= bottom; y++) {
      const [from, to] = rowOfBrush(ax, ay, bx, by, radius, y + 0.5);
      this.row(y, Math.ceil(from - 0.5), Math.floor(to - 0.5) + 1, value);
    }
  }

  /* Sets columns left to right - 1 of rows top to bottom - 1. */
  rectangle(left, top, right, bottom, value) {
    for (let y = Math.max(0, top); y < Math.min(this.height, bottom); y++) this.row(y, left, right, value);
  }

  /* Sets pixels `from` to `to` - 1 of one row. */
  row(y, from, to, value) {
    from = Math.max(from, 0);
    to = Math.min(to, this.width);
    if (from >= to) return;
    this.pixels.fill(value, y * this.width + from, y * this.width + to);
    if (value) this.context.fillRect(from, y, to - from, 1);
    else this.context.clearRect(from, y, to - from, 1);
  }

  /* The map as runs of hole pixels, [first, last + 1, first, last + 1, ...]: small enough to keep after every stroke. */
  get runs() {
    return runsOf(this.pixels);
  }

  set runs(runs) {
    this.pixels.fill(0);
    for (let i = 0; i < runs.length; i += 2) this.pixels.fill(1, runs[i], runs[i + 1]);
    this.show();
  }

  invert() {
    for (let i = 0; i < this.pixels.length; i++) this.pixels[i] ^= 1;
    this.show();
  }

  /* Draws the whole map, in strips, so that no second picture of this size is in memory. */
  show() {
    const rows = Math.min(256, this.height);
    const strip = new ImageData(this.width, rows);
    const bytes = new Uint32Array(strip.data.buffer);
    for (let y = 0; y < this.height; y += rows) {
      const part = this.pixels.subarray(y * this.width, (y + rows) * this.width);
      bytes.fill(0);
      for (let from = part.indexOf(1); from >= 0; ) {
        const to = part.indexOf(0, from) < 0 ? part.length : part.indexOf(0, from);
        bytes.fill(RED_PIXEL, from, to);
        from = part.indexOf(1, to);
      }
      this.context.putImageData(strip, 0, y);
    }
  }
}

/* A map as runs; see `Hole.runs`. */
export function runsOf(pixels) {
  const runs = [];
  for (let from = pixels.indexOf(1); from >= 0; from = pixels.indexOf(1, runs.at(-1))) {
    const to = pixels.indexOf(0, from);
    runs.push(from, to < 0 ? pixels.length : to);
  }
  return Uint32Array.from(runs);
}

/* The runs of all pixels that are in either of two. length: the number of pixels in the map. */
export function union(runs, others, length) {
  const pixels = new Uint8Array(length);
  for (const some of [runs, others]) for (let i = 0; i < some.length; i += 2) pixels.fill(1, some[i], some[i + 1]);
  return runsOf(pixels);
}

/* How many pixels the runs have. */
export function countOf(runs) {
  let count = 0;
  for (let i = 0; i < runs.length; i += 2) count += runs[i + 1] - runs[i];
  return count;
}

/* Where the line at height y crosses the brush, [from, to]. The brush is two discs and the band between them, which together are convex. */
function rowOfBrush(ax, ay, bx, by, radius, y) {
  let from = Infinity;
  let to = -Infinity;
  const reach = (x) => {
    from = Math.min(from, x);
    to = Math.max(to, x);
  };
  for (const [x, middle] of [[ax, ay], [bx, by]]) {
    const square = radius * radius - (y - middle) ** 2;
    if (square >= 0) {
      reach(x - Math.sqrt(square));
      reach(x + Math.sqrt(square));
    }
  }
  const length = Math.hypot(bx - ax, by - ay);
  if (length > 0) {
    const across = [(-(by - ay) / length) * radius, ((bx - ax) / length) * radius];
    const corners = [[ax + across[0], ay + across[1]], [bx + across[0], by + across[1]],
                     [bx - across[0], by - across[1]], [ax - across[0], ay - across[1]]];
    corners.forEach(([x, top], i) => {
      const [x2, bottom] = corners[(i + 1) % 4];
      if ((top - y) * (bottom - y) <= 0 && top !== bottom) reach(x + ((x2 - x) * (y - top)) / (bottom - top));
    });
  }
  return [from, to];
}
