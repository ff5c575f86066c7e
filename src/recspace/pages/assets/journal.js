// What happened in a run, event by event: stages one after the other on one axis of steps, losses, figures, weights.

export class Journal {
  constructor(events = []) {
    this.stages = []; // { name, steps, from, at, seconds, memory, figures }
    this.ticks = []; // moments that can be looked at: { stage, x, loss, entropy, open, weights }
    this.figures = []; // { stage, x, name, value }
    this.trials = [];
    this.done = false;
    this.failed = "";
    for (const event of events) this.add(event);
  }

  get steps() {
    const last = this.stages[this.stages.length - 1];
    return last ? last.from + last.at : 0;
  }

  add(event) {
    const act = { stage: "begin", epoch: "epoch", progress: "progress", finished: "finish", trial: "trial" }[event.event];
    if (act) this[act](event);
    if (event.event === "done") this.done = true;
    if (event.event === "failed") this.failed = event.why;
  }

  stage(name) {
    return this.stages.find((stage) => stage.name === name) ?? this.begin({ stage: name, steps: 0 });
  }

  begin({ stage, steps }) {
    const made = { name: stage, steps, from: this.steps, at: 0, figures: {}, before: null };
    this.stages.push(made);
    return made;
  }

  moved(event) {
    const stage = this.stage(event.stage);
    stage.at = Math.max(stage.at, event.step ?? 0);
    return stage;
  }

  epoch(event) {
    const stage = this.moved(event);
    for (const [name, value] of Object.entries(event.figures)) {
      if (typeof value === "number") this.figures.push({ stage: stage.name, x: stage.from + event.step, name, value });
    }
  }

  // The mean loss since the event before: events have that of the epoch so far, and of how many steps.
  progress(event) {
    const stage = this.moved(event);
    const tick = { stage: stage.name, x: stage.from + event.step, step: event.step, weights: event.weights ?? null };
    tick.entropy = event.entropy ?? null;
    tick.open = event.open ?? null;
    if (typeof event.loss === "number") {
      const [before, steps] = stage.before && stage.before[1] < event.of ? stage.before : [0, 0];
      tick.loss = (event.loss * event.of - before * steps) / (event.of - steps);
      stage.before = [event.loss, event.of];
    }
    this.ticks.push(tick);
  }

  finish(event) {
    const stage = this.moved(event);
    Object.assign(stage, { seconds: event.figures?.seconds, memory: event.memory_mb, device: event.device_memory_mb, test: event.figures?.test ?? null });
    stage.ended = true;
  }

  trial(event) {
    const stage = this.moved(event);
    this.trials.push({ ...event, x: stage.from + (event.step ?? 0) });
  }

  // The weights of decisions as they were at a tick: those of the last tick before it that has any.
  weightsAt(k) {
    for (let i = Math.min(k, this.ticks.length - 1); i >= 0; i--) if (this.ticks[i].weights) return this.ticks[i].weights;
    return null;
  }

  series(read) {
    const found = new Map();
    for (const tick of this.ticks) {
      for (const [name, value] of Object.entries(read(tick) ?? {})) {
        if (typeof value !== "number") continue;
        if (!found.has(name)) found.set(name, []);
        found.get(name).push([tick.x, value]);
      }
    }
    return [...found].map(([name, points]) => ({ name, points }));
  }
}
