// The list of runs.

import { json, path } from "./api.js";
import { ago, by, counted, figure, make, standing } from "./dom.js";

/** Time between two updates, in milliseconds. */
const INTERVAL = 2000;

let timer = 0;
let shown = "";

/** Shows the list and follows its changes. */
export function list() {
  unlist();
  look();
}

/** Shows which folder the runs are in, for a page that was opened at a run. */
export async function whereabouts() {
  if (by("folder").textContent) return;
  try {
    by("folder").textContent = (await json("/api/runs")).folder;
  } catch {
    // The page of the run says what is wrong.
  }
}

/** Stops following. */
export function unlist() {
  clearTimeout(timer);
  timer = 0;
}

async function look() {
  const mine = (timer = setTimeout(look, INTERVAL));
  if (document.hidden && shown) return;
  try {
    const listing = await json("/api/runs");
    if (timer === mine) draw(listing);
  } catch (error) {
    by("list-note").textContent = error.message;
  }
}

function draw({ folder, runs }) {
  by("folder").textContent = folder;
  const training = runs.filter((run) => run.status === "running").length;
  by("list-note").textContent = runs.length
    ? `${counted(runs.length, "run")}${training ? `, ${training} training` : ""}`
    : "There are no runs yet. Start one with: hourglass configs/conv.json";
  const cards = runs.map(card);
  const now = cards.map((one) => one.outerHTML).join("");
  // Unchanged entries keep their focus.
  if (now === shown) return;
  shown = now;
  const focused = document.activeElement?.getAttribute("href");
  by("cards").replaceChildren(...cards);
  if (focused && by("cards").contains(document.activeElement) === false) {
    [...by("cards").querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  }
}

function card(run) {
  const name = make("p", { className: "name" });
  if (run.problem) {
    name.textContent = run.name;
    const note = make("p", { className: "note" }, `broken: ${run.problem}`);
    return make("li", { className: "broken" }, name, note);
  }
  name.append(make("a", { href: `#${path(run.name)}` }, run.name));
  const code = run.code_size ? `, code ${run.code_size}` : "";
  const lines = [`${run.kind}${code}`, `${standing(run)}, ${ago(Date.now() / 1000 - run.changed)}`];
  if (run.mse != null) lines.push(`mse ${figure(run.mse)} on the test pictures`);
  else if (run.best) lines.push(`best validation loss ${figure(run.best.value)}`);
  const notes = lines.map((line) => make("p", { className: "note" }, line));
  const item = make("li", { className: run.status }, name, ...notes);
  if (run.report) {
    const link = make("a", { href: `/report/${path(run.name)}`, target: "_blank", rel: "noopener" }, "report");
    link.setAttribute("aria-label", `Report of ${run.name}`);
    item.append(make("p", {}, link));
  }
  return item;
}
