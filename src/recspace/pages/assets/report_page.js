// The page of a run: what came out, the graph with what was learned on it, the decisions, the course; and a replay of it all.

import { html, skip, tooltip, number } from "./dom.js";
import { pageData } from "./unpack.js";
import { Engine } from "./engine.js";
import { Model } from "./model.js";
import { GraphView } from "./view.js";
import { Journal } from "./journal.js";
import { Weights, look } from "./looks.js";
import { Card, widths } from "./cards.js";
import { Replay } from "./replay.js";
import { courseCharts } from "./course.js";
import { outcome, stageTable, trials, settingsTable } from "./result.js";
import { nodeDetails, groupDetails } from "./details.js";
import { searchBox } from "./find.js";
import { outline } from "./outline.js";
import { follow } from "./live.js";

const FEW = 60;

class RunPage {
  constructor(data, engine) {
    this.data = data;
    this.journal = new Journal(data.events);
    this.tip = tooltip();
    this.decided = new Map((data.decided ?? []).map((one) => [one.name, one]));
    this.decisions = (data.graph?.decisions ?? []).filter((one) => Number(one.elements) > 0);
    this.cards = this.decisions.map((decision) => new Card(decision, this.tip));
    this.course = html("div", { class: "charts" });
    this.stages = html("div", {});
    this.judged = html("div", {});
    this.moment = null;
    if (data.graph) this.#graph(engine);
    this.replay = new Replay(this.journal, (tick) => this.show(tick));
    this.state = html("p", { class: "state" });
  }

  #graph(engine) {
    this.model = new Model(this.data.graph.stages[0]);
    if (this.model.nodes.length <= FEW) this.model.openAll();
    const select = (box) => this.#selected(box);
    this.view = new GraphView({ model: this.model, engine, tip: this.tip, label: `${this.data.name}, with what was learned`, select, modest: true });
    this.view.look = look(this.model, () => null);
    this.side = html("aside", { class: "side", "aria-label": "Details", tabindex: 0, hidden: true });
    this.list = html("details", { class: "listed" }, html("summary", {}, "the graph as a list"));
    this.list.addEventListener("toggle", () => this.list.childElementCount < 2 && this.list.append(outline(this.model, (index) => this.view.show(index))));
  }

  #selected(box) {
    this.side.hidden = !box;
    if (!box) return;
    const go = (index) => this.view.show(index);
    const options = { decisions: this.data.graph.decisions, look: this.view.look, go, tip: this.tip };
    this.side.replaceChildren(box.group ? groupDetails(this.model, box.group, options) : nodeDetails(this.model, box.index, options));
  }

  element() {
    const { data } = this;
    return [
      html("header", { class: "top" }, html("p", { class: "over" }, data.folder), html("h1", {}, data.name), data.graph?.title ? html("p", { class: "lead" }, data.graph.title) : null, this.state),
      outcome(data),
      this.replay.element,
      this.view ? html("section", { id: "graph", "aria-label": "The graph" }, html("div", { class: "row" }, html("h2", {}, "The graph, with what was learned"), searchBox(this.model, (index) => this.view.show(index))), html("div", { class: "canvas" }, this.view.element, this.side), html("p", { class: "hint" }, "Arrows are as wide as what decisions let through; what nothing reads any more is faded. Click, then drag and wheel; double-click opens."), this.list) : null,
      this.cards.length ? html("section", { id: "decisions", "aria-label": "Decisions" }, html("h2", {}, "Decisions"), html("div", { class: "cards" }, this.cards.map((card) => card.element), this.#widths())) : null,
      html("section", { id: "course", tabindex: -1, "aria-label": "The course of the search" }, html("h2", {}, "The course"), this.course),
      this.judged,
      html("section", { id: "stages", "aria-label": "Stages" }, html("h2", {}, "Stages"), this.stages, settingsTable(data.settings)),
    ];
  }

  #widths() {
    return this.decisions.map((decision) => {
      const chart = widths(decision, new Weights(decision, null, this.decided.get(decision.name)), this.data.graph.fields, this.tip);
      return chart && html("section", { class: "card" }, chart.element);
    });
  }

  // Everything that grows while a run goes on.
  update() {
    const { journal } = this;
    this.charts = courseCharts(journal);
    this.course.replaceChildren(...this.charts.map((chart) => chart.element));
    this.stages.replaceChildren(stageTable(journal));
    const higher = this.data.report?.metric.higher_is_better ?? !/loss|rmse/.test(journal.trials[0]?.metric ?? "");
    this.judged.replaceChildren(...[trials(journal, higher, this.tip)].filter(Boolean));
    const running = journal.stages.at(-1);
    this.state.textContent = journal.failed ? `failed: ${journal.failed}` : journal.done ? this.#facts() : running ? `running: ${running.name}, step ${number(running.at)}${running.steps ? ` of at most ${number(running.steps)}` : ""}` : "not begun";
    this.replay.resize();
  }

  #facts() {
    const { report, graph } = this.data;
    const rows = report ? Object.entries(report.rows).filter(([, count]) => count).map(([name, count]) => `${number(count)} ${name}`).join(" · ") : "";
    return [graph?.data, rows, report ? `${number(report.seconds, 3)} s` : ""].filter(Boolean).join("  |  ");
  }

  // Show the run as it was at a tick; null: what came out.
  show(tick) {
    const weights = tick === null ? null : this.journal.weightsAt(tick);
    const of = new Map(this.decisions.map((one) => [one.name, new Weights(one, weights?.[one.name] ?? null, tick === null ? this.decided.get(one.name) : null)]));
    this.cards.forEach((card) => card.show(of.get(card.decision.name)));
    const position = tick === null ? null : this.journal.ticks[tick].x;
    for (const chart of this.charts ?? []) chart.at(position);
    if (!this.view) return;
    this.view.look = look(this.model, (name) => of.get(name));
    if (this.view.boxes.size) this.view.repaint();
  }
}

async function reportPage() {
  const engine = new Engine();
  const data = await pageData();
  const page = new RunPage(data, engine);
  const main = html("main", { class: "report" }, page.element());
  document.body.prepend(skip("Skip to the decisions", () => page.cards[0]?.element ?? main.querySelector("#course")), main);
  document.body.classList.add("document");
  page.update();
  page.replay.go(page.replay.last);
  if (page.view) await page.view.refresh();
  if (data.live && !page.journal.done) follow(page, data.last);
  document.body.dataset.ready = "yes";
}

reportPage();
