/* Decides which parts of a photograph are sent to the server.
 *
 * The server cuts one window around all holes of a request, and reduces the window if it is large. So holes far apart are sent one by one,
 * each with as much of the photograph around it as the server uses. A small hole in a photograph of many megapixels is then a small request,
 * and is filled at full sharpness. The fill is the same as if the whole photograph were sent with this hole alone.
 *
 * Box: {left, top, right, bottom} in pixels, right and bottom excluded.
 * Context: how much a model sees around a hole. {share: the margin on each side, as a share of that side of the hole's box; centred: whether the
 * longer side counts for both; least: the smallest margin in pixels; stride: the window's sides are rounded up to multiples of it}.
 */

// That of most models, with a stride that few exceed; models.json has those of the models at hand.
const CONTEXT = { share: 0.5, centred: false, least: 64, stride: 256 };
const CELL = 64; // hole pixels in the same cell of this many pixels, or in neighbouring cells, belong to one hole

/* [{hole: box of hole pixels, part: box to send}, ...]; no part holds pixels of another's hole. runs: see hole.js. */
export function partsOf(runs, width, height, context = CONTEXT) {
  const window = (box) => around(box, width, height, { ...CONTEXT, ...context });
  let boxes = cellBoxes(runs, width);
  for (let before = -1; before !== boxes.length; ) {
    before = boxes.length;
    boxes = boxes.reduce((kept, box) => {
      for (let i = 0; (i = kept.findIndex((one) => overlap(window(one), box) || overlap(window(box), one))) >= 0; ) box = joined(kept.splice(i, 1)[0], box);
      return [...kept, box];
    }, []);
  }
  boxes.sort((a, b) => a.top - b.top || a.left - b.left);
  return boxes.map((hole) => ({ hole, part: window(hole) }));
}

/* The window that the server would cut, and as much more as its rounding can add. At a border it is shifted inwards, as on the server. */
function around(box, width, height, { share, centred, least, stride }) {
  const sides = [box.right - box.left, box.bottom - box.top];
  const [across, down] = sides
    .map((side) => (centred ? Math.max(...sides) : side))
    .map((side) => side + 2 * Math.max(least, Math.ceil(share * side)) + stride);
  const [left, right] = ends(box.left, box.right, across, width);
  const [top, bottom] = ends(box.top, box.bottom, down, height);
  return { left, top, right, bottom };
}

function ends(first, last, wanted, limit) {
  const size = Math.min(wanted, limit);
  const begin = Math.min(Math.max(Math.floor((first + last - size) / 2), 0), limit - size);
  return [begin, begin + size];
}

function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function joined(a, b) {
  return { left: Math.min(a.left, b.left), top: Math.min(a.top, b.top), right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom) };
}

/* The boxes of the hole pixels in the cells of a grid, joined for cells that touch: few boxes, however many specks there are. */
function cellBoxes(runs, width) {
  const cells = new Map();
  for (let i = 0; i < runs.length; i += 2) {
    for (let at = runs[i]; at < runs[i + 1]; ) {
      const y = Math.floor(at / width);
      const left = at % width;
      const end = Math.min(runs[i + 1], (y + 1) * width) - y * width; // of this row
      const right = Math.min(end, (Math.floor(left / CELL) + 1) * CELL); // of this cell
      const key = `${Math.floor(left / CELL)},${Math.floor(y / CELL)}`;
      const box = { left, top: y, right, bottom: y + 1 };
      cells.set(key, cells.has(key) ? joined(cells.get(key), box) : box);
      at += right - left;
    }
  }
  const boxes = [];
  while (cells.size) {
    let [[key, box]] = cells;
    cells.delete(key);
    const waiting = [key];
    while (waiting.length) {
      const [column, row] = waiting.pop().split(",").map(Number);
      for (const [dx, dy] of [[-1, -1], [0, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [0, 1], [1, 1]]) {
        const other = `${column + dx},${row + dy}`;
        if (!cells.has(other)) continue;
        box = joined(box, cells.get(other));
        cells.delete(other);
        waiting.push(other);
      }
    }
    boxes.push(box);
  }
  return boxes;
}
