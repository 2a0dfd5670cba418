// The search over patterns, what has just come where nothing is searched, and of one of them why it is the one that is held.
import { ago, arrow_keys, by_id, bytes, count, element, instant, say } from "/dashboard_words.js";

const shown_max = 200, pages_max = 20, live_max = 40;
const list = by_id("search-list"), field = by_id("search-text"), article = by_id("why");

let ask = async () => {};
let live = [];        // what came last, newest first
let found = null;     // patterns of the search; null: none is under way, the newest are shown
let opened = null;    // an id
let searches = 0;

/** `how(path)`: the answer's text; throws what the node answered instead. */
export function start_patterns(how) {
  ask = how;
  draw_list();
}

export function pattern_came(pattern) {
  live = [pattern, ...live.filter((other) => other.id !== pattern.id)].slice(0, live_max);
  if (pattern.id === opened) open_pattern(opened);
}

function row_of(pattern) {
  const tags = (pattern.tags ?? []).join(" ");
  const parts = [pattern.type, pattern.agentId && `by ${pattern.agentId}`, `version ${pattern.version}`,
    pattern.source ? `from ${pattern.source}` : "own", tags, pattern.deleted && "deleted"];
  const button = element("button", { type: "button" }, element("span", { class: "id" }, pattern.id),
    element("span", { class: "age" }, ago(pattern.time ?? pattern.timestamp, Date.now())),
    element("span", { class: "of" }, parts.filter(Boolean).join(" · ")));
  const row = element("li", { "aria-current": pattern.id === opened ? "true" : undefined }, button);
  row.pattern = pattern;
  return row;
}

export function draw_list() {
  const shown = found ?? live;
  const old = new Map([...list.children].filter((row) => row.pattern).map((row) => [row.pattern, row]));
  if (!shown.length) {
    list.replaceChildren(element("li", { class: "empty" }, found ? "No pattern matches." : "No pattern has come yet since this page opened."));
  } else {
    list.querySelector(".empty")?.remove();
    shown.forEach((pattern, at) => {
      const known = old.get(pattern);
      old.delete(pattern);
      const row = known ?? row_of(pattern);
      if (!known && !found) row.className = "new";
      if (known) say(row.querySelector(".age"), ago(pattern.time ?? pattern.timestamp, Date.now()));
      if (row.pattern.id === opened) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
      if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
    });
    for (const row of old.values()) row.remove();
  }
  if (!found) say(by_id("search-note"), live.length ? "the newest, as they come" : "");
}

/** Words that are no terms are the beginning of an id. */
const filter_of = (text) => text.split(/\s+/).filter(Boolean)
  .map((word) => (/[=<>]/.test(word) ? word : `id=${word.replace(/\*$/, "")}*`)).join(" ");

async function search() {
  const text = field.value.trim();
  const mine = ++searches;
  if (!text) {
    found = null;
    return draw_list();
  }
  found = [];
  say(by_id("search-note"), "searching…");
  let after = "", scanned = 0, pages = 0;
  try {
    do {
      const path = `/patterns?filter=${encodeURIComponent(filter_of(text))}&limit=${shown_max}`;
      const answer = JSON.parse(await ask(after ? `${path}&after=${encodeURIComponent(after)}` : path));
      if (mine !== searches) return;
      found.push(...answer.patterns);
      scanned += answer.scanned;
      after = answer.next;
    } while (after && found.length < shown_max && ++pages < pages_max);
    found.sort((a, b) => b.timestamp - a.timestamp);
    draw_list();
    say(by_id("search-note"), after ? `${count(found.length)} among the first ${count(scanned)}: narrow the search for the others`
      : `${count(found.length)} of ${count(scanned)}`);
    if (found.length === 1) open_pattern(found[0].id);
  } catch (problem) {
    if (mine !== searches) return;
    found = [];
    list.replaceChildren();
    say(by_id("search-note"), problem.message);
  }
}

/** JSON text in lines, without reading its numbers: what is shown is what is held, to the digit. */
export function laid_out(text) {
  let out = "", depth = 0;
  for (const [piece] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const last = out.at(-1);
    const line = "\n" + "  ".repeat(depth);
    if (piece === "}" || piece === "]") {
      --depth;
      out += last === "{" || last === "[" ? piece : "\n" + "  ".repeat(depth) + piece;
    } else {
      if (last === "{" || last === "[" || last === ",") out += line;
      out += piece === ":" ? ": " : piece;
    }
    if (piece === "{" || piece === "[") ++depth;
  }
  return out;
}

/** Of `{"NAME":VALUE,…}` the text of VALUE, an object. */
function member_text(text, name) {
  const begin = text.indexOf(`"${name}":`) + name.length + 3;
  let depth = 0;
  for (const match of text.slice(begin).matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (match[0] === "{" || match[0] === "[") ++depth;
    if ((match[0] === "}" || match[0] === "]") && --depth === 0) return text.slice(begin, begin + match.index + 1);
  }
  return "";
}

const named = (source) => source || "this node";

export async function open_pattern(id) {
  const again = opened === id;
  opened = id;
  draw_list();
  let text;
  try {
    text = await ask(`/patterns/${encodeURIComponent(id)}`);
  } catch (problem) {
    if (opened !== id) return;
    article.hidden = false;
    return article.replaceChildren(close_button(), element("h3", {}, id), element("p", { class: "empty" }, problem.message));
  }
  if (opened !== id) return;
  const { pattern, why, lane, bytes: size } = JSON.parse(text);
  const facts = [["held since", `${instant(why.arrived)} UTC, brought by ${named(why.from)}`],
    ["over", why.over ? `version ${why.over.version}, from ${named(why.over.from)}` : "nothing: it was not known before"],
    ["written by", pattern.agentId], ["type", pattern.type], ["tags", (pattern.metadata?.tags ?? []).join(", ")],
    ["written", pattern.timestamp && `${instant(pattern.timestamp)} UTC`],
    ["lane", lane && `${lane}${size ? `, ${bytes(size)} as a record` : ""}`]];
  const body = laid_out(member_text(text, "pattern"));
  const scrolled = again ? article.querySelector("pre")?.scrollTop ?? 0 : 0;
  article.hidden = false;
  article.replaceChildren(close_button(), element("h3", {}, pattern.id),
    element("p", { class: "why" }, `Why this one: ${why.text}`),
    element("dl", {}, ...facts.filter(([, value]) => value).flatMap(([name, value]) =>
      [element("dt", {}, name), element("dd", {}, value)])),
    element("pre", { tabindex: 0, role: "region", "aria-label": "The pattern as JSON" }, body));
  article.querySelector("pre").scrollTop = scrolled;
}

export function close_pattern() {
  if (article.hidden) return false;
  const row = list.querySelector("[aria-current] button");
  opened = null;
  article.hidden = true;
  draw_list();
  row?.focus();
  return true;
}

function close_button() {
  const button = element("button", { class: "close", type: "button", "aria-label": "Close the pattern" }, "×");
  button.addEventListener("click", close_pattern);
  return button;
}

by_id("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
field.addEventListener("input", () => {
  if (!field.value) search();
});
list.addEventListener("click", (event) => {
  const row = event.target.closest("li");
  if (row?.pattern) open_pattern(row.pattern.id);
});
arrow_keys(list, "button");
