// A search box: parts of the graph by what stands in them.

import { html } from "./dom.js";

const SHOWN = 30;

export function searchBox(model, go) {
  const list = html("ul", { class: "hits", role: "listbox", id: "hits", hidden: true });
  const input = html("input", {
    type: "search", placeholder: "Find a part  (/)", "aria-label": "Find a part", role: "combobox",
    "aria-controls": "hits", "aria-expanded": "false", autocomplete: "off", spellcheck: "false",
  });
  const said = model.nodes.map((node) => `${node.title} ${node.note} ${node.kind} ${node.path.join(" ")}`.toLowerCase());
  let found = [];
  let at = 0;

  const draw = () => {
    list.replaceChildren(
      ...found.slice(0, SHOWN).map((index, k) => {
        const node = model.nodes[index];
        const item = html("li", { role: "option", id: `hit-${k}`, "aria-selected": k === at, class: `k-${node.kind}` },
          html("b", {}, node.title), html("span", {}, [node.kind, ...node.path].join(" · ")));
        item.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          choose(index);
        });
        return item;
      }),
    );
    if (!found.length) list.append(html("li", { class: "none" }, "nothing of that name"));
    input.setAttribute("aria-activedescendant", found.length ? `hit-${at}` : "");
  };
  const show = (open) => {
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
  };
  const choose = (index) => {
    show(false);
    input.blur();
    go(index);
  };
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/u).filter(Boolean);
    found = words.length ? said.flatMap((text, index) => (words.every((word) => text.includes(word)) ? [index] : [])) : [];
    at = 0;
    draw();
    show(words.length > 0);
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      event.preventDefault();
      const count = Math.min(found.length, SHOWN);
      at = (at + step + count) % count;
      draw();
    } else if (event.key === "Enter" && found.length) choose(found[at]);
    else if (event.key === "Escape") show(false);
  });
  input.addEventListener("blur", () => show(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || /^(input|textarea)$/i.test(document.activeElement?.tagName ?? "")) return;
    event.preventDefault();
    input.focus();
  });
  return html("div", { class: "find", role: "search" }, input, list);
}
