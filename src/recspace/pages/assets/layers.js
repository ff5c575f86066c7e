// The boxes of one container in layers, from top to bottom (Sugiyama, Tagawa and Toda 1981): each below what it reads, lines as
// short and straight, and with as few crossings, as a few sweeps make them. For graphs too large for the engine.

const SWEEPS = 6;
const HOME = 0.04; // how much boxes are drawn to the middle, against one line
const GAP = { across: 22, beside: 12, below: 36 };

// `boxes`: { width, height, edge?: "top" | "bottom" } – those on an edge are where lines enter or leave the container.
// `lines`: { from, to, fromAt?, toAt? } – boxes by number, and where along them, in their own units; otherwise in the middle.
// Gives `width`, `height`, and boxes and lines with places: x, y of boxes; points of lines. `rest` is awaited between slices.
export async function layered(boxes, lines, { top, side, bottom, rest }) {
  const { rows, level } = layers(boxes, lines);
  const wires = threads(boxes, lines, rows, level);
  await order(rows, wires, rest);
  await spread(rows, wires, rest);
  return placed(boxes, lines, rows, level, wires, { top, side, bottom });
}

// Each box one layer below the lowest of those it reads; what reads little is pulled down to its first reader.
function layers(boxes, lines) {
  const readers = boxes.map(() => []);
  const reads = boxes.map(() => []);
  for (const { from, to } of lines) if (from < to) readers[from].push(to), reads[to].push(from);
  const level = boxes.map(() => 0);
  const entries = boxes.some(({ edge }) => edge === "top") ? 1 : 0;
  boxes.forEach(({ edge }, k) => (level[k] = Math.max(edge === "top" ? 0 : entries, ...reads[k].map((one) => level[one] + 1))));
  for (let k = boxes.length - 1; k >= 0; k--) {
    if (!boxes[k].edge && readers[k].length >= reads[k].length && readers[k].length) level[k] = Math.max(level[k], Math.min(...readers[k].map((one) => level[one])) - 1);
  }
  const inner = Math.max(entries - 1, ...boxes.map(({ edge }, k) => (edge === "bottom" ? -1 : level[k])));
  boxes.forEach(({ edge }, k) => edge === "bottom" && (level[k] = inner + 1));
  const rows = Array.from({ length: Math.max(...level, 0) + 1 }, () => []);
  boxes.forEach(({ width, height }, k) => rows[level[k]].push({ box: k, width, height, up: [], down: [], x: 0 }));
  return { rows, level };
}

// Lines that pass layers, with a place in each; all lines from one place of a box share theirs. A line may lead up.
function threads(boxes, lines, rows, level) {
  const spots = new Map(rows.flatMap((row) => row.map((spot) => [spot.box, spot])));
  const passed = new Map();
  const join = (upper, lower, upperAt, lowerAt) => {
    upper.down.push([lower, upperAt, lowerAt]);
    lower.up.push([upper, lowerAt, upperAt]);
  };
  return lines.map(({ from, to, fromAt, toAt }) => {
    const turned = level[from] > level[to];
    const [high, low, highAt, lowAt] = turned ? [to, from, toAt, fromAt] : [from, to, fromAt, toAt];
    const via = [];
    let [above, at] = [spots.get(high), (highAt ?? boxes[high].width / 2) - boxes[high].width / 2];
    for (let layer = level[high] + 1; layer < level[low]; layer++) {
      const name = `${turned ? "up" : "down"} ${high} ${highAt} ${layer}`;
      let spot = passed.get(name);
      if (!spot) {
        passed.set(name, (spot = { box: null, width: 0, height: 0, up: [], down: [], x: 0 }));
        rows[layer].push(spot);
        join(above, spot, at, 0);
      }
      via.push(spot);
      [above, at] = [spot, 0];
    }
    if (level[high] !== level[low]) join(above, spots.get(low), at, (lowAt ?? boxes[low].width / 2) - boxes[low].width / 2);
    return { via, turned };
  });
}

const place = ([spot, , at]) => spot.order + at / (spot.width + 1) / 2;

// Sweep down and up, each layer in the order of the means of what it is joined to; the best order that was met is taken.
async function order(rows, wires, rest) {
  const number = (row) => row.forEach((spot, k) => (spot.order = k));
  rows.forEach(number);
  let [best, least] = [rows.map((row) => [...row]), crossings(rows)];
  for (let sweep = 0; sweep < SWEEPS && least; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      for (const spot of row) {
        const own = down ? spot.up : spot.down;
        spot.mean = own.length ? own.reduce((sum, one) => sum + place(one), 0) / own.length : spot.order;
      }
      row.sort((a, b) => a.mean - b.mean || a.order - b.order);
      number(row);
      await rest();
    }
    const now = crossings(rows);
    if (now < least) [best, least] = [rows.map((row) => [...row]), now];
  }
  best.forEach((row, k) => number((rows[k] = row)));
}

