// A card for each decision: its elements as a matrix or as bars, at the moment that is looked at.

import { html, svg, number } from "./dom.js";
import { drawMatrix, joined, shortened } from "./matrix.js";
import { figure, plainTable, dotChart } from "./charts.js";

const TABLED = 2000;

export class Card {
  constructor(decision, tip) {
    this.decision = decision;
    this.tip = tip;
    this.keys = decision.keys;
    this.holder = svg("svg", { class: "elements", role: "img" });
    this.key = html("ul", { class: "keys" });
    this.said = html("p", { class: "said" });
    this.weights = null;
    const values = () => this.#table();
    const title = `${decision.name}${decision.axes.length ? `[${decision.axes.join(", ")}]` : ""}`;
    this.element = html("section", { class: "card", tabindex: -1, "aria-label": title }, figure(title, this.holder, this.key, values), this.said);
    this.#legend();
  }

  #legend() {
    const { kind, options, copies } = this.decision;
    const entry = (level, text) => html("li", {}, svg("svg", { width: 11, height: 11, "aria-hidden": true }, svg("rect", { class: `cell ${level}`, width: 11, height: 11, rx: 2 })), text);
    if (copies) this.key.append(entry("off", "off for all values"), entry("g4", "on for some"), entry("g8", "on for all"));
    else if (kind === "gate") this.key.append(entry("off", "off"), entry("g4", "weak"), entry("g8", "on"), entry("m6", "negative"));
    else if (kind === "number" || kind === "range") this.key.append(entry("g1", String(options[0] ?? "least")), entry("g8", String(options.at(-1) ?? "most")));
    else options.slice(0, 12).forEach((option, k) => this.key.append(entry(`o${k % 8} s3`, String(option))));
  }

  show(weights) {
    this.weights = weights;
    const known = weights?.known;
    this.holder.replaceChildren();
    if (!this.keys || !this.keys.length) {
      this.said.textContent = `${number(Number(this.decision.elements))} elements`;
      this.holder.setAttribute("hidden", "");
      return;
    }
    const keys = this.keys.map((key) => (key.length ? key : [this.decision.name]));
    const hover = (text, event) => (text ? this.tip.show(text, event) : this.tip.hide());
    const { group, width, height } = drawMatrix(keys, (k) => (known ? weights.cell(k) : { level: "unknown", amount: 0, text: "" }), { hover });
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) this.holder.setAttribute(name, value);
    this.holder.setAttribute("aria-label", this.summary());
    this.holder.append(group);
    this.said.textContent = this.summary();
  }

  summary() {
    if (!this.weights?.known) return "not searched at this moment";
    if (this.decision.copies) return this.#share();
    const count = new Map();
    let there = 0;
    for (let k = 0; k < this.weights.count; k++) {
      if (this.weights.decided && !this.weights.decided.active[k]) continue;
      there += 1;
      const name = this.decision.kind === "gate" ? (this.weights.cell(k).level === "off" ? "off" : "on") : String(this.decision.options[this.weights.winner(k)]);
      count.set(name, (count.get(name) ?? 0) + 1);
    }
    const gone = this.weights.count - there;
    const text = [...count].sort((a, b) => b[1] - a[1]).slice(0, 8).map(([name, n]) => `${name} for ${n}`).join(", ");
    return `${text}${gone ? `; ${gone} not in this architecture` : ""}`;
  }

  // Gates of values: how many of all, and the rows with the most and the fewest.
  #share() {
    const { copies } = this.decision;
    const shares = copies.map((_, k) => this.weights.shares(k)[1]);
    const all = copies.reduce((sum, n) => sum + n, 0);
    const open = shares.reduce((sum, part, k) => sum + part * copies[k], 0);
    const each = `${number((100 * open) / Math.max(1, all), 3)}% of ${number(all)}`;
    if (shares.length < 2) return each;
    const order = shares.map((_, k) => k).sort((a, b) => shares[b] - shares[a]);
    const told = (k) => `${joined(this.keys[k])} ${number(100 * shares[k], 3)}%`;
    return `${each}; most: ${told(order[0])}; least: ${told(order.at(-1))}`;
  }

  #table() {
    const rows = this.keys?.slice(0, TABLED).map((key, k) => [joined(key) || this.decision.name, this.weights?.known ? this.weights.cell(k).text : ""]) ?? [];
    return plainTable(["element", "value"], rows);
  }
}

// Chosen widths of fields against how many values they have.
export function widths(decision, weights, fields, tip) {
  const sizes = new Map(fields.map(([name, , cardinality]) => [String(name), cardinality]));
  if (decision.kind !== "number" || !decision.keys?.every((key) => key.length === 1 && sizes.has(String(key[0]))) || !weights?.decided) return null;
  const dots = decision.keys.map((key, k) => {
    const y = Number(weights.decided.values[k]);
    return { x: sizes.get(String(key[0])), y, name: `${key[0]}: ${y} for ${number(sizes.get(String(key[0])))} values` };
  });
  const alike = new Map(); // dots at one place have one label
  dots.forEach((dot, k) => alike.set(`${dot.x} ${dot.y}`, [...(alike.get(`${dot.x} ${dot.y}`) ?? []), k]));
  if (alike.size <= 16) for (const own of alike.values()) dots[own[0]].label = `${shortened(decision.keys[own[0]][0], 14)}${own.length > 1 ? ` and ${own.length - 1} more` : ""}`;
  return dotChart({ title: `${decision.name} against the number of values`, dots: dots.filter((dot) => Number.isFinite(dot.y)), xTitle: "values of the field", yTitle: decision.name, log: true, tip });
}
