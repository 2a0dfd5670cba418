// The page of one node: asks its admin endpoint every two seconds, listens to its events, and draws. docs/OPERATIONS.md,
// "Dashboard". Nothing that the node says is ever taken as markup.
import { by_id, bytes, count, duration, element, fill_rows, rate, say, time_of_day } from "/dashboard_words.js";
import { add_flow, draw_flow, newest_flow } from "/dashboard_flow.js";
import { mood_of, set_graph, when_chosen } from "/dashboard_graph.js";
import { close_actor, described, open_actor, refresh_actors, show_table, start_actors, table_shown } from "/dashboard_actors.js";
import { close_pattern, draw_list, pattern_came, start_patterns } from "/dashboard_patterns.js";

const round_ms = 2000, retry_ms = 3000, events_max = 300, attention_max = 12, glowing_max = 4;
const event_rows = by_id("event-rows"), login = by_id("login"), help = by_id("help");

let paused = false;
let source = null;       // the EventSource
let last_stats = null;
let last_peers = null;   // {time, of: id → counts}, for rates
let waiting = [];        // events since the last frame
const completed = [];      // shares since they were told last
let held_back = 0;       // events while paused
let started_at = null;   // by the node's clock

let counted = true;      // the node counts its actors (monitoring.enableMetrics)

class refused extends Error {}
class absent extends Error {}

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const text = await answer.text();
  if (answer.ok) return text;
  let said = {};
  try {
    said = JSON.parse(text);
  } catch {
    // not the node's words; the status has to do
  }
  if (answer.status === 403 && said.code === "not_allowed") throw new refused(said.error);
  if (answer.status === 404 && said.code === "not_found") throw new absent(said.error);
  throw new Error(said.error ?? `the node answered ${answer.status}`);
}

function tell_health(mood, text) {
  const pill = by_id("health");
  pill.dataset.mood = mood;
  say(pill, text);
}

// ---- every two seconds ----------------------------------------------------------------------------------------------

async function round() {
  if (!document.hidden && !paused && !login.open) {
    try {
      const peers = JSON.parse(await ask("/peers"));
      const troubled = await troubled_actors();
      draw_peers(peers);
      draw_attention(troubled, peers);
      if (table_shown()) await refresh_actors();
      else if (counted) {
        set_graph(JSON.parse(await ask("/graph")), new Set(peers.filter((peer) => peer.slow).map((peer) => peer.peerId)));
        await refresh_actors();
      }
      if (!started_at) await introduce();
      draw_facts();
      draw_list();
    } catch (problem) {
      if (problem instanceof refused) ask_for_token();
      else if (problem instanceof absent && counted) {
        counted = false;  // such a node is asked for the rest
        say(by_id("graph-note"), problem.message);
      } else tell_health("bad", problem instanceof TypeError ? "the node does not answer" : problem.message);
    }
  }
  setTimeout(round, round_ms);
}

async function introduce() {
  const state = JSON.parse(await ask("/state"));
  started_at = state.time - state.uptimeMs;
  say(by_id("node"), state.name);
  document.title = `${state.name} – quicsync`;
  say(by_id("fact-patterns"), count(state.patterns));
  say(by_id("fact-agents"), count(state.agents));
  say(by_id("fact-peers"), count(state.connections));
}

async function troubled_actors() {
  const lists = [];
  if (!counted) return { actors: [], matched: 0 };
  for (const state of ["stuck", "failed", "starved", "restarting"])
    lists.push(JSON.parse(await ask(`/actors?state=${state}&limit=${attention_max}`)));
  return { actors: lists.flatMap((list) => list.actors), matched: lists.reduce((sum, list) => sum + list.matched, 0) };
}

function draw_attention(troubled, peers) {
  const items = troubled.actors.map((actor) => ({ mood: mood_of(actor), name: actor.name,
    text: described(actor) }));
  for (const peer of peers) {
    const lag = `${count(peer.lag.records)} records behind, ${bytes(peer.lag.bytes)} on the way`;
    if (!peer.connected) items.push({ mood: "warn", name: peer.peerId || peer.address, text: "is not connected" });
    else if (peer.slow) items.push({ mood: "warn", name: peer.peerId,
      text: `is slow: nothing acknowledged for ${duration(peer.lag.ageMs)}; ${lag}` });
    else if (!peer.healthy) items.push({ mood: "warn", name: peer.peerId, text: `is not well: ${count(peer.errorCount)} errors` });
  }
  const left_out = troubled.matched - troubled.actors.length + Math.max(0, items.length - attention_max);
  say(by_id("attention-note"), items.length ? `${count(items.length + Math.max(0, troubled.matched - troubled.actors.length))}` : "");
  const shown = items.slice(0, attention_max);
  if (!shown.length) shown.push({ mood: "good", name: "All is well", text: "No actor is stuck or has failed, no peer is slow." });
  if (left_out > 0) shown.push({ mood: "warn", name: `and ${count(left_out)} more`, text: "in the table of actors" });
  const rows = shown.map((item) => element("li", { "data-mood": item.mood }, element("b", {}, item.name), element("span", {}, item.text)));
  const list = by_id("attention-list");
  if (list.textContent !== rows.map((row) => row.textContent).join("")) list.replaceChildren(...rows);
  if (!source || source.readyState === EventSource.CLOSED) return;
  const worst = items.some((item) => item.mood === "bad") ? "bad" : items.length ? "warn" : "good";
  tell_health(worst, worst === "good" ? "well, live" : `${count(items.length)} to look at`);
}

