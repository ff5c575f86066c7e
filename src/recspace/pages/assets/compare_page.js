// Several runs side by side.

import { html, svg, number, tooltip, scroll } from "./dom.js";
import { pageData } from "./unpack.js";
import { lineChart, dotChart, plainTable, figure } from "./charts.js";
import { drawMatrix } from "./matrix.js";

async function comparePage() {
  const data = await pageData();
  const tip = tooltip();
  const sections = [
    html("header", { class: "top" }, html("h1", {}, `${data.runs.length} runs compared`), html("p", { class: "lead" }, [...new Set(data.runs.map((run) => run.name))].join(", "))),
    html("section", { "aria-label": "Figures" }, html("h2", {}, "Figures on test rows"), scroll("Figures, as a table", runTable(data))),
    groups(data),
    html("section", { "aria-label": "Plots" }, html("h2", {}, "Plots"), html("div", { class: "charts" }, plots(data, tip))),
    agreement(data, tip),
    html("section", { "aria-label": "What was chosen" }, html("h2", {}, "What was chosen"), data.runs.map((run, k) => chosen(run, k))),
  ];
  document.body.prepend(html("main", { class: "report" }, sections));
  document.body.classList.add("document");
  document.body.dataset.ready = "yes";
}

const short = (run) => run.folder.split("/").at(-1);

function runTable(data) {
  const head = ["run", "space", "strategy", "seed", ...data.figures, ...data.costs.map(([, text]) => text)];
  const rows = data.runs.map((run) => [short(run), run.name, run.strategy, number(run.seed), ...data.figures.map((name) => (run.done ? number(run.test[name], 5) : "running")), ...data.costs.map(([name]) => number(run[name]))]);
  const table = plainTable(head, rows, { kind: "result" });
  data.figures.forEach((name, k) => {
    const values = data.runs.map((run) => run.test[name]).filter((v) => typeof v === "number");
    const best = data.higher[name] ? Math.max(...values) : Math.min(...values);
    [...table.tBodies[0].rows].forEach((row, r) => row.cells[4 + k].classList.toggle("better", values.length > 1 && data.runs[r].test[name] === best));
  });
  return table;
}

function groups(data) {
  if (!data.groups.length) return null;
  const told = [...data.figures.map((name) => [name, name]), ...data.costs];
  const names = told.map(([name]) => name);
  const rows = data.groups.map((group) => [`${group.name}, ${group.strategy}, ${group.seeds} seeds`, ...names.map((name) => (group.spread[name] ? `${number(group.spread[name][0], 5)} ± ${number(group.spread[name][1], 2)}` : "–"))]);
  return html("section", { "aria-label": "Means over seeds" }, html("h2", {}, "Means over seeds, ± one standard deviation"), scroll("Means, as a table", plainTable(["runs that differ in their seed alone", ...told.map(([, text]) => text)], rows)));
}

function plots(data, tip) {
  const done = data.runs.filter((run) => run.done);
  const metric = data.figures[0];
  const dots = done.filter((run) => typeof run.test[metric] === "number" && run.parameters).map((run) => ({ x: run.parameters, y: run.test[metric], name: `${short(run)}: ${metric} ${number(run.test[metric])}, ${number(run.parameters)} parameters`, level: `l${data.runs.indexOf(run) % 8}`, strong: true, label: short(run).slice(0, 18) }));
  const found = [metric && dotChart({ title: `${metric} on test rows against size`, dots, xTitle: "parameters", yTitle: metric, tip })];
  const kinds = [...new Set(data.runs.flatMap((run) => run.series.map(([what]) => what)))].filter((what) => what !== "open");
  for (const what of kinds) {
    const series = data.runs.flatMap((run, k) => run.series.filter(([own]) => own === what).map(([, whose, points]) => ({ name: `${short(run)} ${whose}`, stage: k, points })));
    found.push(lineChart({ title: what === "entropy" ? "How undecided decisions are" : what, series, stages: [] }));
  }
  return found.filter(Boolean).map((chart) => chart.element);
}

// How many runs agree on every element of a decision.
function agreement(data, tip) {
  if (!data.agreement.length) return null;
  const cards = data.agreement.map(({ name, axes, kind, keys, elements, runs, options }) => {
    const cell = (k) => {
      const [option, share] = elements[k];
      if (kind === "gate") return { level: share === 0 ? "off" : `g${Math.max(1, Math.round(share * 8))}`, amount: share, text: `on in ${Math.round(share * runs)} of ${runs}` };
      const place = options.findIndex((one) => String(one) === option);
      return { level: `o${Math.max(0, place) % 8} s${share > 0.8 ? 3 : share > 0.5 ? 2 : 1}`, amount: share, text: `${option} in ${Math.round(share * runs)} of ${runs}` };
    };
    const shown = keys.map((key) => (key.length ? key : [name]));
    const hover = (text, event) => (text ? tip.show(text, event) : tip.hide());
    const { group, width, height } = drawMatrix(shown, cell, { hover });
    const title = `${name}${axes.length ? `[${axes.join(", ")}]` : ""}, ${runs} runs`;
    const picture = svg("svg", { class: "elements", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${elements.filter(([, share]) => share === 1 || share === 0).length} of ${elements.length} elements alike in all` }, group);
    return html("section", { class: "card" }, figure(title, picture, null, () => plainTable(["element", "taken"], keys.map((key, k) => [key.join(" × ") || name, cell(k).text]))));
  });
  return html("section", { "aria-label": "Agreement" }, html("h2", {}, "Where they agree"), html("div", { class: "cards" }, cards));
}

function chosen(run, k) {
  return html("div", { class: "chosen" }, html("p", { class: "file-name" }, html("span", { class: `l${k % 8}`, "aria-hidden": true }), run.folder), html("ul", { class: "words" }, run.words.length ? run.words.map((line) => html("li", {}, line)) : html("li", {}, run.done ? "nothing" : "nothing yet")));
}

comparePage();
