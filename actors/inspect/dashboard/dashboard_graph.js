// Who talks to whom, and how much. Actors stand in columns, from those who use the node to the wire, and keep their place
// while they live; what does not fit is one box that counts the others. Right is towards the wire, left is from it.
import { by_id, count, drawn, rate, say } from "/dashboard_words.js";

const columns = [
  { title: "Agents", kinds: ["agent", "subscriber", "gate"] },
  { title: "Node", kinds: ["store", "cache", "ledger", "coordinator"] },
  { title: "Peers", kinds: ["peer"] },
  { title: "Wire", kinds: ["transport"] },
];
const node_column = 1;
const slots_max = 8, box = { height: 36, gap: 10, top: 26, width_max: 158 };
const picture = by_id("graph-picture");
const column_of = (kind) => Math.max(0, columns.findIndex((column) => column.kinds.includes(kind)));

let graph = { nodes: [], edges: [], nodesLeftOut: 0 };
let slow_peers = new Set();  // names
let chosen = null;           // an actor's id
let places = columns.map(() => []);  // ids, from top to bottom
let on_choose = () => {};

export function when_chosen(call) { on_choose = call; }

export function choose(id) {
  chosen = id;
  draw_graph();
}

export function mood_of(actor) {
  if (actor.state === "stuck" || actor.state === "failed") return "bad";
  if (actor.state === "restarting" || actor.state === "starved") return "warn";
  return actor.kind === "peer" && slow_peers.has(actor.name.replace(/^peer /, "")) ? "warn" : undefined;
}

export function set_graph(next, slow) {
  graph = next;
  slow_peers = slow;
  place_nodes();
  draw_graph();
}

/** Whoever is in trouble comes in, then the busiest; who stands somewhere stays there unless somebody is worth far more. */
function place_nodes() {
  const worth = (node) => (mood_of(node) ? 1e12 : 0) + node.rate + node.depth / 1000;
  places = columns.map((column, at) => {
    const all = graph.nodes.filter((node) => column_of(node.kind) === at);
    const of = new Map(all.map((node) => [node.id, node]));
    const room = all.length > slots_max ? slots_max - 1 : slots_max;
    const kept = places[at].filter((id) => of.has(id)).slice(0, room);
    const others = all.filter((node) => !kept.includes(node.id)).sort((a, b) => worth(b) - worth(a));
    for (const node of others) {
      if (kept.length < room) {
        kept.push(node.id);
        continue;
      }
      const least = kept.reduce((a, b) => (worth(of.get(b)) < worth(of.get(a)) ? b : a));
      if (worth(node) <= worth(of.get(least)) * 3 + 1) break;
      kept[kept.indexOf(least)] = node.id;
    }
    return kept;
  });
}

/** What is drawn: nodes with a place, and one "rest" a column for those without. */
function boxes_of(width) {
  const box_width = Math.min(box.width_max, (width - 3 * 46) / columns.length);
  const step = (width - box_width - 1) / (columns.length - 1);
  const boxes = [], box_of = new Map();
  columns.forEach((column, at) => {
    const all = graph.nodes.filter((node) => column_of(node.kind) === at);
    const of = new Map(all.map((node) => [node.id, node]));
    const shown = places[at].map((id) => ({ ...of.get(id), column: at }));
    if (at === node_column) shown.sort((a, b) => column.kinds.indexOf(a.kind) - column.kinds.indexOf(b.kind));
    const others = all.filter((node) => !places[at].includes(node.id));
    const left_out = others.length + (at === 0 ? graph.nodesLeftOut ?? 0 : 0);
    if (left_out)
      shown.push({ id: `rest-${at}`, name: `${count(left_out)} more`, kind: column.kinds[0], state: "", column: at, rest: true,
        rate: others.reduce((sum, node) => sum + node.rate, 0), depth: others.reduce((sum, node) => sum + node.depth, 0) });
    shown.forEach((node, row) => Object.assign(node, { row, x: at * step + 0.5, width: box_width }));
    for (const node of shown) box_of.set(node.id, node);
    for (const node of others) box_of.set(node.id, shown.at(-1));
    boxes.push(...shown);
  });
  const rows = Math.max(1, ...boxes.map((node) => node.row + 1));
  const total = rows * (box.height + box.gap);
  columns.forEach((_, at) => {
    const mine = boxes.filter((node) => node.column === at);
    const spare = total - mine.length * (box.height + box.gap);
    for (const node of mine) node.y = box.top + (spare * (node.row + 0.5)) / mine.length + node.row * (box.height + box.gap);
  });
  return { boxes, box_of, height: box.top + total };
}

/** Edges between boxes, those of the same ends as one. */
function edges_of(box_of) {
  const merged = new Map();
  for (const edge of graph.edges) {
    const from = box_of.get(edge.from), to = box_of.get(edge.to);
    if (!from || !to || from === to) continue;
    const key = `${from.id} ${to.id}`;
    const known = merged.get(key) ?? { from, to, rate: 0, messages: 0 };
    known.rate += edge.rate;
    known.messages += edge.messages;
    merged.set(key, known);
  }
  return [...merged.values()];
}

