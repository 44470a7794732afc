// The page of `hourglass serve` and a run's report in a real browser: what a person does with pointer and keys, on a wide
// and on a narrow screen, in light and dark. `.ci/browser` runs it.
//
//     node tests/browser/serve.mjs PROGRAM
//
// PACKAGES names a folder whose node_modules has playwright-core and axe-core, CHROMIUM the browser, and SCREENSHOTS, where
// it is given, a folder for pictures of what was seen.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { deflateSync } from "node:zlib";

const packages = createRequire(join(resolve(process.env.PACKAGES ?? "."), "package.json"));
const { chromium } = packages("playwright-core");
const axe = readFileSync(packages.resolve("axe-core/axe.min.js"), "utf8");
const program = resolve(process.argv[2]);
const shots = process.env.SCREENSHOTS;
const work = mkdtempSync(join(tmpdir(), "hourglass-browser-"));
const runs = join(work, "runs");

/** The quiet ways of a browser that nobody sits at. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Longer than any step takes on a busy machine, in milliseconds. */
const PATIENCE = 60_000;

function train(...words) {
  const done = spawnSync(program, [...words, "--quiet", "--runs", runs], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
}

/** Starts the program and gives its address. */
async function serve() {
  const child = spawn(program, ["serve", "--runs", runs, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) return { child, url: line };
  throw new Error("the program does not serve");
}

/** What went wrong in pages without anybody asking: errors on the console, and requests to elsewhere. */
const faults = [];

async function page(browser, url, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const tab = await context.newPage();
  tab.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`${message.text()} ${message.location().url}`);
  });
  tab.on("pageerror", (error) => faults.push(String(error)));
  tab.on("request", (request) => {
    const ours = [url.startsWith("file:") ? url : new URL("/", url).href, "data:", "blob:"].some((start) => request.url().startsWith(start));
    if (!ours) faults.push(`a request to ${request.url()}`);
  });
  await tab.goto(url);
  return tab;
}

async function shot(tab, name) {
  if (shots) await tab.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}

/** The values that a canvas shows, as one text. */
const seen = (tab, id) => tab.locator(`#${id}`).evaluate((canvas) => canvas.toDataURL());

/** Waits until a canvas shows something else. */
async function changed(tab, id, before) {
  await tab.waitForFunction(([id, before]) => document.getElementById(id).toDataURL() !== before, [id, before]);
}

/** Waits until the model is there with the test pictures. */
async function explored(tab) {
  await tab.locator("#walk").waitFor();
  await tab.waitForFunction(() => document.getElementById("output").dataset.took);
}

/** What axe holds for a serious fault. */
async function accessible(tab, what) {
  // The page lets in no script but its own; the browser's debugger may.
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => window.axe.run());
  const serious = violations.filter((it) => ["serious", "critical"].includes(it.impact));
  const words = serious.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(words, [], what);
}

