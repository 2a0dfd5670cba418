// Patterns in and out a second over the last three minutes: in above the axis, out below, one scale for both.
import { by_id, count, drawn, rate, say } from "/dashboard_words.js";

const seconds_shown = 180;
const margin = { left: 44, right: 6, top: 8, bottom: 18 };

const chart = by_id("flow-chart");
const samples = [];  // {time, from_peers, own, out}, all a second
let pointed = null;  // a sample's place, under the pointer

/** `last` and `now`: two "stats" events, one after the other. */
export function add_flow(last, now) {
  const seconds = (now.time - last.time) / 1000;
  if (!(seconds > 0.1)) return;
  const per_second = (name) => Math.max(0, ((now[name] ?? 0) - (last[name] ?? 0)) / seconds);
  const from_peers = per_second("patternsReceived");
  samples.push({
    time: now.time,
    from_peers,
    own: Math.max(0, per_second("patternsTaken") - from_peers),
    out: per_second("patternsSent"),
  });
  if (samples.length > seconds_shown) samples.shift();
}

export const newest_flow = () => samples.at(-1);
const taken = (sample) => sample.from_peers + sample.own;

/** The least round number that is not below n. */
function rounded_up(n) {
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= n);
}

function path_of(points) {
  return points.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

export function draw_flow() {
  const { width, height } = chart.getBoundingClientRect();
  if (width < 80) return;
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const most_in = Math.max(1, ...samples.map(taken)), most_out = Math.max(1, ...samples.map((s) => s.out));
  const top_value = rounded_up(most_in), bottom_value = rounded_up(most_out);
  const unit = inner.height / (top_value + bottom_value);
  const axis = margin.top + top_value * unit;
  const x = (at) => margin.left + inner.width * (1 - (samples.length - 1 - at) / (seconds_shown - 1));
  const parts = [];

  for (const [value, y] of [[top_value, margin.top], [bottom_value, height - margin.bottom]]) {
    parts.push(drawn("line", { class: "rule", x1: margin.left, x2: width - margin.right, y1: y, y2: y }));
    parts.push(drawn("text", { x: margin.left - 7, y: y + 4, "text-anchor": "end" }, rate(value)));
  }
  if (samples.length) {
    const last = samples.length - 1;
    for (const [name, y_of] of [["in", (s) => axis - taken(s) * unit], ["out", (s) => axis + s.out * unit]]) {
      const line = path_of(samples.map((s, at) => [x(at), y_of(s)]));
      parts.push(drawn("path", { class: `area-${name}`, d: `${line}L${x(last)} ${axis}L${x(0)} ${axis}Z` }));
      parts.push(drawn("path", { class: `line-${name}`, d: line }));
    }
  }
  parts.push(drawn("line", { class: "axis", x1: margin.left, x2: width - margin.right, y1: axis, y2: axis }));
  if (top_value * unit > 20 && bottom_value * unit > 20)
    parts.push(drawn("text", { x: margin.left - 7, y: axis + 4, "text-anchor": "end" }, "0"));
  for (const minutes of [3, 2, 1, 0]) {
    const at = margin.left + inner.width * (1 - minutes / 3);
    const text = minutes ? `${minutes} min ago` : "now";
    const anchor = minutes === 3 ? "start" : minutes ? "middle" : "end";
    parts.push(drawn("text", { x: at, y: height - 3, "text-anchor": anchor }, text));
  }
  const shown = samples[pointed] ?? samples.at(-1);
  if (samples[pointed]) {
    const at = x(pointed);
    parts.push(drawn("line", { class: "axis", x1: at, x2: at, y1: margin.top, y2: height - margin.bottom }));
  }
  chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  chart.replaceChildren(...parts);
  if (!shown) return;
  const when = samples[pointed] ? `${Math.round((samples.at(-1).time - shown.time) / 1000)} s ago: ` : "";
  say(by_id("flow-note"), `${when}${rate(shown.from_peers)} from peers, ${rate(shown.own)} own, ` +
    `${rate(shown.out)} to peers a second`);
  say(by_id("flow-text"), `Over ${count(samples.length)} seconds: at most ${rate(most_in)} patterns a second came in, ` +
    `at most ${rate(most_out)} went out.`);
}

chart.addEventListener("pointermove", (event) => {
  const box = chart.getBoundingClientRect();
  const part = (event.clientX - box.left - margin.left) / (box.width - margin.left - margin.right);
  pointed = samples.length - 1 - Math.round((1 - part) * (seconds_shown - 1));
  draw_flow();
});
chart.addEventListener("pointerleave", () => {
  pointed = null;
  draw_flow();
});
new ResizeObserver(draw_flow).observe(chart);
