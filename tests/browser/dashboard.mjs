// The dashboard in a real browser, by keyboard as an operator would use it. What it must do stands in the cases below.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { browser, pause } from "./webdriver.mjs";

// `stopped`: the process of a peer; it is stopped for the pictures, which then wait until the flow's chart is full.
const [admin, port, trust, program, place, stopped] = process.argv.slice(2);
const peers = 6;
const hostile = "<img src=x onerror=alert(1)>";

function check(truth, what) {
  if (!truth) throw new Error(what);
}

/** Patterns by the program's own `share`; it ends when the node has acknowledged them. */
function share(...patterns) {
  const tls = ["--cert", join(trust, "writer.pem"), "--key", join(trust, "writer.key"), "--ca", join(trust, "ca.pem")];
  const done = spawnSync(program, ["share", "--peer", `127.0.0.1:${port}`, ...tls, "-"],
    { input: patterns.map((one) => JSON.stringify(one) + "\n").join(""), encoding: "utf8" });
  check(done.status === 0, `share: ${done.stderr}`);
}

const pattern = (id, version, more = {}) => ({ id, agentId: "coverage-analyzer", type: "coverage_gap", version, timestamp: Date.now(),
  data: { file: "src/cart.cpp", uncoveredLines: [41, 42] }, metadata: { source: "coverage-analyzer", tags: ["unit"], priority: 8 }, ...more });

const text_of = (selector) => page.run((s) => document.querySelector(s)?.textContent ?? "", selector);
const focused = () => page.run(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.id);

