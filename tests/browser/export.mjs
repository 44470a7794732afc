// The page of docs/guide/export.md in a real browser: an exported model makes of a picture what the program makes of it.
// `.ci/browser` runs it.
//
//     node tests/browser/export.mjs PROGRAM
//
// PACKAGES names a folder whose node_modules has playwright-core and onnxruntime-web, and CHROMIUM the browser.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize, resolve } from "node:path";

const packages = createRequire(join(resolve(process.env.PACKAGES ?? "."), "package.json"));
const { chromium } = packages("playwright-core");
const runtime = dirname(packages.resolve("onnxruntime-web"));
const program = resolve(process.argv[2]);
const top = join(import.meta.dirname, "../..");
const work = mkdtempSync(join(tmpdir(), "hourglass-export-"));

const TYPES = { ".html": "text/html", ".mjs": "text/javascript", ".wasm": "application/wasm", ".png": "image/png" };

function hourglass(...words) {
  const done = spawnSync(program, words, { cwd: work, encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
}

/** The files of the folder, and those of the runtime under /ort/. */
function serve() {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const file = path.startsWith("/ort/") ? join(runtime, path.slice(5)) : join(work, path);
    try {
      const bytes = readFileSync(file);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(server)));
}

/** The red values of a canvas, or of a picture that the page shows on one. */
const values = (tab, source) =>
  tab.evaluate(async (source) => {
    const side = 28;
    let canvas = document.querySelector("canvas");
    if (source) {
      const picture = new Image();
      picture.src = source;
      await picture.decode();
      canvas = new OffscreenCanvas(side, side);
      canvas.getContext("2d").drawImage(picture, 0, 0);
    }
    const { data } = canvas.getContext("2d").getImageData(0, 0, side, side);
    return Array.from(data).filter((_, at) => at % 4 === 0);
  }, source);

/** A seven, as a PNG file. */
async function digit(browser) {
  const tab = await browser.newPage();
  const url = await tab.evaluate(() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 28;
    const pen = canvas.getContext("2d");
    pen.fillRect(0, 0, 28, 28);
    pen.strokeStyle = "white";
    pen.lineWidth = 2.5;
    pen.stroke(new Path2D("M 8 7 L 19 7 L 12 21"));
    return canvas.toDataURL("image/png");
  });
  await tab.close();
  return Buffer.from(url.split(",")[1], "base64");
}

const guide = readFileSync(join(top, "docs/guide/export.md"), "utf8");
const page = guide.match(/```html\n([^]*?)```/)?.[1];
assert.ok(page, "the guide has no page");
writeFileSync(join(work, "index.html"), page);

let browser = null;
let server = null;
try {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  writeFileSync(join(work, "digit.png"), await digit(browser));
  hourglass(join(top, "configs/conv.json"), "--quick", "--quiet", "--set", "train.epochs=6");
  hourglass("export", "conv", "-o", "conv.onnx");
  hourglass("reconstruct", "conv", "digit.png", "-o", "expected.png");
  server = await serve();
  const tab = await browser.newPage();
  const faults = [];
  tab.on("pageerror", (error) => faults.push(String(error)));
  tab.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  await tab.goto(`http://127.0.0.1:${server.address().port}/index.html`);
  await tab.waitForFunction(() => document.title === "done", null, { timeout: 60_000 }).catch((error) => {
    throw new Error(`${error.message}; ${faults.join("; ")}`);
  });
  const [found, expected] = [await values(tab, null), await values(tab, "expected.png")];
  const largest = Math.max(...found.map((value, at) => Math.abs(value - expected[at])));
  // Both are rounded to bytes.
  assert.ok(largest <= 1, `a pixel differs by ${largest} of 255`);
  assert.ok(Math.max(...found) > 60, "the page shows nothing");
  console.log(`ok      the page of the guide: largest difference ${largest} of 255`);
} finally {
  await browser?.close();
  server?.close();
  rmSync(work, { recursive: true, force: true });
}
