// A slider over the moments of a run, with a button that plays them.

import { html, svg, button, number } from "./dom.js";

const PLAY_MS = 7000; // a run, from the beginning to the end
const STILL = matchMedia("(prefers-reduced-motion: reduce)"); // then in few steps, not as a film

export class Replay {
  constructor(journal, moved) {
    this.journal = journal;
    this.moved = moved;
    this.slider = html("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Moment of the run" });
    this.slider.addEventListener("input", () => this.#changed());
    this.said = html("output", { class: "moment" });
    this.play = button("", () => (this.timer ? this.stop() : this.start()), { class: "play", "aria-label": "Play" });
    this.element = html("div", { class: "replay", role: "group", "aria-label": "Replay" }, this.play, this.slider, this.said);
    this.#icon();
    this.resize();
  }

  // The last position is the result, where there is one.
  get last() {
    return Math.max(0, this.journal.ticks.length - (this.journal.done ? 0 : 1));
  }

  get at() {
    return Number(this.slider.value);
  }

  resize() {
    const follow = this.at >= Number(this.slider.max);
    this.slider.setAttribute("max", String(this.last));
    if (follow) this.go(this.last);
  }

  go(position) {
    this.slider.value = String(position);
    this.#changed();
  }

  #changed() {
    const tick = this.journal.ticks[this.at];
    const end = !tick;
    this.said.textContent = end ? (this.journal.done ? "result" : "nothing yet") : `${tick.stage} · step ${number(tick.step)}${tick.loss === undefined ? "" : ` · loss ${number(tick.loss)}`}`;
    this.slider.setAttribute("aria-valuetext", this.said.textContent);
    this.moved(end ? null : this.at);
  }

  start() {
    const from = this.at >= this.last ? 0 : this.at;
    const began = performance.now() - (from / Math.max(1, this.last)) * PLAY_MS;
    const step = () => {
      const part = (performance.now() - began) / PLAY_MS;
      const position = Math.min(this.last, Math.floor(part * (this.last + 1)));
      if (position !== this.at || part >= 1) this.go(position);
      if (part >= 1) this.stop();
      else this.timer = setTimeout(step, STILL.matches ? PLAY_MS / 8 : 60);
    };
    this.timer = setTimeout(step, 0);
    this.#icon();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.#icon();
  }

  #icon() {
    const d = this.timer ? "M3 2h3v10H3zM8 2h3v10H8z" : "M3 1.5L12 7L3 12.5z";
    this.play.replaceChildren(svg("svg", { width: 14, height: 14, "aria-hidden": true }, svg("path", { d })));
    this.play.setAttribute("aria-label", this.timer ? "Pause" : "Play");
  }
}