function edge_path({ from, to }) {
  const lift = from.column < to.column ? -2.5 : 2.5;  // the two directions side by side
  // Where many meet they are spread over the side of the box, in the order of their other ends.
  const slope = Math.max(-1, Math.min(1, (to.y - from.y) / 170)) * (box.height / 2 - 6);
  const y1 = from.y + box.height / 2 + slope + lift, y2 = to.y + box.height / 2 - slope + lift;
  if (from.column === to.column) {
    const x = from.x + from.width, out = x + 26 + Math.abs(from.row - to.row) * 4;
    return `M${x} ${y1}C${out} ${y1} ${out} ${y2} ${x} ${y2}`;
  }
  const right = from.column < to.column;
  const x1 = right ? from.x + from.width : from.x, x2 = right ? to.x : to.x + to.width;
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

function drawn_edge(edge) {
  const way = edge.from.column < edge.to.column ? "out" : edge.from.column > edge.to.column ? "in" : "";
  const still = edge.rate < 0.05;
  const touches = chosen === null || edge.from.id === chosen || edge.to.id === chosen;
  const path = drawn("path", { class: `edge ${still ? "still" : way}${touches ? "" : " faded"}`, d: edge_path(edge),
    "stroke-width": still ? 1 : (1 + Math.log10(1 + edge.rate)).toFixed(2) });
  path.append(drawn("title", {}, `${edge.from.name} → ${edge.to.name}: ${rate(edge.rate)}/s, ` +
    `${count(edge.messages)} messages so far`));
  return path;
}

/** As much of the text as so many pixels hold, at about 6.6 each. */
function cut(text, pixels) {
  const most = Math.max(3, Math.floor(pixels / 6.6));
  const signs = [...text];
  return signs.length <= most ? text : signs.slice(0, most - 1).join("") + "…";
}

function state_of(node) {
  if (node.rest) return `${rate(node.rate)}/s together`;
  const parts = [node.kind === "peer" && mood_of(node) === "warn" ? "slow" : "",
    ["stuck", "failed", "starved", "restarting"].includes(node.state) ? node.state : "", `${rate(node.rate)}/s`,
    node.depth ? `${count(node.depth)} waiting` : ""];
  return parts.filter(Boolean).join(" · ");
}

function drawn_node(node, focusable) {
  const mood = mood_of(node);
  const group = drawn("g", { class: node.rest ? "node rest" : "node", "data-id": node.id, "data-mood": node.rest ? undefined : mood,
    transform: `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`, role: "button", tabindex: focusable ? 0 : -1,
    "aria-current": node.id === chosen ? "true" : undefined,
    "aria-label": node.rest ? `${node.name}, as a table` : `${node.name}, ${node.kind}, ${state_of(node)}` });
  group.append(
    drawn("rect", { class: "box", width: node.width, height: box.height, rx: 7 }),
    drawn("text", { x: 10, y: 15.5 }, cut(node.name, node.width - 20)),
    drawn("text", { class: "sub", x: 10, y: 29 }, cut(state_of(node), node.width - 12)),
    drawn("title", {}, `${node.name} (${node.kind}): ${state_of(node)}`));
  return group;
}

export function draw_graph() {
  const width = picture.getBoundingClientRect().width;
  if (width < 80) return;
  const { boxes, box_of, height } = boxes_of(width);
  const focused = picture.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  const first = boxes.find((node) => String(node.id) === focused) ?? boxes.find((node) => node.id === chosen) ?? boxes[0];
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("height", height);
  const step = boxes.length ? (width - boxes[0].width) / (columns.length - 1) : 0;
  picture.replaceChildren(
    ...columns.map((column, at) => drawn("text", { class: "column", x: at * step, y: 12 }, column.title)),
    ...edges_of(box_of).sort((a, b) => a.rate - b.rate).map(drawn_edge),
    ...boxes.map((node) => drawn_node(node, node === first)));
  if (focused) picture.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  const total = graph.nodes.length + (graph.nodesLeftOut ?? 0);
  say(by_id("graph-note"), `${count(total)} actors`);
}

function activate(group) {
  const id = group.dataset.id;
  if (id.startsWith("rest-")) return on_choose(null, columns[Number(id.slice(5))].kinds[0]);
  chosen = chosen === Number(id) ? null : Number(id);
  draw_graph();
  on_choose(graph.nodes.find((node) => node.id === chosen) ?? null);
}

picture.addEventListener("click", (event) => {
  const group = event.target.closest(".node");
  if (group) activate(group);
});
picture.addEventListener("keydown", (event) => {
  const group = event.target.closest(".node");
  if (!group) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    return activate(group);
  }
  const way = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] }[event.key];
  if (!way) return;
  event.preventDefault();
  const spot = (g) => g.querySelector(".box").getBoundingClientRect();
  const here = spot(group);
  const candidates = [...picture.querySelectorAll(".node")].filter((other) => {
    const there = spot(other);
    return way[0] ? Math.sign(Math.round(there.x - here.x)) === way[0]
      : Math.round(there.x - here.x) === 0 && Math.sign(Math.round(there.y - here.y)) === way[1];
  });
  const far = (g) => 4 * Math.abs(spot(g).x - here.x) + Math.abs(spot(g).y - here.y);
  const next = candidates.sort((a, b) => far(a) - far(b))[0];
  if (!next) return;
  group.setAttribute("tabindex", -1);
  next.setAttribute("tabindex", 0);
  next.focus();
});
new ResizeObserver(draw_graph).observe(picture);
