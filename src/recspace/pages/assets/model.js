// A graph as boxes within boxes, some open, some closed; which of it is to be seen, and which arrows lead where.

export class Model {
  constructor(stage) {
    this.nodes = stage.nodes;
    this.edges = stage.edges;
    this.keys = stage.keys;
    this.root = { id: "", name: "", depth: 0, groups: new Map(), members: [], count: 0, decisions: 0 };
    this.groups = new Map([["", this.root]]);
    this.open = new Set();
    this.spread = new Set(); // families whose elements are shown
    this.home = this.nodes.map((node, index) => this.#put(node, index));
    this.reads = this.nodes.map(() => []);
    this.readBy = this.nodes.map(() => []);
    for (const [source, target, role] of this.edges) {
      this.reads[target].push([source, role]);
      this.readBy[source].push([target, role]);
    }
  }

  #put(node, index) {
    let group = this.root;
    group.count += 1;
    for (const part of node.path) {
      const id = `${group.id}/${part}`;
      if (!group.groups.has(part)) {
        const made = { id, name: part, depth: group.depth + 1, parent: group, groups: new Map(), members: [], count: 0 };
        made.decisions = 0;
        group.groups.set(part, made);
        this.groups.set(id, made);
      }
      group = group.groups.get(part);
      group.count += 1;
      if (node.kind === "decision") group.decisions += 1;
    }
    group.members.push(index);
    return group;
  }

  elements(index) {
    return this.keys[this.nodes[index].keys];
  }

  // Whether a family has elements that are worth a picture.
  spreads(index) {
    const keys = this.elements(index);
    return keys.length > 1 && keys.every((key) => key.length > 0);
  }

  openAll() {
    for (const id of this.groups.keys()) this.open.add(id);
  }

  closeAll() {
    this.open.clear();
    this.spread.clear();
  }

  // Open every box around a node.
  reveal(index) {
    let changed = false;
    for (let group = this.home[index]; group.parent; group = group.parent) {
      changed ||= !this.open.has(group.id);
      this.open.add(group.id);
    }
    return changed;
  }

  // The name of what is seen of a node: itself, or the outermost closed box that it is in.
  seen(index) {
    let shown = `n${index}`;
    for (let group = this.home[index]; group.parent; group = group.parent) {
      if (!this.open.has(group.id)) shown = group.id;
    }
    return shown;
  }

  // Arrows between what is seen, each once: { source, target, roles, edges }.
  arrows() {
    const seen = this.nodes.map((_, index) => this.seen(index));
    const found = new Map();
    this.edges.forEach(([source, target, role], edge) => {
      const [from, to] = [seen[source], seen[target]];
      if (from === to) return;
      const name = `${from}\n${to}`;
      if (!found.has(name)) found.set(name, { source: from, target: to, roles: new Set(), edges: [] });
      const arrow = found.get(name);
      arrow.roles.add(role);
      arrow.edges.push(edge);
    });
    return [...found.values()];
  }

  inside(group) {
    const found = [...group.members];
    for (const inner of group.groups.values()) found.push(...this.inside(inner));
    return found;
  }
}
