// The page of a graph: as written and after the passes, the text and the generated module, side by side.

import { html, button, skip, tooltip } from "./dom.js";
import { pageData } from "./unpack.js";
import { Engine } from "./engine.js";
import { Model } from "./model.js";
import { GraphView } from "./view.js";
import { TextPane } from "./text.js";
import { nodeDetails, groupDetails } from "./details.js";
import { searchBox } from "./find.js";
import { outline } from "./outline.js";
import { panes } from "./panes.js";

const FEW = 60; // parts that are all shown at once
const PLAIN_CELL = { cell: () => ({ level: "there", amount: 1, text: "" }) };

async function graphPage() {
  const engine = new Engine();
  const data = await pageData();
  const tip = tooltip();
  const models = data.stages.map((stage) => new Model(stage));
  const views = models.map((model, k) => {
    if (model.nodes.length <= FEW) model.openAll();
    return new GraphView({ model, engine, tip, label: `${data.name}, ${data.stages[k].name}`, select: (box) => selected(k, box) });
  });
  const texts = data.sources.map(({ text }, file) => new TextPane(text, "space", (line) => fromText(file, line)));
  const code = data.code && new TextPane(data.code, "python", (_, row) => fromCode(row));
  const definitions = data.code && data.stages[1] ? linesOfNames(code, data.stages[1].nodes) : new Map();
  const side = html("aside", { class: "side", "aria-label": "Details", tabindex: 0 });
  const go = (k) => async (index) => views[k].show(index);

  function selected(k, box) {
    const model = models[k];
    if (!box) return side.replaceChildren(welcome(data, models[0], go(0)));
    const options = { decisions: data.decisions, look: PLAIN_CELL, go: go(k), tip };
    side.replaceChildren(box.group ? groupDetails(model, box.group, options) : nodeDetails(model, box.index, options));
    if (box.index === undefined) return undefined;
    const node = model.nodes[box.index];
    for (const text of texts) text.clear();
    if (node.at) texts[node.at[0]].highlight(node.at[1], node.at[2]);
    views.forEach((view, other) => view.mark(other === k || !node.at ? [] : same(models[other], node.at)));
    const own = k === 1 ? [box.index] : models[1] && node.at ? same(models[1], node.at) : [];
    code?.highlightLines(own.flatMap((index) => definitions.get(index) ?? []));
    return undefined;
  }

  function fromText(file, line) {
    const index = smallest(models[0], file, line);
    if (index !== null) views[0].show(index);
  }

  function fromCode(row) {
    const hit = [...definitions].find(([, rows]) => rows.includes(row));
    if (hit) views[1].show(hit[0]);
  }

  const named = data.sources.map(({ name }, k) => html("div", { class: "file" }, html("p", { class: "file-name" }, name), texts[k].element));
  const { row, bar } = panes([
    { name: "Graph", element: views[0].element, shown: true, first: true },
    ...(views[1] ? [{ name: "After passes", element: views[1].element, shown: false, first: true }] : []),
    { name: "Text", element: html("div", { class: "files" }, named), shown: innerWidth > 900 },
    ...(code ? [{ name: "Code", element: code.element, shown: false }] : []),
    { name: "Outline", element: outline(models[0], go(0)), shown: false },
  ], (name, shown) => name === "After passes" && shown && !views[1].boxes.size && views[1].refresh());
  side.replaceChildren(welcome(data, models[0], go(0)));
  document.body.prepend(
    skip("Skip to the graph", () => views[0].frame),
    html("header", { class: "head" }, html("div", { class: "titles" }, html("h1", {}, data.name), html("p", {}, data.title)), searchBox(models[0], go(0)), bar),
    html("div", { class: "stage" }, row, side),
  );
  await views[0].refresh();
  document.body.dataset.ready = "yes";
}

function welcome(data, model, go) {
  const decision = (one) => html("li", {}, html("b", {}, one.name), html("span", {}, ` ${one.axes.join(", ")}`), html("p", {}, `${one.domain} · ${Number(one.elements).toLocaleString("en")} ×`));
  const first = (one) => model.nodes.findIndex((node) => node.decision === one.name);
  const items = data.decisions.map((one) => {
    const item = decision(one);
    const index = first(one);
    if (index >= 0) item.append(button("show", () => go(index), { class: "quiet", "aria-label": `Show ${one.name}` }));
    return item;
  });
  return html(
    "section",
    { class: "details", "aria-label": "About this space" },
    html("h2", {}, data.decisions.length ? "What is decided" : "Nothing is decided"),
    html("ul", { class: "decisions" }, items),
    html("dl", {}, html("dt", {}, "Architectures"), html("dd", {}, data.size), html("dt", {}, "Data"), html("dd", {}, data.data),
      html("dt", {}, "Graph"), html("dd", {}, data.stages.map((s) => `${s.nodes.length} parts ${s.name.toLowerCase()}`).join(", "))),
    data.refused ? html("p", { class: "warn" }, `There is no generated module: ${data.refused}`) : null,
    legend(),
    html("p", { class: "hint" }, "Drag to move, wheel to zoom, double-click a box or a family to open it. Keys: arrows go along the graph, Enter opens, + − 0 zoom, / finds."),
  );
}

function legend() {
  const kinds = [["input", "data"], ["decision", "decision"], ["learned", "learned"], ["operator", "operation"], ["select", "alternatives"], ["reduce", "sum or other reduction"], ["output", "output"]];
  return html("ul", { class: "legend" }, kinds.map(([kind, text]) => html("li", { class: `k-${kind}` }, text)));
}

// Nodes that come from the same piece of text.
function same(model, [file, start, end]) {
  return model.nodes.flatMap((node, k) => (node.at && node.at[0] === file && node.at[1] === start && node.at[2] === end ? [k] : []));
}

// The node whose text is the least that meets a line.
function smallest(model, file, { start, end }) {
  let best = null;
  model.nodes.forEach((node, index) => {
    if (!node.at || node.at[0] !== file || node.at[1] > end || node.at[2] < start) return;
    const length = (k) => model.nodes[k].at[2] - model.nodes[k].at[1];
    if (best === null || length(index) < length(best)) best = index;
  });
  return best;
}

// The lines of the module in which the values of nodes are made.
function linesOfNames(code, nodes) {
  const made = new Map();
  code.lines.forEach(({ start, end }, row) => {
    const name = /^\s+([A-Za-z_]\w*)(?:, \w+)* = /u.exec(code.letters.slice(start, end).join(""))?.[1];
    if (name) made.set(name, [...(made.get(name) ?? []), row]);
  });
  return new Map(nodes.flatMap((node, k) => (made.has(node.name) ? [[k, made.get(node.name)]] : [])));
}

graphPage();
