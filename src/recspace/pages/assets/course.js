// The course of a run as charts over steps.

import { lineChart } from "./charts.js";

const PERCENT = new Set(["loss"]);

export function courseCharts(journal) {
  const stages = journal.stages.map(({ name, from, at }) => ({ name, from, to: from + at }));
  const number = new Map(journal.stages.map(({ name }, k) => [name, k]));
  const losses = journal.stages.map(({ name }) => ({
    name, stage: number.get(name), points: journal.ticks.filter((tick) => tick.stage === name && tick.loss !== undefined).map((tick) => [tick.x, tick.loss]),
  }));
  const figures = new Map();
  for (const { stage, x, name, value } of journal.figures) {
    if (PERCENT.has(name)) continue;
    const id = `${name}\n${stage}`;
    if (!figures.has(id)) figures.set(id, { metric: name, name: stage, stage: number.get(stage), points: [] });
    figures.get(id).points.push([x, value]);
  }
  const metrics = [...new Set([...figures.values()].map(({ metric }) => metric))];
  return [
    lineChart({ title: "Training loss", series: losses, stages }),
    ...metrics.map((metric) => lineChart({ title: `${metric} on the rows that stop training`, series: [...figures.values()].filter((one) => one.metric === metric), stages })),
    lineChart({ title: "How undecided decisions are (entropy; 1: all options alike)", series: journal.series((tick) => tick.entropy), stages, low: 0, high: 1.04 }),
    lineChart({ title: "Share of gates that are open", series: journal.series((tick) => tick.open), stages, low: 0, high: 1.04 }),
  ].filter(Boolean);
}
