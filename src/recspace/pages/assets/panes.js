// Panes side by side, each switched on and off by a button.

import { html, button } from "./dom.js";

export function panes(list, changed = () => {}) {
  const row = html("main", { class: "panes" });
  const bar = html("div", { class: "switches", role: "group", "aria-label": "Panes" });
  for (const { name, element, shown, first } of list) {
    const pane = html("section", { class: `pane ${first ? "wide" : ""}`, "aria-label": name, hidden: !shown }, html("h2", { class: "pane-name" }, name), element);
    const toggle = button(name, () => {
      pane.hidden = !pane.hidden;
      toggle.setAttribute("aria-pressed", String(!pane.hidden));
      changed(name, !pane.hidden);
    }, { "aria-pressed": String(Boolean(shown)) });
    bar.append(toggle);
    row.append(pane);
  }
  return { row, bar };
}