const cases = {
  "asks for the token, refuses a wrong one, takes the right one": async () => {
    await page.open(`http://${admin}/`);
    await page.until("the form", () => document.getElementById("login").open, 10000);
    await page.type("#login-token", "wrong");
    await page.press("Enter");
    await page.until("the refusal", () => document.getElementById("login-failed").textContent !== "", 5000);
    await page.type("#login-token", readFileSync(join(trust, "token"), "utf8").trim());
    await page.press("Enter");
    await page.until("the name", () => document.getElementById("node").textContent === "alpha", 10000);
    check((await page.run(() => document.cookie)) === "", "a script can read the cookie");
  },
  "names the stuck agent and draws it, and shows the peers": async () => {
    await page.until("the stuck agent", () => document.getElementById("attention-list").textContent.includes("report-writer"), 10000);
    await page.until("it in the graph", () => document.querySelector('.node[data-mood="bad"]')?.textContent.includes("report-writer"), 5000);
    await page.until("its peers", (count) => document.querySelectorAll("#peer-rows tr").length === count, 10000, peers);
    await page.until("edges", () => document.querySelectorAll("#graph-picture .edge").length > 3, 5000);
  },
  "sees a pattern within a second of its being shared": async () => {
    await page.run(() => {
      const list = document.getElementById("search-list");
      window.seen = null;
      new MutationObserver(() => {
        if (!window.seen && list.textContent.includes("gap-17")) window.seen = Date.now();
      }).observe(list, { childList: true, subtree: true, characterData: true });
    });
    const begun = Date.now();
    share(pattern("gap-17", 1, { timestamp: begun }));
    const seen = await page.until("the pattern", () => window.seen, 1000);
    check(seen - begun < 1000, `seen ${seen - begun} ms after the share began`);
    return `${seen - begun} ms after the share began, its connection included`;
  },
  "searches it from the keyboard and reads why it won": async () => {
    share(pattern("gap-17", 2));
    await page.press("/");
    check((await focused()) === "search-text", "/ leads to the search");
    await page.type("#search-text", "id=gap-17");
    await page.press("Enter");
    await page.until("the reason", () => /version 2 replaced version 1/.test(document.querySelector("#why .why")?.textContent), 5000);
    return text_of("#why .why");
  },
  "follows the pattern that is open to its next version": async () => {
    share(pattern("gap-17", 3));
    await page.until("the next reason", () => /version 3 replaced version 2/.test(document.querySelector("#why .why")?.textContent), 3000);
    await page.press("Escape");
    check(await page.run(() => document.getElementById("why").hidden), "Escape closes it");
  },
  "takes nothing that a peer says as markup": async () => {
    await page.run((text) => {
      document.getElementById("search-text").value = "";
      document.getElementById("search-text").dispatchEvent(new Event("input"));
      const list = document.getElementById("search-list");
      window.made = null;  // what was made of it while it stood there
      new MutationObserver(() => {
        if (list.textContent.includes(text)) window.made = [...document.querySelectorAll("main img, main script, main iframe")].length;
      }).observe(list, { childList: true, subtree: true, characterData: true });
    }, hostile);
    share(pattern(hostile, 1, { agentId: hostile, type: hostile, metadata: { source: hostile, tags: [hostile] } }));
    await page.until("the text", () => window.made !== null, 3000);
    check(await page.run(() => window.made === 0), "markup was made");
  },
  "says what is wrong with a filter": async () => {
    await page.press("Escape");
    await page.run(() => document.getElementById("search-text").focus());
    await page.type("#search-text", "colour=red");
    await page.press("Enter");
    await page.until("the word", () => document.getElementById("search-note").textContent.includes("colour"), 5000);
    await page.run(() => {
      document.getElementById("search-text").value = "";
      document.getElementById("search-text").dispatchEvent(new Event("input"));
      document.activeElement.blur();
    });
  },
  "walks the graph with the arrow keys and opens an actor": async () => {
    await page.press("3");
    const first = await focused();
    await page.press("ArrowRight");
    const second = await focused();
    check(first !== second && /cache|store|ledger|coordinator/.test(second), `from '${first}' to '${second}'`);
    await page.press("Enter");
    await page.until("the actor", () => !document.getElementById("actor").hidden, 5000);
    await page.press("Escape");
    check(await page.run(() => document.getElementById("actor").hidden), "Escape closes it");
    await page.press("t");
    await page.until("the table", () => document.querySelectorAll("#actor-rows tr").length > 5, 5000);
    await page.press("t");
  },
  "has a name for everything that can be used or read": async () => {
    const { nodes } = await page.devtools("Accessibility.getFullAXTree", {});
    const nameless = nodes.filter((node) => !node.ignored && ["button", "textbox", "searchbox", "checkbox", "image", "region", "list",
      "table", "group", "dialog"].includes(node.role?.value) && !node.name?.value && node.role.value !== "table");
    check(!nameless.length, `without a name: ${nameless.map((node) => node.role.value).join(", ")}`);
    return `${nodes.length} elements`;
  },
  "is legible in light and in dark": async () => {
    if (stopped) await pause(Math.max(0, 185000 - (Date.now() - begun_at)));
    for (const number of [11, 12, 13, 14, 15, 16])
      share(pattern(`gap-${number}`, 1, { data: { file: `src/part${number}.cpp`, uncoveredLines: [number] } }));
    share(pattern("gap-17", 4));
    if (stopped) process.kill(Number(stopped), "SIGSTOP");
    if (stopped) await pause(2000);
    await page.run(() => document.getElementById("search-text").focus());
    await page.type("#search-text", "id=gap*");
    await page.press("Enter");
    await page.until("what was found", () => [...document.querySelectorAll("#search-list li")].some((row) => row.pattern?.id === "gap-17"), 5000);
    await page.run(() => {
      [...document.querySelectorAll("#search-list li")].find((row) => row.pattern.id === "gap-17").querySelector("button").click();
      document.activeElement.blur();
      window.scrollTo(0, 0);
    });
    await page.until("why", () => document.querySelector("#why .why"), 5000);
    await page.size(1440, await page.run(() => document.documentElement.scrollHeight));
    for (const scheme of ["light", "dark"]) {
      await page.look(scheme);
      await pause(700);  // what has just come has stopped glowing
      // WCAG 2.1, 1.4.3: 4.5 to 1 between text and what is behind it.
      const pale = await page.run(() => {
        const parsed = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
          .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
        const behind = (element) => {
          for (let at = element; at; at = at.parentElement) {
            const colour = parsed(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
          }
          return [255, 255, 255];
        };
        const found = new Set();
        for (const element of document.querySelectorAll("main *, header *")) {
          if (element.closest("svg") || !element.getClientRects().length || ![...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
            continue;
          const [a, b] = [light(parsed(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
          if ((a + 0.05) / (b + 0.05) < 4.5) found.add(`${element.tagName}.${element.className} '${element.textContent.slice(0, 20)}' ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
        }
        return [...found];
      });
      check(!pale.length, `${scheme}: ${pale.join("; ")}`);
      await page.picture(join(place, `dashboard-${scheme}.png`));
    }
  },
  "makes the browser complain of nothing": async () => {
    const complaints = (await page.complaints()).filter((text) => !/status of (403|400)/.test(text));  // those it was told to provoke
    check(!complaints.length, complaints.join("\n"));
  },
};

const begun_at = Date.now();
const page = await browser.start({ width: 1440, height: 1090 });
let failed = 0;
try {
  for (const [name, run] of Object.entries(cases)) {
    try {
      const said = await run();
      console.log(`ok: the dashboard ${name}${said ? ` (${said})` : ""}`);
    } catch (problem) {
      console.log(`FAILED: the dashboard ${name}: ${problem.message}`);
      await page.picture(join(place, "failed.png")).catch(() => {});
      if (++failed === 1) console.log(`browser: what it looked like is in ${join(place, "failed.png")}`);
    }
  }
} finally {
  await page.end();
}
process.exit(failed ? 1 : 0);