function draw_peers(peers) {
  const now = Date.now();
  const seconds = last_peers ? (now - last_peers.time) / 1000 : 0;
  const rate_of = (peer, name) => {
    const before = last_peers?.of.get(peer.id);
    return before && seconds > 0.2 ? Math.max(0, (peer[name] - before[name]) / seconds) : NaN;
  };
  const rows = peers.map((peer) => ({ key: peer.id, peer, mood: !peer.connected ? "bad" : peer.slow || !peer.healthy ? "warn" : "",
    in: rate_of(peer, "patternsReceived"), out: rate_of(peer, "patternsSent") }));
  const trouble = (row) => ({ bad: 2, warn: 1 }[row.mood] ?? 0);
  rows.sort((a, b) => trouble(b) - trouble(a) || b.peer.lag.records - a.peer.lag.records || (a.peer.peerId < b.peer.peerId ? -1 : 1));
  last_peers = { time: now, of: new Map(peers.map((peer) => [peer.id, peer])) };
  fill_rows(by_id("peer-rows"), rows, (row) => peer_cells(row));
  const connected = peers.filter((peer) => peer.connected).length;
  say(by_id("peers-note"), peers.length ? `${count(connected)} connected` : "none yet");
  say(by_id("fact-peers"), count(connected));
}

function peer_cells({ peer, mood, in: incoming, out }) {
  const n = (...content) => element("td", { class: "n" }, ...content);
  const where = peer.address ? `${peer.address.includes(":") && !peer.address.includes("]") ? `[${peer.address}]` : peer.address}:${peer.port}` : "";
  const state = !peer.connected ? "not connected" : peer.slow ? "slow" : !peer.healthy ? "not well" : "";
  const lag = n(count(peer.lag.records));
  if (peer.lag.ageMs > 0 && peer.lag.records) lag.append(element("small", {}, duration(peer.lag.ageMs)));
  if (mood) lag.classList.add("flag");
  return [element("td", {}, element("span", { class: "dot", "aria-hidden": "true" }), element("b", {}, peer.peerId || "?"),
      element("small", {}, [state, peer.incoming ? "dialled in" : "", where].filter(Boolean).join(" · "))),
    n(peer.connected ? duration(peer.rttMs) : "–"), lag, n(rate(incoming)), n(rate(out))];
}

function draw_facts() {
  const flow = newest_flow();
  if (flow) {
    say(by_id("fact-in"), rate(flow.from_peers + flow.own));
    say(by_id("fact-out"), rate(flow.out));
  }
  if (last_stats) {
    say(by_id("fact-patterns"), count(last_stats.patterns));
    say(by_id("fact-agents"), count(last_stats.agents));
    if (started_at) say(by_id("fact-up"), duration(Math.max(0, last_stats.time - started_at)));
  }
}

// ---- events ---------------------------------------------------------------------------------------------------------

const told_names = ["server:started", "server:stopped", "server:error", "peer:connected", "peer:disconnected", "peer:error",
  "peer:removed", "peer:health:degraded", "sync:completed", "sync:failed", "sync:warning", "cache:cleared", "admin:action",
  "store:failed", "store:lost", "store:healed", "skipped"];

function listen() {
  source?.close();
  source = new EventSource("/events?patterns=true");
  source.addEventListener("stats", (message) => took_stats(JSON.parse(message.data)));
  source.addEventListener("pattern:applied", (message) => took_event(JSON.parse(message.data)));
  for (const name of told_names)
    source.addEventListener(name, (message) => {
      const what = { event: name, time: Date.now(), ...JSON.parse(message.data) };
      (name === "sync:completed" ? took_completed : took_event)(what);
    });
  source.addEventListener("open", () => tell_health("good", "live"));
  source.addEventListener("error", () => {
    const closed = source.readyState === EventSource.CLOSED;
    last_stats = null;
    say(by_id("events-note"), closed ? "others watch already; trying again" : "the stream broke; trying again");
    tell_health("warn", "no live events");
    if (closed) setTimeout(listen, retry_ms);
  });
}

function took_stats(now) {
  if (last_stats && now.messages < last_stats.messages) started_at = null;  // another run of the node
  if (last_stats) add_flow(last_stats, now);
  last_stats = now;
  if (paused || document.hidden) return;
  draw_flow();
  draw_facts();
}

// A busy node completes hundreds of shares a second: they are told together.
function took_completed(what) {
  if (completed.push(what) > 1) return;
  setTimeout(() => {
    const all = completed.splice(0);
    took_event(all.length < 2 ? what : { event: what.event, time: what.time, message: `${count(all.length)} shares`,
      patternCount: all.reduce((sum, one) => sum + one.patternCount, 0) });
  }, 1000);
}

