// How large boxes are, and the layout that the engine is asked for.

import { matrixSize } from "./matrix.js";
import { paced } from "./dom.js";

const LONGEST = 44;
export const HEAD = 30;
let pen = null;

function width(text, font) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = font;
  return pen.measureText(text).width;
}

export function cut(text) {
  const letters = [...text];
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join("")}…` : text;
}

const TITLE = "600 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const SMALL = "11px system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif";

export function nodeSize(model, index) {
  const node = model.nodes[index];
  const title = width(cut(node.title), TITLE) + (model.spreads(index) ? 22 : 0);
  const plain = Math.max(title, width(cut(caption(node)), SMALL)) + 28;
  if (!model.spread.has(index)) return { width: Math.max(plain, 64), height: 42 };
  const grid = matrixSize(model.elements(index));
  return { width: Math.max(plain, grid.width + 20), height: 42 + grid.height + 10 };
}

export function caption(node) {
  return node.note ? `${node.detail} · ${node.note}` : node.detail;
}

export function groupSize(group) {
  return { width: Math.max(96, width(cut(group.name), TITLE) + 56), height: 44 };
}

const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.layered.thoroughness": "7",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.json.shapeCoords": "ROOT",
  "elk.json.edgeCoords": "ROOT",
  "elk.spacing.nodeNode": "22",
  "elk.spacing.edgeNode": "14",
  "elk.spacing.edgeEdge": "9",
  "elk.layered.spacing.nodeNodeBetweenLayers": "34",
  "elk.layered.spacing.edgeNodeBetweenLayers": "14",
  "elk.layered.spacing.edgeEdgeBetweenLayers": "9",
  "elk.layered.nodePlacement.strategy": "BRANDES_KOEPF",
  "elk.layered.nodePlacement.bk.fixedAlignment": "BALANCED",
  "elk.padding": "[top=16,left=16,bottom=16,right=16]",
};

export async function request(model, arrows) {
  const edges = arrows.map((arrow, k) => ({ id: `e${k}`, sources: [arrow.source], targets: [arrow.target] }));
  return { id: "root", layoutOptions: OPTIONS, children: await children(model, model.root, paced()), edges };
}

async function children(model, group, rest) {
  const found = [];
  for (const inner of group.groups.values()) {
    if (!model.open.has(inner.id)) found.push({ id: inner.id, first: Math.min(...model.inside(inner)), ...groupSize(inner) });
    else {
      const layoutOptions = { "elk.padding": `[top=${HEAD + 8},left=12,bottom=12,right=12]` };
      found.push({ id: inner.id, layoutOptions, children: await children(model, inner, rest) });
    }
  }
  for (const index of group.members) {
    found.push({ id: `n${index}`, first: index, ...nodeSize(model, index) });
    await rest();
  }
  return found;
}
