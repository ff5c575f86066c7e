// Text that stands out from what is behind it by less than 4.5 to 1 (WCAG 2.2, 1.4.3); faded parts of a graph may.
() => {
  const parse = (text) => {
    const m = text.match(/[\d.]+/g).map(Number);
    return text.startsWith("color(") ? [m[0] * 255, m[1] * 255, m[2] * 255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1];
  };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => {
    const v = c[i] / 255;
    return sum + w * (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const behind = (element) => {
    const found = [];
    for (let at = element; at; at = at.parentElement) {
      if (at instanceof SVGElement && at.localName !== "svg") continue;
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) found.push(colour);
      if (colour[3] === 1) break;
    }
    const paper = parse(getComputedStyle(document.documentElement).backgroundColor);
    return found.reverse().reduce((below, colour) => over(colour, below), paper[3] < 1 ? [255, 255, 255, 1] : paper);
  };
  const opacity = (element) => { let all = 1; for (let at = element; at; at = at.parentElement) all *= Number(getComputedStyle(at).opacity); return all; };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    const element = node.parentElement;
    if (!node.data.trim() || /script|style/.test(element.localName) || !element.getClientRects().length || opacity(element) < 1) continue;
    const style = getComputedStyle(element);
    const body = element instanceof SVGElement && element.closest(".node, .group")?.querySelector(".body");
    const back = body ? over(parse(getComputedStyle(body).fill), behind(element)) : behind(element);
    const [a, b] = [light(over(parse(element instanceof SVGElement ? style.fill : style.color), back)), light(back)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.add(`${((a + 0.05) / (b + 0.05)).toFixed(2)} ${element.localName}.${element.getAttribute("class")} ${node.data.trim().slice(0, 20)}`);
  }
  return [...found];
}
