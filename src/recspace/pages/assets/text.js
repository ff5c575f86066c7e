// Text with numbered lines and coloured words, some of it highlighted; a click says where.

import { html } from "./dom.js";

const WORDS = {
  space: /^(space|import|param|choose|let|learn|predict|minimize|require|expect|search|component|return|for|in|from|if|else|data|is|and|or|not)$/,
  python: /^(from|import|class|def|return|with|for|in|if|else|not|and|or|is|None|True|False|self|lambda|pass)$/,
};
const TOKEN = { space: /#.*|"(?:[^"\\]|\\.)*"|\d[\d.e]*|\w+|\s+|./gu, python: /#.*|"(?:[^"\\]|\\.)*"|\d[\d.e]*|\w+|\s+|./gu };

export class TextPane {
  constructor(text, language, clicked) {
    this.letters = [...text];
    this.lines = lines(this.letters);
    this.language = language;
    this.rows = this.lines.map(({ start, end }, k) => this.#row(start, end, k));
    this.element = html("div", { class: "text", tabindex: 0, role: "region", "aria-label": language === "python" ? "Generated module" : "Text of the space" }, this.rows);
    this.element.addEventListener("click", (event) => {
      const row = event.target.closest(".line");
      if (row) clicked(this.lines[this.rows.indexOf(row)], this.rows.indexOf(row));
    });
    this.lit = [];
  }

  #row(start, end, k) {
    const row = html("div", { class: "line" }, html("span", { class: "number", "aria-hidden": true }, String(k + 1)));
    const text = this.letters.slice(start, end).join("");
    row.append(html("code", {}, words(text, this.language)));
    return row;
  }

  // Highlight characters from `start` to `end`.
  highlight(start, end) {
    this.clear();
    const hit = [];
    this.lines.forEach((line, k) => {
      const [from, to] = [Math.max(start, line.start), Math.min(end, line.end)];
      if (from >= to && !(start === end && from === to)) return;
      const cut = (a, b) => this.letters.slice(a, b).join("");
      const code = html("code", {}, cut(line.start, from), html("mark", {}, cut(from, to)), cut(to, line.end));
      this.rows[k].lastChild.replaceWith(code);
      this.rows[k].classList.add("lit");
      this.lit.push(k);
      hit.push(k);
    });
    if (hit.length) this.#scroll(hit[0]);
  }

  highlightLines(numbers) {
    this.clear();
    for (const k of numbers) {
      this.rows[k].classList.add("lit");
      this.lit.push(k);
    }
    if (numbers.length) this.#scroll(numbers[0]);
  }

  clear() {
    for (const k of this.lit) {
      this.rows[k].classList.remove("lit");
      const { start, end } = this.lines[k];
      this.rows[k].lastChild.replaceWith(html("code", {}, words(this.letters.slice(start, end).join(""), this.language)));
    }
    this.lit = [];
  }

  #scroll(k) {
    const row = this.rows[k];
    const top = row.offsetTop - this.element.clientHeight / 3;
    const seen = row.offsetTop > this.element.scrollTop && row.offsetTop < this.element.scrollTop + this.element.clientHeight - 20;
    if (!seen) this.element.scrollTop = top;
  }
}

function lines(letters) {
  const found = [];
  let start = 0;
  letters.forEach((letter, k) => {
    if (letter !== "\n") return;
    found.push({ start, end: k });
    start = k + 1;
  });
  if (start < letters.length || !found.length) found.push({ start, end: letters.length });
  return found;
}

function words(text, language) {
  return (text.match(TOKEN[language]) ?? []).map((token) => {
    const kind = token.startsWith("#") ? "comment" : token.startsWith('"') ? "string" : WORDS[language].test(token) ? "word" : "";
    return kind ? html("span", { class: `t-${kind}` }, token) : token;
  });
}