async function fits(tab, what) {
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${what}: ${wide} pixels too wide`);
}

/** Draws a line through points in parts of the pad, with the pointer. */
async function draw(tab, points) {
  await tab.locator("#input").scrollIntoViewIfNeeded();
  const box = await tab.locator("#input").boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await tab.mouse.move(...at(points[0]));
  await tab.mouse.down();
  const times = [];
  for (const point of points.slice(1)) {
    await tab.mouse.move(...at(point), { steps: 8 });
    await tab.waitForTimeout(30);
    times.push(Number(await tab.locator("#output").getAttribute("data-took")));
  }
  await tab.mouse.up();
  return times;
}

const SEVEN = [[0.3, 0.25], [0.5, 0.25], [0.7, 0.25], [0.6, 0.45], [0.52, 0.6], [0.45, 0.8]];

const steps = {
  async "a digit that is drawn is reconstructed"(browser, url) {
    const tab = await page(browser, url);
    await tab.getByRole("link", { name: "conv", exact: true }).click();
    await explored(tab);
    await tab.getByRole("button", { name: "Clear" }).click();
    const empty = await seen(tab, "output");
    const times = await draw(tab, SEVEN);
    await changed(tab, "output", empty);
    assert.match(await tab.locator("#output-title").textContent(), /Reconstruction/);
    console.log(`    stroke to picture: ${times.map((it) => it.toFixed(1)).join(", ")} ms`);
    await tab.waitForTimeout(200);
    await shot(tab, "desktop");
    await accessible(tab, "a run");
    await tab.context().close();
  },

  async "sliders, the map and a walk change what is decoded"(browser, url) {
    const tab = await page(browser, `${url}#conv`);
    await explored(tab);
    // A page that was opened at a run says whose it is, and begins with what can be tried.
    await tab.waitForFunction(() => document.getElementById("folder").textContent !== "");
    const pad = await tab.locator("#input").boundingBox();
    const training = await tab.locator("#training").boundingBox();
    assert.ok(pad.y + pad.height < tab.viewportSize().height && training.y > pad.y, `the pad is at ${pad.y}`);
    let before = await seen(tab, "output");
    await tab.locator("#sliders input").nth(3).focus();
    for (let press = 0; press < 20; press++) await tab.keyboard.press("ArrowRight");
    await changed(tab, "output", before);
    assert.match(await tab.locator("#output-title").textContent(), /Decoded/);

    before = await seen(tab, "output");
    await tab.locator("#map").click({ position: { x: 30, y: 30 } });
    await changed(tab, "output", before);
    before = await seen(tab, "output");
    await tab.locator("#map").press("ArrowRight");
    await changed(tab, "output", before);

    await tab.getByRole("button", { name: /^test picture/ }).nth(5).click();
    await tab.waitForFunction(() => document.getElementById("output-title").textContent === "Reconstruction");
    await tab.getByRole("button", { name: "End at this input" }).click();
    before = await seen(tab, "output");
    await tab.getByLabel("Position").fill("0.5");
    await changed(tab, "output", before);
    await tab.context().close();
  },

  async "a picture is opened, and one that is none is refused in words"(browser, url) {
    const tab = await page(browser, `${url}#conv`);
    await explored(tab);
    let before = await seen(tab, "input");
    const name = (await tab.evaluate(() => document.getElementById("sample").src)).split("/").at(-2);
    await tab.locator("#file").setInputFiles(join(runs, "conv", "samples", name));
    await changed(tab, "input", before);
    before = await seen(tab, "input");
    await tab.locator("#file").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("none") });
    await tab.waitForFunction(() => document.getElementById("explore-note").textContent.includes("cannot read it"));
    assert.equal(await seen(tab, "input"), before);
    await tab.context().close();
  },

  async "a stronger corruption is restored to another picture"(browser, url) {
    const tab = await page(browser, `${url}#noisy`);
    await explored(tab);
    const whole = await seen(tab, "corrupted");
    await tab.getByLabel("Strength").fill("0");
    await changed(tab, "corrupted", whole);
    assert.equal(await seen(tab, "corrupted"), await seen(tab, "input"));
    await tab.getByLabel("Strength").fill("1");
    await tab.waitForFunction((whole) => document.getElementById("corrupted").toDataURL() === whole, whole);
    await tab.getByRole("button", { name: "New noise" }).click();
    await changed(tab, "corrupted", whole);
    await shot(tab, "denoising");
    await tab.context().close();
  },

  async "a whole picture is restored at its own size"(browser, url) {
    const tab = await page(browser, `${url}#noisy`);
    await explored(tab);
    const buffer = png(100, 61, 8, (x, y) => (x + y) % 256);
    await tab.locator("#restore-file").setInputFiles({ name: "a.b.png", mimeType: "image/png", buffer });
    await tab.locator("#restore-save[download]").waitFor();
    assert.match(await tab.locator("#restore-note").textContent(), /^a\.b\.png: 100 x 61 pixels, in [0-9.]+ s$/);
    const found = await tab.evaluate(() => {
      const of = (id) => {
        const canvas = document.getElementById(id);
        return [canvas.width, canvas.height, canvas.getContext("2d").getImageData(40, 30, 1, 1).data[0]];
      };
      return [of("restore-input"), of("restore-output")];
    });
    assert.deepEqual(found[0], [100, 61, 70]);
    assert.deepEqual(found[1].slice(0, 2), [100, 61]);
    const download = tab.waitForEvent("download");
    await tab.getByRole("link", { name: "Save the restored picture" }).click();
    assert.equal((await download).suggestedFilename(), "a.b-restored.png");
    await accessible(tab, "a restored picture");
    await shot(tab, "restored");
    // Too large a picture names the command that restores it.
    const large = { name: "large.png", mimeType: "image/png", buffer: png(5000, 3000, 8, () => 0) };
    await tab.locator("#restore-file").setInputFiles(large);
    await tab.getByText("use hourglass restore noisy FILE").waitFor();
    // A model that restores nothing does not offer it.
    await tab.goto(`${url}#conv`);
    await tab.waitForFunction(() => document.getElementById("run-title").textContent === "conv");
    await explored(tab);
    assert.equal(await tab.locator("#restoring").isVisible(), false);
    await tab.context().close();
  },

  async "files of 16 bits are as bright as in training"(browser, url) {
    const tab = await page(browser, url);
    const values = async (bits, white, value) => {
      const bytes = [...png(4, 4, bits, () => value)];
      return tab.evaluate(
        async ([bytes, white]) => {
          const { open } = await import("/assets/picture.js");
          const file = new File([new Uint8Array(bytes)], "a.png", { type: "image/png" });
          const preparation = { rule: "resized", aspect: "stretch", white };
          return [...(await open(file, [1, 4, 4], preparation))];
        },
        [bytes, white],
      );
    };
    const close = (found, expected) => found.every((value) => Math.abs(value - expected) < 0.02);
    assert.ok(close(await values(16, 4095, 2048), 0.5));
    assert.ok(close(await values(16, 4095, 5000), 1));
    assert.ok(close(await values(16, 65535, 32768), 0.5));
    assert.ok(close(await values(8, 4095, 128), 0.5));
    await tab.context().close();
  },

  async "a training in another process appears and its curve grows"(browser, url) {
    const tab = await page(browser, url);
    const words = [config("dense"), "--quick", "--quiet", "--runs", runs, "--name", "live", "--set", "train.epochs=40"];
    const training = spawn(program, words, { stdio: "ignore" });
    const ended = new Promise((done) => training.on("exit", done));
    await tab.getByRole("link", { name: "live", exact: true }).click();
    const marks = () => tab.locator("#curves .linear circle.hit").count();
    await tab.waitForFunction(() => document.querySelectorAll("#curves .linear circle.hit").length > 2);
    const few = await marks();
    await tab.waitForFunction((few) => document.querySelectorAll("#curves .linear circle.hit").length > few, few);
    await explored(tab);
    const code = await ended;
    assert.equal(code, 0);
    await tab.waitForFunction(() => document.getElementById("run-state").textContent.includes("finished"));
    assert.equal(await tab.locator("#sample-name").textContent(), "40");
    // The walk was there before the last weights were, and goes on with them.
    await tab.waitForFunction(() => {
      const drawn = [...document.querySelectorAll("#steps canvas")].map((canvas) => canvas.toDataURL());
      return new Set(drawn).size > 5;
    });
    await tab.context().close();
  },

  async "keys alone reach everything"(browser, url) {
    const tab = await page(browser, `${url}#conv`);
    await explored(tab);
    const wanted = await tab.evaluate(() => {
      const all = document.querySelectorAll("a[href], button, input, [tabindex='0']");
      const shown = [...all].filter((it) => it.checkVisibility() && !it.disabled);
      shown.forEach((it, index) => (it.dataset.stop = index));
      return shown.length;
    });
    const reached = new Set();
    for (let press = 0; press < wanted + 10; press++) {
      await tab.keyboard.press("Tab");
      reached.add(await tab.evaluate(() => document.activeElement?.dataset.stop));
    }
    for (let stop = 0; stop < wanted; stop++) {
      const what = await tab.evaluate((stop) => document.querySelector(`[data-stop="${stop}"]`).outerHTML.slice(0, 120), stop);
      assert.ok(reached.has(String(stop)), `not reached: ${what}`);
    }
    // A stroke without a pointer.
    await tab.getByRole("button", { name: "Clear" }).press("Enter");
    await tab.waitForTimeout(200);
    const empty = await seen(tab, "output");
    await tab.locator("#input").focus();
    await tab.keyboard.press("Space");
    for (let press = 0; press < 6; press++) await tab.keyboard.press("ArrowDown");
    await changed(tab, "output", empty);
    await tab.context().close();
  },

  async "a narrow screen needs no scrolling sideways, in dark too"(browser, url) {
    const options = { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true };
    const tab = await page(browser, url, options);
    await tab.getByRole("link", { name: "conv", exact: true }).waitFor();
    await fits(tab, "the list");
    await shot(tab, "narrow-list");
    await tab.getByRole("link", { name: "conv", exact: true }).click();
    await explored(tab);
    await fits(tab, "a run");
    await shot(tab, "narrow");
    await tab.context().close();
    const dark = await page(browser, url, { colorScheme: "dark" });
    await dark.getByRole("link", { name: "conv", exact: true }).waitFor();
    await accessible(dark, "the list in dark");
    await shot(dark, "dark-list");
    await dark.getByRole("link", { name: "conv", exact: true }).click();
    await explored(dark);
    await accessible(dark, "a run in dark");
    await shot(dark, "dark");
    await dark.context().close();
  },

  async "a broken run is said to be"(browser, url) {
    const tab = await page(browser, url);
    await tab.getByText("broken: ").waitFor();
    await tab.context().close();
  },

  async "a report opens from its file, and from the page"(browser, url) {
    const file = pathToFileURL(join(runs, "conv", "report.html")).href;
    const narrow = { viewport: { width: 360, height: 780 } };
    for (const [address, options] of [
      [file, {}],
      [file, narrow],
      [`${url}report/conv`, narrow],
    ]) {
      const tab = await page(browser, address, options);
      assert.ok((await tab.locator("svg").count()) > 2);
      await fits(tab, address);
      // The page's copy is in a sandbox, where axe cannot run; it is the same document.
      if (address === file) await accessible(tab, address);
      await tab.context().close();
    }
  },
};

/** A grey PNG file whose pixels have these values. */
function png(width, height, bits, value) {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header[8] = bits;
  const wide = bits / 8;
  const rows = Buffer.alloc(height * (1 + width * wide));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.writeUIntBE(value(x, y), y * (1 + width * wide) + 1 + x * wide, wide);
  }
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([magic, chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

/** The checksum of PNG, bit by bit. */
function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

function config(name) {
  return join(import.meta.dirname, "../../configs", `${name}.json`);
}

let failed = 0;
let served = null;
let browser = null;
try {
  train(config("conv"), "--quick", "--name", "conv", "--set", "train.epochs=6");
  train(config("denoising"), "--quick", "--name", "noisy");
  train(config("dense"), "--quick", "--name", "broken");
  rmSync(join(runs, "broken", "state.json"));
  served = await serve();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step(browser, served.url);
      assert.deepEqual(faults, []);
      console.log(`ok      ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}\n${error.stack}`);
    }
    faults.length = 0;
  }
} finally {
  await browser?.close();
  served?.child.kill("SIGINT");
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
