// Numbers as people read them, and elements. What a node or a peer says becomes text, never markup.

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export const by_id = (id) => document.getElementById(id);

export function count(n) {
  if (!Number.isFinite(n)) return "–";
  return Math.abs(n) < 100000 ? grouped.format(n).replaceAll(",", "\u202f") : short.format(n);
}

/** Something a second: "0.3", "12", "4.5K". */
export function rate(n) {
  if (!Number.isFinite(n)) return "–";
  return n > 0 && n < 9.95 ? n.toFixed(1).replace(/\.0$/, "") : n < 10000 ? count(n) : short.format(n);
}

export function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  for (; n >= 1000 && at < units.length - 1; ++at) n /= 1000;
  return `${n < 9.95 && at > 0 ? n.toFixed(1) : Math.round(n)} ${units[at]}`;
}

/** Milliseconds as the one or two units that matter. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function time_of_day(ms) {
  return new Date(ms).toLocaleTimeString("en-GB", { hour12: false });
}

export function instant(ms) {
  const d = new Date(ms);
  return Number.isNaN(d.getTime()) ? String(ms) : d.toISOString().replace("T", " ").replace("Z", "");
}

export function ago(ms, now) {
  const past = now - ms;
  return past < 1500 ? "now" : `${duration(past)} ago`;
}

/** element("li", {class: "new"}, "text", child…): strings become text nodes; undefined attributes are left out. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/** Writes only what has changed, so that nothing flickers and a selection of text survives. */
export function say(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

/** A table's body with these rows of {key, mood, cells}: known rows stay the elements that they are. */
export function fill_rows(body, rows, make_cells) {
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  rows.forEach((row, at) => {
    const element_of = known.get(row.key) ?? element("tr", { "data-key": row.key });
    known.delete(row.key);
    element_of.dataset.mood = row.mood;
    const cells = make_cells(row);
    if (element_of.textContent !== cells.map((cell) => cell.textContent).join("")) element_of.replaceChildren(...cells);
    if (body.children[at] !== element_of) body.insertBefore(element_of, body.children[at] ?? null);
  });
  for (const gone of known.values()) gone.remove();
}

/** Members of a list where arrow keys go from one to the next. */
export function arrow_keys(list, selector) {
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const all = [...list.querySelectorAll(selector)];
    const next = all[all.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}
