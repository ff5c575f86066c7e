// Elements and their text. Text is only ever set as text, and no attribute that could load or run anything is set at all.

const SVG = "http://www.w3.org/2000/svg";
const REFUSED = /^(on.*|href|xlink:href|src|srcdoc|style|action|formaction)$/i;

export function html(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (REFUSED.test(name)) throw new Error(`${name} is not set on pages`);
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
}

export function button(text, action, attributes = {}) {
  const element = html("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", action);
  return element;
}

// A way past what stands before, for those who go by keyboard; `target` need not be there yet.
export function skip(text, target) {
  return button(text, () => target()?.focus(), { class: "skip" });
}

// What may be wider or longer than its place; it can be moved by keyboard.
export function scroll(label, ...children) {
  return html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, ...children);
}

export function number(value, digits = 4) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(digits)));
}

// The next turn of the browser: what takes long is done in slices between them.
export function turn() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(0);
  });
}

// Whether a slice has used up its time.
export function slice(milliseconds = 12) {
  let began = performance.now();
  return {
    spent: () => performance.now() - began > milliseconds,
    again: () => {
      began = performance.now();
    },
  };
}

// To be awaited again and again in work that takes long: it gives the browser its turn whenever a slice is used up.
export function paced() {
  const time = slice();
  return async () => {
    if (!time.spent()) return;
    await turn();
    time.again();
  };
}

// A label that follows the pointer.
export function tooltip() {
  const element = html("div", { class: "tooltip", role: "tooltip", hidden: true });
  document.body.append(element);
  return {
    show(text, event) {
      element.textContent = text;
      element.hidden = false;
      const left = Math.min(event.clientX + 14, innerWidth - element.offsetWidth - 8);
      element.style.left = `${left}px`;
      element.style.top = `${Math.min(event.clientY + 16, innerHeight - element.offsetHeight - 8)}px`;
    },
    hide() {
      element.hidden = true;
    },
  };
}
