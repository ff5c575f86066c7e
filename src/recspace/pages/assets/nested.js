// Boxes within boxes, laid out from the innermost outwards: lines that leave a box do so at a place on its edge.

import { layered } from "./layers.js";
import { HEAD } from "./sizes.js";
import { paced } from "./dom.js";

const ROOM = { top: 16, side: 16, bottom: 16 };

// What the engine is asked for, answered alike: `graph` as it takes it, places relative to the whole.
export async function nested(graph) {
  const rest = paced();
  const within = new Map();
  const containers = [];
  register(graph, null, within, containers);
  await rest();
  const routes = graph.edges.map((edge) => segments(edge.sources[0], edge.targets[0], within));
  const parts = new Map(containers.map(({ id }) => [id, { lines: new Map(), enter: new Set(), leave: new Set() }]));
  for (const route of routes) for (const one of route) note(parts.get(one.container), one);
  const laid = new Map();
  for (const container of containers) {
    laid.set(container.id, await inside(container, parts.get(container.id), laid, container === graph ? ROOM : { top: HEAD + 8, side: 12, bottom: 12 }, rest));
    await rest();
  }
  return assembled(graph, laid, routes, rest);
}

// Innermost first.
function register(box, parent, within, containers) {
  within.set(box.id, { parent });
  for (const child of box.children ?? []) register(child, box.id, within, containers);
  if (box.children) containers.push(box);
}

// A line as pieces, each within one container: out of the boxes around its beginning, into those around its end.
function segments(source, target, within) {
  const above = (id) => {
    const found = [];
    for (let at = within.get(id).parent; at !== null; at = within.get(at).parent) found.push(at);
    return found;
  };
  const [up, down] = [above(source), above(target)];
  const common = up.find((id) => down.includes(id));
  const [out, into] = [up.slice(0, up.indexOf(common)), down.slice(0, down.indexOf(common)).reverse()];
  const found = [];
  let at = { box: source };
  for (const container of out) {
    found.push({ container, from: at, to: { leave: source } });
    at = { box: container, leave: source };
  }
  found.push({ container: common, from: at, to: into.length ? { box: into[0], enter: source } : { box: target } });
  into.forEach((container, k) => {
    const next = into[k + 1];
    found.push({ container, from: { enter: source }, to: next ? { box: next, enter: source } : { box: target } });
  });
  return found;
}

const named = ({ box = "", enter, leave }) => `${box}\n${enter !== undefined ? `in ${enter}` : leave !== undefined ? `out ${leave}` : ""}`;

// Lines with the same ends are one.
function note(part, piece) {
  piece.name = `${named(piece.from)}\n${named(piece.to)}`;
  if (!part.lines.has(piece.name)) part.lines.set(piece.name, piece);
  if (piece.from.box === undefined) part.enter.add(piece.from.enter);
  if (piece.to.box === undefined) part.leave.add(piece.to.leave);
}

async function inside(container, { lines, enter, leave }, laid, room, rest) {
  const boxes = [...enter].map(() => ({ width: 0, height: 0, edge: "top" }));
  const number = new Map([...enter].map((source, k) => [named({ enter: source }), k]));
  for (const child of inOrder(container.children)) {
    const { width, height } = laid.get(child.id) ?? child;
    number.set(child.id, boxes.push({ width, height }) - 1);
  }
  for (const source of leave) number.set(named({ leave: source }), boxes.push({ width: 0, height: 0, edge: "bottom" }) - 1);
  const pieces = [...lines.values()];
  const ends = pieces.map(({ from, to }) => ({
    from: number.get(from.box ?? named(from)), to: number.get(to.box ?? named(to)),
    fromAt: from.box === undefined ? undefined : laid.get(from.box)?.leave.get(from.leave), toAt: to.box === undefined ? undefined : laid.get(to.box)?.enter.get(to.enter),
  }));
  const found = await layered(boxes, ends, { ...room, rest });
  const edge = (sources, of) => new Map([...sources].map((source) => [source, found.boxes[number.get(named({ [of]: source }))].x]));
  return {
    width: found.width, height: found.height, enter: edge(enter, "enter"), leave: edge(leave, "leave"),
    places: new Map(container.children.map(({ id }) => [id, found.boxes[number.get(id)]])),
    lines: new Map(pieces.map(({ name }, k) => [name, found.lines[k]])),
  };
}

// What a graph lists first is read by what follows: the order of the first part of each box.
function inOrder(children) {
  const first = (box) => (box.children ? Math.min(...box.children.map(first)) : box.first);
  return children.map((box) => [first(box), box]).sort((a, b) => a[0] - b[0]).map(([, box]) => box);
}

async function assembled(graph, laid, routes, rest) {
  const origin = new Map([[graph.id, { x: 0, y: 0 }]]);
  const put = (box) => {
    const [own, { x, y }] = [laid.get(box.id), origin.get(box.id)];
    const children = box.children.map((child) => {
      const place = own.places.get(child.id);
      const at = { x: x + place.x, y: y + place.y };
      if (!child.children) return { id: child.id, width: child.width, height: child.height, ...at };
      origin.set(child.id, at);
      return put(child);
    });
    return { id: box.id, x, y, width: own.width, height: own.height, children };
  };
  const whole = put(graph);
  const edges = [];
  for (const route of routes) {
    const points = route.flatMap(({ container, name }) => {
      const { x, y } = origin.get(container);
      return laid.get(container).lines.get(name).map((point) => ({ x: point.x + x, y: point.y + y }));
    });
    edges.push({ sections: [{ startPoint: points[0], bendPoints: points.slice(1, -1), endPoint: points.at(-1) }] });
    await rest();
  }
  return { ...whole, edges };
}
