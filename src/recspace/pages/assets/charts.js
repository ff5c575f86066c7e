// Charts in SVG: lines over steps, dots in a plane. Values can be read as a table, too.

import { html, svg, number, scroll } from "./dom.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [560, 230, 54, 14, 18, 34];

export function ticks(low, high, count = 5) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => span / s <= count) ?? rough;
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) found.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return found;
}

// A tick with as many digits as tell it from the next one.
function ticked(value, all) {
  const step = all.length > 1 ? Math.abs(all[1] - all[0]) : Math.abs(value) || 1;
  if (Math.abs(value) >= 1e6) return Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
  const digits = Math.min(8, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function extent(values, around = 0.06) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * around;
  return [low - room, high + room];
}

const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);

function frame(title, xs, ys, xTitle, { log = false } = {}) {
  const x = scale(...xs, LEFT, WIDTH - RIGHT);
  const y = scale(...ys, HEIGHT - BOTTOM, TOP);
  const picture = svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  const [across, up] = [ticks(...xs, 6), ticks(...ys)];
  for (const v of up) {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(v), y2: y(v) }), svg("text", { class: "axis", x: LEFT - 7, y: y(v) + 3.5, "text-anchor": "end" }, ticked(v, up)));
  }
  for (const v of across) {
    const text = log ? number(10 ** v, 2) : ticked(v, across);
    picture.append(svg("text", { class: "axis", x: x(v), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, text));
  }
  picture.append(svg("line", { class: "base", x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }), svg("text", { class: "axis", x: WIDTH - RIGHT, y: HEIGHT - 4, "text-anchor": "end" }, xTitle));
  return { picture, x, y };
}

function bands(picture, x, stages) {
  stages.forEach(({ name, from, to }, k) => {
    if (to <= from) return;
    const [a, b] = [x(from), x(to)];
    if (k % 2) picture.prepend(svg("rect", { class: "band", x: a, y: TOP, width: b - a, height: HEIGHT - TOP - BOTTOM }));
    const letters = Math.floor((b - a) / 6);
    if (letters > 3) picture.append(svg("text", { class: "axis", x: a + 3, y: TOP - 6 }, [...name].slice(0, letters).join("")));
  });
}

// Lines: { name, points }. The cursor is a vertical line that `at(x)` moves.
export function lineChart({ title, series, stages, xTitle = "steps", low = null, high = null }) {
  const shown = series.filter(({ points }) => points.length);
  if (!shown.length) return null;
  const all = shown.flatMap(({ points }) => points);
  const ys = extent(all.map(([, v]) => v));
  const end = Math.max(...all.map(([v]) => v), ...stages.map(({ to }) => to));
  const { picture, x, y } = frame(title, [0, end], [low ?? ys[0], high ?? ys[1]], xTitle);
  bands(picture, x, stages);
  shown.forEach(({ points, stage }, k) => {
    const d = points.map(([px, py], i) => `${i ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("");
    picture.append(svg("path", { class: `line l${(stage ?? k) % 8} d${k % 3}`, d }));
    if (points.length < 40) for (const [px, py] of points) picture.append(svg("circle", { class: `dot l${(stage ?? k) % 8}`, cx: x(px), cy: y(py), r: 2.2 }));
  });
  const cursor = svg("line", { class: "cursor", x1: LEFT, x2: LEFT, y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  picture.append(cursor);
  const values = shown.map(({ name }, k) => html("li", { class: `l${(shown[k].stage ?? k) % 8} d${k % 3}` }, html("span", {}, name), html("b", {}, number(shown[k].points.at(-1)[1], 4))));
  const element = figure(title, picture, html("ul", { class: "keys" }, values), () => table(shown));
  const at = (position) => {
    cursor.setAttribute("visibility", position === null ? "hidden" : "visible");
    for (const end_ of ["x1", "x2"]) cursor.setAttribute(end_, x(position ?? 0));
    shown.forEach(({ points }, k) => {
      const before = points.filter(([px]) => position === null || px <= position);
      values[k].lastChild.textContent = before.length ? number(before.at(-1)[1], 4) : "–";
    });
  };
  return { element, at };
}

// Dots: { x, y, name, level, strong }; `front`: dots that are joined by a stair.
export function dotChart({ title, dots, xTitle, yTitle, front = [], log = false, tip = null }) {
  if (!dots.length) return null;
  const put = (v) => (log ? Math.log10(Math.max(v, 1)) : v);
  const { picture, x, y } = frame(title, extent(dots.map((dot) => put(dot.x)), 0.08), extent(dots.map((dot) => dot.y), 0.1), xTitle, { log });
  picture.append(svg("text", { class: "axis", x: LEFT, y: TOP - 6 }, yTitle));
  const stair = front.map((dot, k) => (k ? `H${x(put(dot.x)).toFixed(1)}V${y(dot.y).toFixed(1)}` : `M${x(put(dot.x)).toFixed(1)} ${y(dot.y).toFixed(1)}`)).join("");
  if (stair) picture.append(svg("path", { class: "line l5", d: stair }));
  for (const dot of dots) {
    const mark = svg("circle", { class: `dot ${dot.level ?? "l0"}`, cx: x(put(dot.x)), cy: y(dot.y), r: dot.strong ? 5 : 3.4 });
    if (tip) {
      mark.addEventListener("pointermove", (event) => tip.show(dot.name, event));
      mark.addEventListener("pointerleave", () => tip.hide());
    }
    picture.append(mark);
    if (dot.label) picture.append(svg("text", { class: "axis label", x: x(put(dot.x)) + 7, y: y(dot.y) + 3.5 }, dot.label));
  }
  const rows = dots.map((dot) => [dot.name, number(dot.x), number(dot.y)]);
  return { element: figure(title, picture, null, () => plainTable(["", xTitle, yTitle], rows)) };
}

function table(series) {
  const rows = series.flatMap(({ name, points }) => points.map(([x, y]) => [name, number(x), number(y)]));
  const every = Math.ceil(rows.length / 200);
  return plainTable(["series", "step", "value"], rows.filter((_, k) => k % every === 0));
}

export function plainTable(head, rows, { kind = "" } = {}) {
  const cells = (name, row) => html("tr", {}, row.map((text, k) => html(k === 0 && name === "td" ? "th" : name, { scope: name === "th" ? "col" : k === 0 ? "row" : undefined }, text)));
  return html("table", { class: `plain ${kind}` }, html("thead", {}, cells("th", head)), html("tbody", {}, rows.map((row) => cells("td", row))));
}

// A picture with its title, its key, and its values as a table that is made when it is asked for.
export function figure(title, picture, keys, values) {
  const more = html("details", { class: "values" }, html("summary", {}, "as a table", html("span", { class: "unseen" }, `: ${title}`)));
  more.addEventListener("toggle", () => more.childElementCount < 2 && more.append(scroll(`${title}, as a table`, values())));
  return html("figure", { "aria-label": title }, html("figcaption", {}, title), keys, picture, more);
}
