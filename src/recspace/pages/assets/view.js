// One graph, drawn: laid out by the engine, drawn in slices, only what is near the eye.

import { svg, html, button, turn, slice } from "./dom.js";
import { Camera } from "./camera.js";
import { request } from "./sizes.js";
import { drawNode, drawGroup, addText } from "./boxes.js";
import { place, drawArrows } from "./arrows.js";
import { steer } from "./keys.js";

const KEYS = "Arrow keys go along the graph, Enter opens and closes, plus, minus and zero zoom.";
const NEAR = 0.34; // from this scale on texts can be read
const PLAIN = { arrow: () => ({ width: 1, opacity: 1 }), faded: () => false, cell: () => ({ level: "there", amount: 1, text: "" }) };

export class GraphView {
  constructor({ model, engine, label, look = PLAIN, select = () => {}, tip = null, modest = false }) {
    Object.assign(this, { model, engine, look, tip });
    this.onSelect = select;
    this.boxes = new Map();
    this.lines = [];
    this.drawn = new Map();
    this.selected = null;
    this.marked = new Set();
    this.version = 0;
    this.layers = Object.fromEntries(["groups", "arrows", "nodes", "over"].map((name) => [name, svg("g", { class: name })]));
    this.scene = svg("g", { class: "scene" }, Object.values(this.layers));
    this.picture = svg("svg", { class: "picture", "aria-hidden": true }, this.scene);
    this.said = html("p", { class: "unseen", "aria-live": "polite" });
    this.status = html("p", { class: "busy", role: "status", hidden: true }, "Laying out …");
    this.frame = html("div", { class: "frame", tabindex: 0, role: "application", "aria-roledescription": "graph", "aria-label": `${label}. ${KEYS}` }, this.picture);
    this.element = html("div", { class: "graph" }, this.frame, this.#tools(), this.status, this.said);
    this.camera = new Camera(this.frame, () => this.#moved(), { modest });
    this.frame.addEventListener("click", (event) => this.#clicked(event));
    this.frame.addEventListener("dblclick", (event) => this.#opened(event));
    this.frame.addEventListener("keydown", (event) => steer(this, event));
    new ResizeObserver(() => this.#resized()).observe(this.frame);
    addEventListener("beforeprint", () => this.#forPrint());
    addEventListener("afterprint", () => this.#printed());
  }

  #tools() {
    const tool = (text, name, action) => button(text, action, { title: name, "aria-label": name });
    return html(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "View" },
      tool("+", "Zoom in (+)", () => this.camera.zoom(1.35)),
      tool("−", "Zoom out (−)", () => this.camera.zoom(1 / 1.35)),
      tool("⤢", "Show everything (0)", () => this.fit()),
      tool("Open all", "Open all boxes", () => this.all(true)),
      tool("Close all", "Close all boxes", () => this.all(false)),
    );
  }

  async all(open) {
    if (open) this.model.openAll();
    else this.model.closeAll();
    this.fitted = false;
    await this.refresh();
  }

  // Lay out and draw anew; `anchor` stays where it is on the screen.
  async refresh(anchor = null) {
    const version = ++this.version;
    const before = anchor && this.boxes.get(anchor);
    this.element.dataset.ready = "no";
    const waiting = setTimeout(() => (this.status.hidden = false), 250);
    try {
      const arrows = this.model.arrows();
      await turn();
      const asked = await request(this.model, arrows);
      const laid = await this.engine.layout(asked);
      const placed = await place(this.model, arrows, laid);
      if (version !== this.version) return;
      Object.assign(this, placed);
      await this.#draw(version, before, anchor);
    } catch (error) {
      this.status.textContent = `The graph could not be laid out: ${error.message}`;
      throw error;
    } finally {
      clearTimeout(waiting);
      if (version === this.version) {
        this.status.hidden = true;
        this.element.dataset.ready = "yes";
      }
    }
  }

  async #draw(version, before, anchor) {
    for (const layer of Object.values(this.layers)) layer.replaceChildren();
    this.drawn.clear();
    const after = anchor && this.boxes.get(anchor);
    if (!this.fitted) this.fit();
    else if (before && after) {
      const { x, y, scale } = this.camera;
      this.camera.set(x + (before.x - after.x) * scale, y + (before.y - after.y) * scale, scale);
    }
    await this.#fill(version);
    await drawArrows(this, version);
    this.#emphasise();
  }

  fit() {
    if (!this.extent || !this.frame.clientWidth) return;
    this.fitted = true;
    this.camera.fit(this.extent);
  }

  #resized() {
    if (!this.fitted) this.fit();
    else this.#moved();
  }

  #moved() {
    if (this.printing) return;
    const { x, y, scale } = this.camera;
    this.scene.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${scale.toFixed(4)})`);
    this.picture.classList.toggle("far", scale < NEAR);
    this.moving ??= requestAnimationFrame(() => {
      this.moving = null;
      this.#fill(this.version);
    });
  }

  // Draw what is near the eye and not drawn yet, a slice at a time.
  async #fill(version, everything = false) {
    const time = slice();
    const view = this.camera.view(240);
    const near = this.camera.scale >= NEAR || everything;
    for (const [id, box] of this.boxes) {
      const outside = box.x > view.right || box.x + box.width < view.x || box.y > view.bottom || box.y + box.height < view.y;
      if (outside && !everything) continue;
      this.#put(id, box, near);
      if (everything || !time.spent()) continue;
      await turn();
      if (version !== this.version) return;
      time.again();
    }
  }

  #put(id, box, near) {
    const there = this.drawn.get(id);
    if (there && (there.near || !near)) return;
    if (there) {
      addText(this, there.element, box);
      there.near = true;
      return;
    }
    const element = box.group ? drawGroup(box) : drawNode(this, box);
    element.dataset.id = id;
    if (near) addText(this, element, box);
    this.layers[box.group && box.open ? "groups" : "nodes"].append(element);
    this.drawn.set(id, { element, near });
    this.#state(id);
  }

  #state(id) {
    const there = this.drawn.get(id);
    there?.element.classList.toggle("selected", id === this.selected);
    there?.element.classList.toggle("marked", this.marked.has(id));
  }

  // Faded parts, weights on arrows, colours of elements: after `look` says something else.
  repaint() {
    for (const [id, { element, near }] of this.drawn) {
      const box = this.boxes.get(id);
      if (box.group) continue;
      const fresh = drawNode(this, box);
      fresh.dataset.id = id;
      if (near) addText(this, fresh, box);
      element.replaceWith(fresh);
      this.drawn.set(id, { element: fresh, near });
      this.#state(id);
    }
    this.layers.arrows.replaceChildren();
    drawArrows(this, this.version);
  }

  #clicked(event) {
    if (this.camera.dragged) return;
    const id = event.target.closest("[data-id]")?.dataset.id ?? null;
    if (id && event.target.closest(".toggle")) this.toggle(id);
    else this.select(id);
  }

  #opened(event) {
    const id = event.target.closest("[data-id]")?.dataset.id;
    if (id) this.toggle(id);
  }

  // Open or close a box; show or hide the elements of a family.
  async toggle(id) {
    const box = this.boxes.get(id);
    if (!box) return;
    const [set, name] = box.group ? [this.model.open, box.group.id] : [this.model.spread, box.index];
    if (!box.group && !this.model.spreads(box.index)) return;
    if (!set.delete(name)) set.add(name);
    await this.refresh(id);
    this.select(id);
  }

  select(id, { quiet = false } = {}) {
    const before = this.selected;
    this.selected = id;
    for (const one of [before, id]) if (one) this.#state(one);
    this.#emphasise();
    const box = id && this.boxes.get(id);
    this.said.textContent = box ? (box.group ? `${box.group.name}, ${box.group.count} parts, ${box.open ? "open" : "closed"}` : this.model.nodes[box.index].title) : "";
    if (!quiet) this.onSelect(box ?? null);
  }

  // Nodes that belong to what is selected elsewhere.
  mark(indices) {
    const before = this.marked;
    this.marked = new Set(indices.map((index) => this.model.seen(index)));
    for (const id of [...before, ...this.marked]) this.#state(id);
    const box = this.boxes.get([...this.marked][0]);
    if (box) this.camera.centre(box.x + box.width / 2, box.y + box.height / 2);
  }

  // Bring a node into view, opening what it lies in.
  async show(index) {
    if (this.model.reveal(index)) await this.refresh();
    const id = this.model.seen(index);
    const box = this.boxes.get(id);
    if (box) this.camera.centre(box.x + box.width / 2, box.y + box.height / 2, Math.max(this.camera.scale, 0.8));
    this.select(id);
  }

  #emphasise() {
    const mine = this.selected ? this.lines.filter((l) => l.source === this.selected || l.target === this.selected) : [];
    this.layers.over.replaceChildren(
      ...mine.slice(0, 400).map((line) => svg("path", { class: line.source === this.selected ? "arrow out" : "arrow in", d: line.d })),
    );
  }

  // On paper all of it, whatever room there is.
  #forPrint() {
    if (!this.extent) return;
    this.printing = true;
    const { x, y, width, height } = this.extent;
    this.picture.setAttribute("viewBox", `${x - 12} ${y - 12} ${width + 24} ${height + 24}`);
    this.scene.removeAttribute("transform");
    this.#fill(this.version, true);
    this.picture.classList.remove("far");
  }

  #printed() {
    this.printing = false;
    this.picture.removeAttribute("viewBox");
    this.#moved();
  }
}