function took_event(what) {
  if (what.event === "server:started") started_at = null;
  if (what.event === "pattern:applied" && !paused) pattern_came(what);
  if (waiting.push(what) > events_max) waiting.shift();
  if (paused) {
    ++held_back;
    say(by_id("events-note"), `${count(held_back)} held back`);
  } else if (waiting.length === 1) {
    requestAnimationFrame(draw_events);
  }
}

function mood_of_event(what) {
  if (what.event === "pattern:applied") return what.source ? "in" : "";
  if (what.event === "server:error" || what.event === "peer:error" || what.event === "sync:failed") return "bad";
  if (/warning|degraded|skipped|disconnected/.test(what.event)) return "warn";
  return "good";
}

function words_of_event(what) {
  if (what.event === "pattern:applied")
    return `${what.id} · ${what.type}${what.deleted ? " · deleted" : ""} · version ${what.version} from ${what.source || "this node"}`;
  if (what.event === "skipped") return `${count(what.count)} patterns more than are told one by one`;
  const parts = [what.peerId, what.patternId, what.message, what.error, what.address,
    what.patternCount !== undefined ? `${count(what.patternCount)} ${what.patternCount === 1 ? "pattern" : "patterns"}` : "",
    what.latency !== undefined ? `in ${duration(what.latency)}` : ""];
  return parts.filter(Boolean).join(" · ");
}

function draw_events() {
  const with_patterns = by_id("events-patterns").checked;
  const rows = waiting.filter((what) => with_patterns || !/^pattern:|^skipped$/.test(what.event)).map((what) =>
    element("li", { class: waiting.length <= glowing_max ? "new" : undefined, "data-mood": mood_of_event(what) }, element("time", {}, time_of_day(what.time)),
      element("b", {}, what.event === "pattern:applied" ? "pattern" : what.event), element("span", {}, words_of_event(what))));
  const patterns = waiting.some((what) => what.event === "pattern:applied");
  waiting = [];
  held_back = 0;
  say(by_id("events-note"), "");
  if (patterns) draw_list();
  if (!rows.length) return;
  const at = event_rows.scrollTop;
  event_rows.prepend(...rows.reverse());
  if (at > 0) event_rows.scrollTop = at + rows.reduce((sum, row) => sum + row.offsetHeight, 0);  // who reads stays there
  while (event_rows.children.length > events_max) event_rows.lastChild.remove();
}

// ---- the token ------------------------------------------------------------------------------------------------------

function ask_for_token() {
  tell_health("wait", "wants its token");
  if (!login.open) login.showModal();
}

by_id("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = by_id("login-token");
  const answer = await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: field.value.trim() }) });
  field.value = "";
  if (!answer.ok) return say(by_id("login-failed"), "That is not the node's token.");
  login.close();
  begin();
});
login.addEventListener("cancel", (event) => event.preventDefault());

// ---- hands ----------------------------------------------------------------------------------------------------------

function pause(wanted) {
  paused = wanted;
  by_id("pause").setAttribute("aria-pressed", paused);
  say(by_id("pause"), paused ? "Go on" : "Pause");
  if (paused) return tell_health("wait", "paused");
  draw_events();
  draw_flow();
  tell_health("good", "live");
}

const sections = ["flow", "attention", "graph", "peers", "search", "events"];
const first_in_section = { graph: "#graph-picture .node[tabindex='0'], #actors-name", search: "#search-text", events: "#event-rows",
  peers: "#peers .scroll" };

function go_to(section) {
  const place = by_id(section);
  place.scrollIntoView({ block: "nearest" });
  const inside = [...document.querySelectorAll(first_in_section[section] ?? "none")].find((one) => one.getClientRects().length);
  if (!inside) place.tabIndex = -1;
  (inside ?? place).focus({ preventScroll: Boolean(inside) });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || help.open || login.open) return;
  if (event.key === "Escape") {
    if (close_pattern() || close_actor()) event.preventDefault();
    return;
  }
  if (event.target.matches("input[type=search], input[type=password]")) return;
  const number = Number(event.key);
  if (event.key === "/") go_to("search");
  else if (event.key === "p") pause(!paused);
  else if (event.key === "t") show_table(!table_shown());
  else if (event.key === "?") help.showModal();
  else if (number >= 1 && number <= sections.length) go_to(sections[number - 1]);
  else return;
  event.preventDefault();
});
by_id("pause").addEventListener("click", () => pause(!paused));
by_id("help-open").addEventListener("click", () => help.showModal());
by_id("help-close").addEventListener("click", () => help.close());
by_id("as-graph").addEventListener("click", () => show_table(false));
by_id("as-table").addEventListener("click", () => show_table(true));
by_id("events-patterns").addEventListener("change", draw_events);
when_chosen((actor, kind) => {
  if (kind) show_table(true, kind);
  else open_actor(actor).catch(() => {});  // the next round says what is wrong
});

function begin() {
  ask("/state").then(listen, (problem) => {
    if (problem instanceof refused) ask_for_token();
    else setTimeout(begin, retry_ms);
  });
}

start_patterns(ask);
start_actors(ask);
begin();
round();
