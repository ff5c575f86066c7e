// What is without a name, a role or a place in the order, or moves by itself.
() => {
  const found = [];
  const named = (e) => (e.getAttribute("aria-label") ?? e.getAttribute("aria-labelledby") ?? e.textContent).trim();
  for (const e of document.querySelectorAll("button, summary, input, [role=img], [role=region], [role=application], [role=toolbar], [role=group], nav, aside, figure"))
    if (!named(e)) found.push(`no name: ${e.outerHTML.slice(0, 80)}`);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.filter((one) => one === id).length > 1) found.push(`twice: ${id}`);
  for (const e of document.querySelectorAll("[aria-controls]")) if (!document.getElementById(e.getAttribute("aria-controls"))) found.push("controls nothing");
  for (const e of document.querySelectorAll("[role=option]")) if (!e.closest("[role=listbox]")) found.push("an option without a list");
  for (const e of document.querySelectorAll("svg")) if (e.getAttribute("role") !== "img" && !e.closest("[aria-hidden]") && !e.closest("[role=img]")) found.push(`a picture without a role: ${e.outerHTML.slice(0, 80)}`);
  for (const e of document.querySelectorAll("th")) if (!e.getAttribute("scope")) found.push("a head of nothing");
  let level = 0;
  for (const e of document.querySelectorAll("h1, h2, h3, h4")) { const own = Number(e.localName[1]); if (own > level + 1) found.push(`${e.localName} after h${level}`); level = own; }
  for (const e of document.querySelectorAll("*")) {
    const style = getComputedStyle(e);
    const moves = /(auto|scroll)/.test(style.overflowX + style.overflowY) && (e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1);
    if (moves && e !== document.documentElement && e.tabIndex < 0 && !e.querySelector("button, input, summary, [tabindex='0']")) found.push(`cannot be moved by keyboard: ${e.className}`);
    if (parseFloat(style.transitionDuration) > 0 || style.animationName !== "none") found.push(`moves by itself: ${e.className}`);
  }
  if (document.querySelectorAll("main").length !== 1 || document.querySelectorAll("h1").length !== 1) found.push("one main and one h1");
  return found;
}
