// All actors as a table that the node sorts, and one actor in full.
import { by_id, count, duration, element, fill_rows, rate, say } from "/dashboard_words.js";
import { choose, mood_of } from "/dashboard_graph.js";

const rows_max = 200;
const columns = [
  { title: "Name", sort: "name" }, { title: "State" }, { title: "Waiting", sort: "depth", n: true },
  { title: "Msg / s", sort: "rate", n: true }, { title: "Busy", sort: "busy", n: true },
  { title: "Longest", sort: "longest", n: true }, { title: "Age", sort: "age", n: true },
  { title: "Restarts", sort: "restarts", n: true },
];
const table = by_id("actors"), picture = by_id("graph-picture"), detail = by_id("actor"), name_field = by_id("actors-name");

let ask = async () => {};
let sort = "busy", kind = "";
let opened = null;  // {id, name, kind}

export function start_actors(how) { ask = how; }
export const table_shown = () => !table.hidden;

export function show_table(wanted, of_kind = "") {
  kind = of_kind;
  table.hidden = !wanted;
  picture.toggleAttribute("hidden", wanted);
  by_id("as-table").setAttribute("aria-pressed", wanted);
  by_id("as-graph").setAttribute("aria-pressed", !wanted);
  if (wanted) refresh_actors();
}

/** "running for 2.1 s", "waits for a pattern", "stuck: …". */
export function described(actor) {
  if (actor.runningMs > 1000) return `${actor.state}: one handler has run for ${duration(actor.runningMs)}`;
  if (actor.state === "stuck") return `stuck: ${count(actor.depth)} messages wait and it takes none`;
  if (actor.state === "starved") return `starved: ${count(actor.depth)} messages wait and no thread runs it`;
  if (actor.state === "failed") return `failed: ${actor.lastError || "no reason given"}`;
  return actor.waitsFor ? `${actor.state} for ${actor.waitsFor}` : actor.state;
}

function cells_of({ actor }) {
  const n = (text) => element("td", { class: "n" }, text);
  return [element("td", {}, element("b", {}, actor.name), element("small", {}, `${actor.kind} · ${actor.where}`)),
    element("td", { class: "flag" }, described(actor)), n(count(actor.depth)), n(rate(actor.rate)),
    n(`${(100 * actor.busyShare).toFixed(actor.busyShare < 0.1 ? 1 : 0)} %`), n(duration(actor.longestMs)),
    n(duration(actor.ageMs)), n(count(actor.restarts))];
}

export async function refresh_actors() {
  if (table_shown()) {
    const query = new URLSearchParams({ sort, limit: rows_max, kind, name: name_field.value.trim() });
    for (const key of ["kind", "name"]) if (!query.get(key)) query.delete(key);
    const answer = JSON.parse(await ask(`/actors?${query}`));
    fill_rows(by_id("actor-rows"), answer.actors.map((actor) => ({ key: String(actor.id), mood: mood_of(actor) ?? "", actor })), cells_of);
    say(by_id("graph-note"), answer.matched > answer.actors.length
      ? `the first ${count(answer.actors.length)} of ${count(answer.matched)}` : `${count(answer.matched)} of ${count(answer.total)}`);
  }
  if (opened) await refresh_detail();
}

export async function open_actor(actor) {
  opened = actor;
  if (!actor) detail.hidden = true;
  else await refresh_detail();
}

export function close_actor() {
  if (detail.hidden) return false;
  detail.hidden = true;
  opened = null;
  choose(null);
  return true;
}

async function refresh_detail() {
  const wanted = opened;
  const query = new URLSearchParams({ kind: wanted.kind, name: wanted.name, limit: 1000 });
  const answer = JSON.parse(await ask(`/actors?${query}`));
  if (opened !== wanted) return;
  const actor = answer.actors.find((other) => other.id === wanted.id);
  if (!detail.querySelector("h3") || detail.dataset.of !== String(wanted.id)) {
    const close = element("button", { class: "close", type: "button", "aria-label": "Close the actor" }, "×");
    close.addEventListener("click", close_actor);
    detail.replaceChildren(close, element("h3", {}, wanted.name), element("p", { class: "note" }), element("dl"));
    detail.dataset.of = wanted.id;
  }
  detail.hidden = false;
  say(detail.querySelector("p"), actor ? `${actor.kind} on the ${actor.where}, ${described(actor)}` : "is gone");
  const facts = actor ? [["waiting", count(actor.depth)], ["messages", count(actor.messages)], ["a second", rate(actor.rate)],
    ["busy now", `${(100 * actor.busyShare).toFixed(1)} %`], ["busy in all", duration(actor.busyMs)],
    ["longest handler", duration(actor.longestMs)], ["age", duration(actor.ageMs)], ["restarts", count(actor.restarts)]] : [];
  if (actor?.lastError) facts.push(["last error", actor.lastError]);
  detail.querySelector("dl").replaceChildren(...facts.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

by_id("actor-heads").append(...columns.map((column) => {
  const head = element("th", { scope: "col", class: column.n ? "n" : undefined,
    "aria-sort": column.sort === sort ? "descending" : undefined });
  if (!column.sort) {
    head.append(column.title);
    return head;
  }
  const button = element("button", { type: "button" }, column.title);
  button.addEventListener("click", () => {
    sort = column.sort;
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sort === "name" ? "ascending" : "descending");
    refresh_actors().catch(() => {});  // the next round says what is wrong
  });
  head.append(button);
  return head;
}));
name_field.addEventListener("input", () => refresh_actors().catch(() => {}));
