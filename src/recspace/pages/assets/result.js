// What came out of a run, in words and tables.

import { html, number, scroll } from "./dom.js";
import { plainTable, dotChart } from "./charts.js";

export function outcome(data) {
  const { report } = data;
  if (!report) return null;
  const compared = Boolean(report.hand_made);
  const head = compared ? ["", "hand-made", "searched", "difference", ""] : ["", "model"];
  const rows = data.rows.map((row) => (compared ? row : [row[0], row[2]]));
  return html(
    "section",
    { id: "result", "aria-label": "What came out" },
    html("h2", {}, "What came out"),
    data.words.length ? html("ul", { class: "words" }, data.words.map((line) => html("li", {}, line))) : null,
    scroll("What came out, as a table", verdicts(plainTable(head, rows, { kind: "result" }))),
    html("ul", { class: "remarks" }, [...data.remarks, ...data.planted].map((line) => html("li", {}, line))),
  );
}

function verdicts(table) {
  for (const cell of table.querySelectorAll("td:last-child")) if (/^(better|worse)$/.test(cell.textContent)) cell.classList.add(cell.textContent);
  return table;
}

export function stageTable(journal) {
  const rows = journal.stages.map((stage) => {
    const test = Object.entries(stage.test ?? {}).map(([name, value]) => `${name} ${number(value)}`).join("  ");
    return [stage.name, number(stage.at), stage.seconds === undefined ? "running" : `${number(stage.seconds, 3)} s`, stage.memory ? `${number(stage.memory, 4)} MB` : "–", test];
  });
  return scroll("Stages, as a table", plainTable(["stage", "steps", "time", "memory so far", "test rows"], rows));
}

// Architectures that were judged: score against parameters, those that none beats in both joined.
export function trials(journal, better, tip) {
  const judged = journal.trials.filter((trial) => typeof trial.score === "number");
  if (!judged.length) return null;
  const metric = judged[0].metric;
  const good = (score) => (better ? score : -score);
  const costs = [...new Set(judged.flatMap((trial) => Object.keys(trial.costs ?? {})))];
  const charts = ["parameters", ...costs.filter((name) => name !== "parameters")].map((cost) => front(judged, metric, cost, good, tip)).filter(Boolean);
  const best = [...judged].sort((a, b) => good(b.score) - good(a.score)).slice(0, 10);
  return html(
    "section",
    { id: "trials", "aria-label": "Architectures that were judged" },
    html("h2", {}, `${judged.length} architectures judged`),
    charts.length ? html("div", { class: "charts" }, charts.map((chart) => chart.element)) : null,
    scroll("The best trials, as a table", plainTable(["trial", metric, "parameters", "chosen"], best.map((trial) => [String(trial.trial + 1), number(trial.score), number(trial.parameters), chosen(trial)]))),
  );
}

// Scores against what an architecture costs, by the name of the cost.
function front(judged, metric, cost, good, tip) {
  const of = (trial) => (cost === "parameters" ? trial.parameters : trial.costs?.[cost]);
  const sized = judged.filter((trial) => typeof of(trial) === "number");
  if (new Set(sized.map(of)).size < 2) return null;
  const best = frontier(sized.map((trial) => ({ trial, x: of(trial), y: trial.score })), good);
  const chosen = new Set(best.map(({ trial }) => trial));
  const dots = sized.map((trial) => ({
    x: of(trial), y: trial.score, name: `trial ${trial.trial + 1}: ${metric} ${number(trial.score)}, ${number(of(trial))} ${cost === "parameters" ? cost : `of ${cost}`}`,
    strong: chosen.has(trial), level: chosen.has(trial) ? "l5" : "l0",
  }));
  const log = Math.max(...dots.map((dot) => dot.x)) > 20 * Math.max(1, Math.min(...dots.map((dot) => dot.x)));
  return dotChart({ title: `${metric} on validation rows against ${cost}`, dots, front: best, xTitle: cost, yTitle: metric, log, tip });
}

// `keep: 13 of 28 on, f1×f3 …; dim: f1 8, f2 16 …`
function chosen(trial) {
  return Object.entries(trial.chosen ?? {}).map(([name, own]) => {
    const all = Object.entries(own).map(([label, value]) => [short(name, label), value]);
    const gates = all.every(([, value]) => value === "on" || value === "off");
    const told = gates ? all.filter(([, value]) => value === "on").map(([key]) => key) : all.map(([key, value]) => `${key} ${Array.isArray(value) ? `{${value.join(", ")}}` : value}`);
    const some = told.slice(0, 10).join(", ") + (told.length > 10 ? " …" : "");
    return gates && all.length > 1 ? `${name}: ${told.length} of ${all.length} on${told.length ? `: ${some}` : ""}` : `${name}: ${some}`;
  }).join("; ");
}

// `f1×f3` of `keep[f1,f3]`; all of it where a number is a part of the index.
function short(name, label) {
  const key = label.slice(name.length).replace(/^\[|\]$/gu, "").split(",");
  return key.some((part) => /^\d+$/u.test(part)) ? `${name}[${key.join(", ")}]` : key.join("×");
}

// From small to large, each better than all smaller ones.
function frontier(points, good) {
  const order = [...points].sort((a, b) => a.x - b.x || good(b.y) - good(a.y));
  const found = [];
  for (const point of order) if (!found.length || good(point.y) > good(found.at(-1).y)) found.push(point);
  return found;
}

export function settingsTable(settings) {
  const rows = Object.entries(settings).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") || "–" : value === null ? "–" : String(value)]);
  return html("details", { class: "values" }, html("summary", {}, "settings"), plainTable(["setting", "value"], rows));
}
