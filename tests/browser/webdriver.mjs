// As much of WebDriver (W3C) as the browser test needs: a headless Chromium of its own, driven over chromedriver's HTTP.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const element_key = "element-6066-11e4-a52e-4f735466cecf";  // W3C WebDriver, 12.1
const keys = { Enter: "\uE007", Escape: "\uE00C", Tab: "\uE004", ArrowDown: "\uE015", ArrowUp: "\uE013", ArrowRight: "\uE014" };

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class browser {
  #driver;
  #base;
  #session;
  #profile = mkdtempSync(join(tmpdir(), "quicsync-browser-"));

  /** Ends with the browser started, or throws what chromedriver said. */
  static async start({ width, height }) {
    const made = new browser();
    await made.#start(width, height);
    return made;
  }

  async #start(width, height) {
    this.#driver = spawn("chromedriver", ["--port=0", "--log-level=WARNING"], { stdio: ["ignore", "pipe", "inherit"] });
    const port = await new Promise((done, failed) => {
      let said = "";
      this.#driver.stdout.on("data", (text) => {
        said += text;
        const found = /started successfully on port (\d+)/.exec(said);
        if (found) done(found[1]);
      });
      this.#driver.on("error", failed);
      this.#driver.on("exit", (code) => failed(new Error(`chromedriver ended with ${code}: ${said}`)));
    });
    this.#base = `http://127.0.0.1:${port}/session`;
    const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
      `--user-data-dir=${this.#profile}`, `--window-size=${width},${height}`];
    const options = { binary: "/usr/bin/chromium", args };
    const started = await this.#call("POST", "", { capabilities: { alwaysMatch: { browserName: "chrome",
      "goog:chromeOptions": options, "goog:loggingPrefs": { browser: "ALL" } } } });
    this.#session = started.sessionId;
    await this.size(width, height);
  }

  async #call(method, path, body) {
    const where = this.#session ? `${this.#base}/${this.#session}${path}` : this.#base;
    const answer = await fetch(where, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
    return value;
  }

  open(url) { return this.#call("POST", "/url", { url }); }
  /** The function runs in the page, with the arguments; what it returns comes back. */
  run(script, ...args) { return this.#call("POST", "/execute/sync", { script: `return (${script}).apply(null, arguments)`, args }); }
  devtools(cmd, params) { return this.#call("POST", "/goog/cdp/execute", { cmd, params }); }
  /** What the page's console and the browser's policies complained of since the last call. */
  complaints() { return this.#call("POST", "/se/log", { type: "browser" }).then((all) => all.map((one) => one.message)); }

  async type(selector, text) {
    const found = await this.#call("POST", "/element", { using: "css selector", value: selector });
    await this.#call("POST", `/element/${found[element_key]}/value`, { text });
  }

  /** Keys to whatever has the focus, by name or as they are. */
  async press(...names) {
    const actions = names.flatMap((name) => ["keyDown", "keyUp"].map((type) => ({ type, value: keys[name] ?? name })));
    await this.#call("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Until the function gives something true in the page; that. Throws after `ms`. */
  async until(what, script, ms, ...args) {
    const give_up = Date.now() + ms;
    for (;;) {
      const got = await this.run(script, ...args);
      if (got) return got;
      if (Date.now() > give_up) throw new Error(`not within ${ms} ms: ${what}`);
      await pause(20);
    }
  }

  size(width, height) {
    return this.devtools("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  }

  async look(scheme) {
    await this.devtools("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  async picture(file) {
    writeFileSync(file, Buffer.from(await this.#call("GET", "/screenshot"), "base64"));
  }

  async end() {
    if (this.#session) await this.#call("DELETE", "").catch(() => {});
    this.#driver?.removeAllListeners("exit");
    this.#driver?.kill();
    await pause(200);
    rmSync(this.#profile, { recursive: true, force: true });
  }
}
