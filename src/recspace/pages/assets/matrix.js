// Elements of a family side by side: pairs as a matrix with names along its edges, others as a column.

import { svg } from "./dom.js";

const LABELLED = 40; // names fit beside cells up to here
const ROOM = 360; // so that 39 fields have their names beside them
const LISTED = 48; // rows of a column that are drawn

// `f3 × f7` of fields, `2, f3` where a number is a part of it.
export function joined(key) {
  return key.join(key.some((part) => typeof part === "number") ? ", " : " × ");
}

// Rows and columns of keys: the last part of a key says the column, the parts before it the row.
export function grid(keys) {
  const pairs = keys.every((key) => key.length > 1);
  const rows = new Map();
  const columns = new Map();
  const cells = keys.map((key) => {
    const row = pairs ? joined(key.slice(0, -1)) : joined(key);
    const column = pairs ? String(key[key.length - 1]) : "";
    if (!rows.has(row)) rows.set(row, rows.size);
    if (!columns.has(column)) columns.set(column, columns.size);
    return [rows.get(row), columns.get(column)];
  });
  if (pairs && keys.every((key) => key.length === 2)) together(rows, columns, cells, keys);
  return { rows: [...rows.keys()], columns: [...columns.keys()], cells, pairs };
}

// Pairs over one set: its order is that of both edges, so that the cells make a triangle or a square.
function together(rows, columns, cells, keys) {
  const names = new Map();
  for (const key of keys) for (const part of key) if (!names.has(String(part))) names.set(String(part), names.size);
  const shared = [...rows.keys()].filter((name) => columns.has(name)).length;
  if (shared < Math.min(rows.size, columns.size) - 1 || shared === 0) return;
  for (const [map, all] of [[rows, [...rows.keys()]], [columns, [...columns.keys()]]]) {
    const order = all.sort((a, b) => names.get(a) - names.get(b));
    map.clear();
    order.forEach((name, k) => map.set(name, k));
  }
  keys.forEach((key, k) => {
    cells[k] = [rows.get(String(key[0])), columns.get(String(key[1]))];
  });
}

function measures(layout, room) {
  const { rows, columns, pairs } = layout;
  const most = Math.max(rows.length, columns.length);
  if (!pairs) return { size: 14, left: 120, top: 0, bar: 90, shown: Math.min(rows.length, LISTED) };
  const size = Math.max(3, Math.min(18, Math.floor(room / most)));
  const named = most <= LABELLED && size >= 9;
  const longest = (names) => Math.min(110, Math.max(...names.map((name) => [...name].length)) * 6 + 8);
  return { size, left: named ? longest(rows) : 4, top: named ? longest(columns) : 4, named, shown: rows.length };
}

export function matrixSize(keys, room = ROOM) {
  const layout = grid(keys);
  const { size, left, top, bar, shown } = measures(layout, room);
  if (!layout.pairs) return { width: left + bar + 56, height: shown * size + (shown < layout.rows.length ? 16 : 0) };
  return { width: left + layout.columns.length * size + 4, height: top + layout.rows.length * size + 4 };
}

// Draw it. `cell(k)` gives { level: a class, amount: 0…1, text } of element k; `hover(text, event)` is told of them.
export function drawMatrix(keys, cell, { room = ROOM, hover = null } = {}) {
  const layout = grid(keys);
  const size = matrixSize(keys, room);
  const group = svg("g", { class: "matrix" });
  if (layout.pairs) cells(group, layout, measures(layout, room), keys, cell, hover);
  else bars(group, layout, measures(layout, room), cell);
  return { group, ...size };
}

function cells(group, layout, { size, left, top, named }, keys, cell, hover) {
  const paths = new Map();
  const gap = size > 5 ? 1 : 0.4;
  const at = new Map();
  layout.cells.forEach(([row, column], k) => {
    const { level } = cell(k);
    const [x, y] = [left + column * size, top + row * size];
    const side = size - gap;
    paths.set(level, `${paths.get(level) ?? ""}M${x} ${y}h${side}v${side}h${-side}z`);
    at.set(row * layout.columns.length + column, k);
  });
  for (const [level, d] of paths) group.append(svg("path", { class: `cell ${level}`, d }));
  if (named) labels(group, layout, size, left, top);
  if (!hover) return;
  group.addEventListener("pointermove", (event) => {
    const matrix = group.getScreenCTM();
    if (!matrix) return;
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    const [row, column] = [Math.floor((point.y - top) / size), Math.floor((point.x - left) / size)];
    const k = column >= 0 && column < layout.columns.length ? at.get(row * layout.columns.length + column) : undefined;
    if (k === undefined) hover(null);
    else hover(`${joined(keys[k])}${cell(k).text ? `: ${cell(k).text}` : ""}`, event);
  });
  group.addEventListener("pointerleave", () => hover(null));
}

function labels(group, layout, size, left, top) {
  const room = (space) => Math.max(3, Math.floor((space - 6) / 5.6));
  layout.rows.forEach((name, k) => {
    const text = shortened(name, room(left));
    group.append(svg("text", { class: "edge-name", x: left - 4, y: top + k * size + size / 2 + 3, "text-anchor": "end" }, text));
  });
  layout.columns.forEach((name, k) => {
    const [x, y] = [left + k * size + size / 2 + 3, top - 4];
    group.append(svg("text", { class: "edge-name", x, y, transform: `rotate(-90 ${x} ${y})` }, shortened(name, room(top))));
  });
}

function bars(group, layout, { size, left, bar, shown }, cell) {
  for (let k = 0; k < shown; k++) {
    const { level, amount, text } = cell(k);
    const y = k * size;
    group.append(
      svg("text", { class: "edge-name", x: left - 6, y: y + 10, "text-anchor": "end" }, shortened(layout.rows[k], 18)),
      svg("rect", { class: "bar-back", x: left, y: y + 2, width: bar, height: size - 4, rx: 2 }),
      svg("rect", { class: `cell ${level}`, x: left, y: y + 2, width: bar * Math.max(0, Math.min(1, amount)), height: size - 4, rx: 2 }),
      svg("text", { class: "edge-name", x: left + bar + 6, y: y + 10 }, shortened(text, 10)),
    );
  }
  const more = layout.rows.length - shown;
  if (more > 0) group.append(svg("text", { class: "edge-name", x: left, y: shown * size + 11 }, `and ${more} more`));
}

export function shortened(text, letters) {
  const all = [...String(text)];
  return all.length > letters ? `${all.slice(0, letters - 1).join("")}…` : all.join("");
}
