// Moving about in a picture: drag, wheel, pinch, keys.

const [LEAST, MOST] = [0.02, 4];

export class Camera {
  constructor(frame, moved, { modest = false } = {}) {
    this.frame = frame;
    this.moved = moved;
    this.x = this.y = 0;
    this.scale = 1;
    this.pointers = new Map();
    this.dragged = false;
    frame.addEventListener("wheel", (event) => this.#wheel(event, modest), { passive: false });
    frame.addEventListener("pointerdown", (event) => this.#down(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) frame.addEventListener(name, (e) => this.#up(e));
  }

  set(x, y, scale) {
    [this.x, this.y, this.scale] = [x, y, Math.min(MOST, Math.max(LEAST, scale))];
    this.moved();
  }

  // Show a box of the picture whole, never larger than life.
  fit(box, most = 1) {
    const { clientWidth: width, clientHeight: height } = this.frame;
    if (!width || !height || !box.width || !box.height) return;
    const scale = Math.max(LEAST, Math.min(most, (width - 24) / box.width, (height - 24) / box.height));
    this.set((width - box.width * scale) / 2 - box.x * scale, (height - box.height * scale) / 2 - box.y * scale, scale);
  }

  centre(x, y, scale = this.scale) {
    this.set(this.frame.clientWidth / 2 - x * scale, this.frame.clientHeight / 2 - y * scale, scale);
  }

  pan(dx, dy) {
    this.set(this.x + dx, this.y + dy, this.scale);
  }

  zoom(factor, x = this.frame.clientWidth / 2, y = this.frame.clientHeight / 2) {
    const scale = Math.min(MOST, Math.max(LEAST, this.scale * factor));
    const by = scale / this.scale;
    this.set(x - (x - this.x) * by, y - (y - this.y) * by, scale);
  }

  // The part of the picture that is to be seen.
  view(margin = 0) {
    const { clientWidth: width, clientHeight: height } = this.frame;
    const [x, y] = [(-margin - this.x) / this.scale, (-margin - this.y) / this.scale];
    return { x, y, right: x + (width + 2 * margin) / this.scale, bottom: y + (height + 2 * margin) / this.scale };
  }

  #wheel(event, modest) {
    if (modest && !event.ctrlKey && !event.metaKey && !this.frame.contains(document.activeElement)) return;
    event.preventDefault();
    const bounds = this.frame.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - bounds.x, event.clientY - bounds.y);
  }

  #down(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.dragged = false;
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
    if (!this.dragged && Math.hypot(dx, dy) < 4) return;
    this.dragged = true;
    this.frame.setPointerCapture?.(event.pointerId);
    if (this.pointers.size === 2) this.#pinch(event);
    else this.pan(dx, dy);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  #pinch(event) {
    const [, other] = [...this.pointers].find(([id]) => id !== event.pointerId);
    const before = this.pointers.get(event.pointerId);
    const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
    const bounds = this.frame.getBoundingClientRect();
    const factor = distance([event.clientX, event.clientY]) / distance(before);
    this.zoom(factor, (event.clientX + other[0]) / 2 - bounds.x, (event.clientY + other[1]) / 2 - bounds.y);
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
  }
}
