// All that is known of the box that is selected.

import { html, svg, button, number } from "./dom.js";
import { drawMatrix } from "./matrix.js";

const SHOWN = 12;

export function nodeDetails(model, index, { decisions, look, go, tip }) {
  const node = model.nodes[index];
  const decision = node.decision && decisions.find((one) => one.name === node.decision);
  const facts = [
    ["Shape", node.detail],
    ["Phase", PHASES[node.phase] ?? node.phase],
    ["Elements", node.axes.length ? `${number(node.rows)} – ${node.axes.join(", ")}` : null],
    ["Cost", node.cost ? `${number(node.cost[0])} parameters, ${number(node.cost[1])} operations an example` : null],
    ["Note", node.note],
  ];
  if (decision) {
    facts.push(["Domain", decision.domain], ["Default", decision.default], ["Decided", `${times(decision.elements)} times`]);
    facts.push(["Size", size(decision)]);
    if (decision.conditional) facts.push(["Exists", "under some choices alone"]);
  }
  return html(
    "section",
    { class: "details", "aria-label": "Details" },
    html("p", { class: `kind k-${node.kind}` }, node.kind),
    html("h2", {}, node.title),
    html("dl", {}, facts.filter(([, text]) => text).flatMap(([name, text]) => [html("dt", {}, name), html("dd", {}, String(text))])),
    html("h3", {}, "Formula"),
    formula(model, node.formula, go),
    elements(model, index, look, tip),
    neighbours("Reads", model, model.reads[index], go),
    neighbours("Is read by", model, model.readBy[index], go),
  );
}

const PHASES = { compile: "known when compiling", search: "settled by the search", run: "computed for every example" };

export function groupDetails(model, group, { go }) {
  const inside = model.inside(group);
  const kinds = new Map();
  for (const index of inside) kinds.set(model.nodes[index].kind, (kinds.get(model.nodes[index].kind) ?? 0) + 1);
  const parameters = inside.reduce((sum, index) => sum + (model.nodes[index].cost?.[0] ?? 0), 0);
  return html(
    "section",
    { class: "details", "aria-label": "Details" },
    html("p", { class: "kind" }, "box"),
    html("h2", {}, group.name),
    html("dl", {}, html("dt", {}, "Holds"), html("dd", {}, [...kinds].map(([kind, count]) => `${count} ${kind}`).join(", ")), html("dt", {}, "Cost"), html("dd", {}, `${number(parameters)} parameters`)),
    links("Parts", model, inside, go),
  );
}

function times(count) {
  return Number(count).toLocaleString("en");
}

// How many ways there are to take the decision: 2^36 = 68,719,476,736.
function size({ options, elements, kind }) {
  if (!options.length || kind === "subset") return null;
  const count = Number(elements);
  const power = count === 1 ? String(options.length) : `${options.length}^${times(elements)}`;
  const known = count > 1 && count * Math.log10(options.length) < 15;
  return known ? `${power} = ${(BigInt(options.length) ** BigInt(count)).toLocaleString("en")}` : power;
}

// `%5` in a formula is the node of that number: a button that goes there.
function formula(model, text, go) {
  const parts = text.split(/(%\d+)/u).map((part) => {
    const index = /^%\d+$/.test(part) ? Number(part.slice(1)) : -1;
    if (!model.nodes[index]) return part;
    return button(name(model, index), () => go(index), { class: "chip", title: model.nodes[index].title });
  });
  return html("p", { class: "formula" }, parts);
}

function name(model, index) {
  return model.nodes[index].title.replace(/\[.*$/u, "").slice(0, 30);
}

function elements(model, index, look, tip) {
  if (!model.spreads(index)) return null;
  const keys = model.elements(index);
  const hover = (text, event) => (text ? tip.show(text, event) : tip.hide());
  const { group, width, height } = drawMatrix(keys, (k) => look.cell(index, k), { room: 250, hover });
  return html("div", {}, html("h3", {}, "Elements"), svg("svg", { class: "elements", role: "img", "aria-label": `${keys.length} elements of ${model.nodes[index].title}`, width, height, viewBox: `0 0 ${width} ${height}` }, group));
}

function neighbours(title, model, found, go) {
  return links(title, model, [...new Set(found.map(([index]) => index))], go);
}

function links(title, model, indices, go) {
  if (!indices.length) return null;
  const item = (index) => html("li", {}, button(model.nodes[index].title, () => go(index), { class: `link k-${model.nodes[index].kind}` }));
  const list = html("ul", { class: "links" }, indices.slice(0, SHOWN).map(item));
  const more = indices.slice(SHOWN);
  if (more.length) {
    const all = button(`${more.length} more`, () => list.replaceChildren(...indices.map(item)), { class: "quiet" });
    list.append(html("li", {}, all));
  }
  return html("div", {}, html("h3", {}, title), list);
}
