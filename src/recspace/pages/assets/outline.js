// The graph as a nested list, for those who would rather read, or listen.

import { html, button } from "./dom.js";

export function outline(model, go) {
  return html("nav", { class: "outline", "aria-label": "Outline of the graph" }, html("ul", {}, content(model, model.root, go)));
}

function content(model, group, go) {
  const parts = group.members.map((index) => {
    const node = model.nodes[index];
    return [index, html("li", {}, button(node.title, () => go(index), { class: `link k-${node.kind}` }), html("span", {}, ` ${node.kind}, ${node.detail}`))];
  });
  for (const inner of group.groups.values()) {
    const box = html("details", {}, html("summary", {}, `${inner.name} (${inner.count})`));
    // A long list is made when it is asked for.
    box.addEventListener("toggle", () => box.childElementCount < 2 && box.append(html("ul", {}, content(model, inner, go))));
    parts.push([Math.min(...model.inside(inner)), html("li", {}, box)]);
  }
  return parts.sort((a, b) => a[0] - b[0]).map(([, item]) => item);
}