// How many lines between neighbouring layers cross, counted by a tree of sums.
function crossings(rows) {
  let count = 0;
  for (const row of rows) {
    const ends = row.flatMap((spot) => spot.down.map((one) => [spot.order, place(one), one[0].order]));
    ends.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const size = Math.max(0, ...ends.map(([, , low]) => low)) + 2;
    const tree = new Int32Array(size + 1);
    ends.forEach(([, , low], seen) => {
      let before = 0;
      for (let k = low + 1; k > 0; k -= k & -k) before += tree[k];
      count += seen - before;
      for (let k = low + 1; k <= size; k += k & -k) tree[k] += 1;
    });
  }
  return count;
}

// Where along its layer everything lies: as near to the means of what it is joined to as the order and the widths admit.
async function spread(rows, wires, rest) {
  for (const row of rows) settle(row, () => [0, 0.001]);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      settle(row, (spot) => {
        const own = sweep === SWEEPS - 1 ? [...spot.up, ...spot.down] : down ? spot.up : spot.down;
        if (!own.length) return [spot.x, 0.01];
        const sum = own.reduce((all, [other, mine, theirs]) => all + other.x + theirs - mine, 0);
        return spot.box === null ? [sum / own.length, 4] : [sum / (own.length + HOME), 1];
      });
      await rest();
    }
  }
}

// Least squares under an order: x as near as can be to what is wished for (pool adjacent violators).
function settle(row, wish) {
  const pools = [];
  let offset = 0;
  row.forEach((spot, k) => {
    if (k) offset += (row[k - 1].width + spot.width) / 2 + (row[k - 1].box !== null && spot.box !== null ? GAP.across : GAP.beside);
    const [x, weight] = wish(spot);
    let pool = { mean: x - offset, weight, members: [[spot, offset]] };
    while (pools.length && pools.at(-1).mean >= pool.mean) {
      const before = pools.pop();
      const sum = before.weight + pool.weight;
      pool = { mean: (before.mean * before.weight + pool.mean * pool.weight) / sum, weight: sum, members: before.members.concat(pool.members) };
    }
    pools.push(pool);
  });
  for (const { mean, members } of pools) for (const [spot, at] of members) spot.x = mean + at;
}

function placed(boxes, lines, rows, level, wires, { top, side, bottom }) {
  const all = rows.flat();
  const left = Math.min(...all.map(({ x, width }) => x - width / 2)) - side;
  const width = Math.max(...all.map((spot) => spot.x + spot.width / 2)) + side - left;
  const begins = [];
  let y = boxes.some(({ edge }) => edge === "top") ? 0 : top;
  const tall = rows.map((row) => Math.max(0, ...row.map(({ height }) => height)));
  tall.forEach((height, k) => {
    begins.push(y);
    y += height + (k < tall.length - 1 ? Math.max(k === 0 && begins[0] === 0 ? top : 0, GAP.below) : 0);
  });
  const height = y + (boxes.some(({ edge }) => edge === "bottom") ? 0 : bottom);
  const found = boxes.map(() => null);
  for (const spot of all) if (spot.box !== null) found[spot.box] = { x: spot.x - spot.width / 2 - left, y: begins[level[spot.box]] + (tall[level[spot.box]] - spot.height) / 2 };
  const routes = lines.map((line, k) => route(line, wires[k], { boxes, found, level, begins, tall, left }));
  return { width, height, boxes: found, lines: routes };
}

// From the box down to the end of its layer, through the places in the layers between, to the beginning of the other's layer.
// Where a box does not say at which place, it is the one that makes the line straight.
function route({ from, to, fromAt, toAt }, { via, turned }, { boxes, found, level, begins, tall, left }) {
  const [high, low, highAt, lowAt] = turned ? [to, from, toAt, fromAt] : [from, to, fromAt, toAt];
  const middle = (box) => found[box].x + boxes[box].width / 2;
  const at = (box, own, near) => {
    const margin = Math.min(14, boxes[box].width / 2);
    return own === undefined ? Math.min(found[box].x + boxes[box].width - margin, Math.max(found[box].x + margin, near)) : found[box].x + own;
  };
  const begin = at(high, highAt, via.length ? via[0].x - left : at(low, lowAt, middle(high)));
  const end = at(low, lowAt, via.length ? via.at(-1).x - left : begin);
  const points = [{ x: begin, y: found[high].y + boxes[high].height }, { x: begin, y: begins[level[high]] + tall[level[high]] }];
  via.forEach((spot, k) => {
    const layer = level[high] + 1 + k;
    points.push({ x: spot.x - left, y: begins[layer] }, { x: spot.x - left, y: begins[layer] + tall[layer] });
  });
  points.push({ x: end, y: begins[level[low]] }, { x: end, y: found[low].y });
  const kept = points.filter((p, k) => !k || Math.abs(p.x - points[k - 1].x) > 0.01 || Math.abs(p.y - points[k - 1].y) > 0.01);
  return turned ? kept.reverse() : kept;
}
