// What decisions weigh, as colours of cells, widths of arrows, and parts that fade.

import { number } from "./dom.js";

const LEVELS = 8;

// One decision at one moment: `weights` as a stage has them, or what was `decided` in the end.
export class Weights {
  constructor(decision, weights, decided) {
    this.decision = decision;
    this.options = decision.options;
    this.copies = decision.copies ?? null; // of gates of values: how many a row stands for
    this.count = this.copies ? this.copies.length : Number(decision.elements);
    this.decided = decided?.values ? decided : null;
    this.own = weights && weights.length % this.count === 0 ? weights : null;
    this.width = this.own ? this.own.length / this.count : 0;
    this.most = this.own && this.gate ? Math.max(1, ...this.own.map(Math.abs)) : 1;
  }

  get gate() {
    return this.decision.kind === "gate";
  }

  get known() {
    return Boolean(this.decided || this.own);
  }

  // The share of each option of element k; of gates [off, on].
  shares(k) {
    if (this.decided && this.copies) return [1 - this.decided.values[k], this.decided.values[k]];
    if (this.decided) return this.options.map((option) => Number(this.taken(k, option)));
    if (this.gate) return [1 - Math.min(1, Math.abs(this.own[k]) / this.most), Math.min(1, Math.abs(this.own[k]) / this.most)];
    return this.own.slice(k * this.width, (k + 1) * this.width);
  }

  taken(k, option) {
    const value = this.decided.values[k];
    return this.decided.active[k] && (Array.isArray(value) ? value.includes(option) : value === option);
  }

  winner(k) {
    const shares = this.shares(k);
    return shares.indexOf(Math.max(...shares));
  }

  // How much of an option there is over all elements, 0 to 1.
  mean(option) {
    let sum = 0;
    for (let k = 0; k < this.count; k++) sum += this.shares(k)[option] ?? 0;
    return this.count ? sum / this.count : 0;
  }

  cell(k) {
    if (!this.known || k >= this.count) return { level: "unknown", amount: 0, text: "" };
    if (this.decided && !this.decided.active[k]) return { level: "gone", amount: 0, text: "not in this architecture" };
    if (this.gate) return this.#gate(k);
    const shares = this.shares(k);
    const best = this.winner(k);
    const share = shares[best] ?? 0;
    const text = this.decided ? String(this.decided.values[k]) : `${this.options[best]} ${number(share, 2)}`;
    if (this.decision.kind === "number" || this.decision.kind === "range") {
      const place = this.options.length > 1 ? shares.reduce((sum, s, i) => sum + s * i, 0) / (this.options.length - 1) : 1;
      return { level: step("g", place), amount: 0.08 + 0.92 * place, text };
    }
    const strength = share > 0.8 ? 3 : share > 0.5 ? 2 : 1;
    return { level: `o${best % 8} s${strength}`, amount: share, text };
  }

  #gate(k) {
    if (this.copies) {
      const part = this.decided ? this.decided.values[k] : this.own[k];
      const text = `${number(100 * part, 3)}% of ${number(this.copies[k])}`;
      return { level: part < 0.005 ? "off" : step("g", part), amount: part, text };
    }
    if (this.decided) {
      const on = this.decided.values[k] === "on";
      const weight = this.decided.weights[k];
      const told = typeof weight === "number" ? ` (${number(weight, 3)})` : "";
      return { level: on ? "g8" : "off", amount: on ? 1 : 0, text: `${this.decided.values[k] ?? "by example"}${told}` };
    }
    const weight = this.own[k];
    const amount = Math.abs(weight) / this.most;
    return { level: amount < 0.005 ? "off" : step(weight < 0 ? "m" : "g", amount), amount, text: number(weight, 3) };
  }
}

function step(sign, amount) {
  return `${sign}${Math.max(1, Math.min(LEVELS, Math.round(amount * LEVELS)))}`;
}

// How the graph looks under weights: `of(name)` gives the Weights of a decision, or nothing.
export function look(model, of) {
  const weights = (index) => {
    const found = model.nodes[index]?.decision && of(model.nodes[index].decision);
    return found?.known ? found : null;
  };
  const through = new Map(); // edge → how much comes through it
  model.edges.forEach(([source, target], edge) => {
    const amount = share(model, source, target, weights);
    if (amount !== null) through.set(edge, amount);
  });
  const dead = faded(model, through, weights);
  return {
    faded: (index) => dead.has(index),
    arrow: (line) => {
      const own = line.edges.map((edge) => through.get(edge)).filter((amount) => amount !== undefined);
      if (line.edges.every((edge) => dead.has(model.edges[edge][0]))) return { width: 1, opacity: 0.25 };
      if (!own.length) return { width: 1, opacity: 1 };
      const amount = Math.max(...own);
      return { width: 1 + 5 * amount, opacity: 0.2 + 0.8 * amount };
    },
    cell: (index, k) => {
      const node = model.nodes[index];
      const decided = weights(index) ?? (node.gate !== undefined ? weights(node.gate) : null) ?? (node.subject !== undefined ? weights(node.subject) : null);
      if (!decided) return { level: "there", amount: 1, text: "" };
      const element = node.elements ? node.elements[k] : k;
      return node.rows === decided.count || node.elements ? decided.cell(element) : { level: "there", amount: 1, text: "" };
    },
  };
}

function share(model, source, target, weights) {
  const node = model.nodes[target];
  if (node.gate !== undefined && source !== node.gate) {
    const gate = weights(node.gate);
    return gate ? gate.mean(1) : null;
  }
  if (node.subject !== undefined && source !== node.subject) {
    const subject = weights(node.subject);
    const labels = node.alternatives.filter(([index]) => index === source).map(([, label]) => label);
    if (!subject || !labels.length) return null;
    return labels.reduce((sum, label) => sum + subject.mean(subject.options.findIndex((o) => String(o) === label)), 0);
  }
  return null;
}

// Parts that nothing reads any more, and products with gates that are all off.
function faded(model, through, weights) {
  const dead = new Set();
  const out = model.nodes.map(() => []);
  model.edges.forEach(([source, target], edge) => out[source].push([target, edge]));
  for (let index = model.nodes.length - 1; index >= 0; index--) {
    const node = model.nodes[index];
    if (node.kind === "output" || node.kind === "decision") continue;
    const gate = node.gate !== undefined ? weights(node.gate) : null;
    const shut = gate?.decided && gate.mean(1) === 0;
    const read = out[index].some(([target, edge]) => !dead.has(target) && (through.get(edge) ?? 1) > 0);
    if (shut || (!read && out[index].length)) dead.add(index);
  }
  return dead;
}
