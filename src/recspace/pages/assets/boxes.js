// Boxes of a picture: nodes, with their elements where these are shown, and boxes that hold others.

import { svg } from "./dom.js";
import { cut, caption, HEAD } from "./sizes.js";
import { drawMatrix } from "./matrix.js";

// A shape for each kind, so that it is not told by its colour alone.
const SQUARE = "M-4 -4h8v8h-8z";
const TRIANGLE = "M0 -4.5L5 4.5H-5z";
const SHAPES = {
  decision: "M0 -5.5L5.5 0L0 5.5L-5.5 0z", input: "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z", select: "M0 4.5L5 -4.5H-5z", reduce: TRIANGLE, subsetsum: TRIANGLE,
  learned: "M-1.6 -5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z", output: "M-2.5 -5h5L5 0L2.5 5h-5L-5 0z", constant: "M-4.5 -2h9v4h-9z", merge: "M-4.5 -2h9v4h-9z",
};

export function drawNode(view, { index, x, y, width, height }) {
  const node = view.model.nodes[index];
  const faded = view.look.faded(index) ? " faded" : "";
  const element = svg("g", { class: `node k-${node.kind} ${node.phase}${faded}`, transform: `translate(${x} ${y})` });
  element.append(svg("rect", { class: "body", width, height, rx: 7 }), svg("path", { class: "stripe", d: SHAPES[node.kind] ?? SQUARE, transform: `translate(8.5 ${height > 60 ? 14 : height / 2})` }));
  return element;
}

export function drawGroup({ group, open, x, y, width, height }) {
  const element = svg("g", { class: `group ${open ? "open" : "closed"}`, transform: `translate(${x} ${y})` });
  element.append(svg("rect", { class: "body", width, height, rx: 10 }));
  if (!open && group.decisions) element.append(svg("circle", { class: "holds", cx: width - 12, cy: 12, r: 4 }));
  return element;
}

// What can only be read from near.
export function addText(view, element, box) {
  if (box.group) return groupText(element, box);
  const node = view.model.nodes[box.index];
  element.append(
    svg("text", { class: "title", x: 17, y: 18 }, cut(node.title)),
    svg("text", { class: "caption", x: 17, y: 33 }, cut(caption(node))),
  );
  if (!view.model.spreads(box.index)) return;
  const spread = view.model.spread.has(box.index);
  element.append(toggle(box.width - 15, 13, spread));
  if (!spread) return;
  const hover = view.tip && ((text, event) => (text ? view.tip.show(text, event) : view.tip.hide()));
  const { group } = drawMatrix(view.model.elements(box.index), (k) => view.look.cell(box.index, k), { hover });
  group.setAttribute("transform", "translate(12 44)");
  element.append(group);
}

function groupText(element, { group, open, width }) {
  if (open) element.append(toggle(16, HEAD / 2 + 2, true), svg("text", { class: "title", x: 30, y: HEAD / 2 + 6 }, cut(group.name)));
  else {
    element.append(
      toggle(16, 22, false),
      svg("text", { class: "title", x: 30, y: 19 }, cut(group.name)),
      svg("text", { class: "caption", x: 30, y: 34 }, `${group.count} parts`),
    );
  }
  return width;
}

function toggle(x, y, open) {
  const arrow = open ? "M-4 -2.5 L0 2.5 L4 -2.5" : "M-2.5 -4 L2.5 0 L-2.5 4";
  return svg(
    "g",
    { class: "toggle", transform: `translate(${x} ${y})` },
    svg("circle", { r: 9 }),
    svg("path", { d: arrow }),
  );
}
