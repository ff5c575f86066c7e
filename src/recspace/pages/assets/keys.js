// A graph by keyboard: arrows go along the arrows of the graph, and to what stands beside.

export function steer(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act = ACTIONS[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act(view);
}

const ACTIONS = {
  "+": (view) => view.camera.zoom(1.35),
  "=": (view) => view.camera.zoom(1.35),
  "-": (view) => view.camera.zoom(1 / 1.35),
  0: (view) => view.fit(),
  Escape: (view) => view.select(null),
  Enter: (view) => view.selected && view.toggle(view.selected),
  " ": (view) => view.selected && view.toggle(view.selected),
  ArrowDown: (view) => along(view, "source", "target"),
  ArrowUp: (view) => along(view, "target", "source"),
  ArrowLeft: (view) => beside(view, -1),
  ArrowRight: (view) => beside(view, 1),
};

function first(view) {
  return [...view.boxes.values()].filter((box) => !box.open).sort((a, b) => a.y - b.y || a.x - b.x)[0];
}

function along(view, from, to) {
  const line = view.lines.find((one) => one[from] === view.selected);
  go(view, line ? view.boxes.get(line[to]) : view.selected ? null : first(view));
}

function beside(view, direction) {
  const own = view.selected && view.boxes.get(view.selected);
  if (!own) return go(view, first(view));
  const middle = (box) => box.x + box.width / 2;
  const level = [...view.boxes.values()].filter(
    (box) => !box.open && box.id !== own.id && box.y < own.y + own.height && box.y + box.height > own.y,
  );
  const ahead = level.filter((box) => (middle(box) - middle(own)) * direction > 0);
  return go(view, ahead.sort((a, b) => Math.abs(middle(a) - middle(own)) - Math.abs(middle(b) - middle(own)))[0]);
}

function go(view, box) {
  if (!box) return;
  view.select(box.id);
  const seen = view.camera.view(-40);
  const inside = box.x > seen.x && box.x + box.width < seen.right && box.y > seen.y && box.y + box.height < seen.bottom;
  if (!inside) view.camera.centre(box.x + box.width / 2, box.y + box.height / 2);
}
