// From the engine's answer to places of boxes and lines of arrows, and the drawing of the lines.

import { svg, turn, slice, paced } from "./dom.js";

const SINGLE = 400; // arrows that are drawn one by one, each with its own weight; more share paths
const SHARED = 120;
const ROUND = 7;

export async function place(model, arrows, laid) {
  const rest = paced();
  const boxes = new Map();
  const visit = (children) => {
    for (const { id, x, y, width, height, children: inner } of children ?? []) {
      const group = model.groups.get(id);
      const box = { id, x, y, width, height };
      boxes.set(id, group ? { ...box, group, open: model.open.has(id) } : { ...box, index: Number(id.slice(1)) });
      visit(inner);
    }
  };
  visit(laid.children);
  const lines = [];
  for (const [k, { sections }] of laid.edges.entries()) {
    lines.push({ ...arrows[k], d: path(sections?.[0]), tip: end(sections?.[0]) });
    await rest();
  }
  return { boxes, lines, extent: { x: 0, y: 0, width: laid.width, height: laid.height } };
}

function points(section) {
  return section ? [section.startPoint, ...(section.bendPoints ?? []), section.endPoint] : [];
}

// A line with rounded corners.
function path(section) {
  const all = points(section);
  if (!all.length) return "";
  let d = `M${all[0].x.toFixed(1)} ${all[0].y.toFixed(1)}`;
  for (let k = 1; k < all.length - 1; k++) {
    const [from, corner, to] = [all[k - 1], all[k], all[k + 1]];
    const [a, b] = [towards(corner, from), towards(corner, to)];
    d += `L${a}Q${corner.x.toFixed(1)} ${corner.y.toFixed(1)} ${b}`;
  }
  const last = all[all.length - 1];
  return `${d}L${last.x.toFixed(1)} ${last.y.toFixed(1)}`;
}

function towards(corner, other) {
  const length = Math.hypot(other.x - corner.x, other.y - corner.y) || 1;
  const part = Math.min(ROUND, length / 2) / length;
  return `${(corner.x + (other.x - corner.x) * part).toFixed(1)} ${(corner.y + (other.y - corner.y) * part).toFixed(1)}`;
}

// The head of an arrow, as a path of its own.
function end(section) {
  const all = points(section);
  if (all.length < 2) return "";
  const [before, last] = all.slice(-2);
  const angle = Math.atan2(last.y - before.y, last.x - before.x);
  const at = (turned, far) => `${(last.x - far * Math.cos(angle + turned)).toFixed(1)} ${(last.y - far * Math.sin(angle + turned)).toFixed(1)}`;
  return `M${last.x.toFixed(1)} ${last.y.toFixed(1)}L${at(0.42, 7)}L${at(-0.42, 7)}z`;
}

export async function drawArrows(view, version) {
  const { lines, layers, look } = view;
  const time = slice();
  const single = lines.length <= SINGLE;
  const shared = new Map();
  for (const line of lines) {
    const role = [...line.roles].every(Boolean) ? " role" : "";
    const { width, opacity } = look.arrow(line);
    if (single) layers.arrows.append(...pair(line.d, line.tip, role, width, opacity));
    else {
      const name = `${role}|${width.toFixed(0)}|${(Math.round(opacity * 4) / 4).toFixed(2)}`;
      if (!shared.has(name)) shared.set(name, []);
      shared.get(name).push(line);
    }
    if (!time.spent()) continue;
    await turn();
    if (version !== view.version) return;
    time.again();
  }
  for (const [name, own] of shared) {
    const [role, width, opacity] = name.split("|");
    for (let k = 0; k < own.length; k += SHARED) {
      const some = own.slice(k, k + SHARED);
      layers.arrows.append(...pair(some.map((l) => l.d).join(""), some.map((l) => l.tip).join(""), role, Number(width), Number(opacity)));
      await turn();
      if (version !== view.version) return;
    }
  }
}

function pair(d, tip, role, width, opacity) {
  const look = { opacity: opacity < 1 ? opacity.toFixed(2) : undefined };
  return [
    svg("path", { class: `arrow${role}`, d, "stroke-width": width === 1 ? undefined : width.toFixed(1), ...look }),
    svg("path", { class: `tip${role}`, d: tip, ...look }),
  ];
}
