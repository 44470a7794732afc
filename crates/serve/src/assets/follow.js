// Following a run: shows its files as they change.

import { path } from "./api.js";
import { ago, by, figure, standing } from "./dom.js";
import { leave, show } from "./explore.js";
import { whereabouts } from "./runs.js";

let run = null;
let events = null;
let names = [];
/** Whether the newest sample is shown, so that the next one replaces it. */
let newest = true;
/** Whether it is settled what the page begins with. */
let arranged = false;

/** Shows a run and follows its changes. */
export function follow(name) {
  stop();
  run = name;
  newest = true;
  names = [];
  arranged = false;
  there(true);
  by("run-title").textContent = name;
  by("run-state").textContent = "";
  by("run-verdict").textContent = "";
  by("training-note").textContent = "";
  by("curves").replaceChildren();
  by("samples").hidden = true;
  by("run-report").hidden = true;
  by("explore-note").textContent = "";
  by("report-link").href = `/report/${path(name)}`;
  listen();
}

/** Stops following. */
export function stop() {
  events?.close();
  events = null;
  run = null;
  leave();
}

function listen() {
  events?.close();
  events = new EventSource(`/api/events/${path(run)}`);
  events.addEventListener("news", (event) => news(JSON.parse(event.data)));
  events.addEventListener("problem", (event) => {
    by("run-progress").hidden = true;
    by("run-state").textContent = `This run's folder is broken: ${event.data}`;
  });
  // The browser reconnects by itself, unless it was told that the run does not exist.
  events.addEventListener("error", () => {
    if (events?.readyState !== EventSource.CLOSED) return;
    there(false);
    const name = run;
    whereabouts().then(() => {
      if (name === run) by("run-state").textContent = `There is no run ${name} in ${by("folder").textContent}.`;
    });
  });
}

/** Shows the parts of a run's page, or none if there is no such run. */
function there(is) {
  for (const part of ["training", "exploring", "run-progress"]) by(part).hidden = !is;
}

/** Begins with the model if the training has ended, else with the training. */
function arrange(ended) {
  if (arranged) return;
  arranged = true;
  const [training, exploring] = [by("training"), by("exploring")];
  if (ended) training.before(exploring);
  else exploring.before(training);
}

function news(now) {
  arrange(now.status === "finished");
  const quiet = now.status === "running" && now.now - now.changed > 60;
  by("run-progress").hidden = now.status === "finished";
  by("run-progress").value = now.epochs ? now.epoch / now.epochs : 0;
  let words = `${now.kind}: ${standing(now)}`;
  if (quiet) words += `; last update ${ago(now.now - now.changed)}`;
  if (now.last) words += `; training loss ${figure(now.last["train/loss"])}`;
  if (now.last?.["val/loss"] != null) words += `, validation loss ${figure(now.last["val/loss"])}`;
  by("run-state").textContent = words;
  by("run-verdict").textContent = now.message ?? now.verdict ?? "";
  by("run-report").hidden = !now.report;
  by("training-note").textContent = now.last ? "" : "Curves appear after the first epoch.";
  curves(now.last ? now.curves : "");
  names = now.samples;
  samples();
  show(run, now.weights);
}

/** Shows the charts drawn by the program; their switches keep their state. */
function curves(html) {
  const on = [...by("curves").querySelectorAll("input:checked")].map((input) => input.id);
  const focused = document.activeElement?.id;
  const parsed = new DOMParser().parseFromString(html, "text/html");
  by("curves").replaceChildren(...parsed.body.childNodes);
  for (const input of by("curves").querySelectorAll("input")) {
    input.checked = on.includes(input.id);
    if (input.id === focused) input.focus();
  }
}

function samples() {
  by("samples").hidden = names.length === 0;
  if (!names.length) return;
  const slider = by("sample-epoch");
  slider.max = names.length - 1;
  if (newest) slider.value = names.length - 1;
  const name = names[Number(slider.value)];
  const epoch = Number(name.match(/\d+/)?.[0] ?? 0);
  by("sample-name").value = epoch;
  const address = `/api/sample/${encodeURIComponent(name)}/${path(run)}`;
  if (by("sample").getAttribute("src") !== address) by("sample").src = address;
  by("sample").alt = `Inputs above, reconstructions below, after epoch ${epoch}`;
}

by("sample-epoch").addEventListener("input", () => {
  newest = Number(by("sample-epoch").value) === names.length - 1;
  samples();
});
// A hidden page needs no updates, and a browser has few connections.
document.addEventListener("visibilitychange", () => {
  if (!run) return;
  if (document.hidden) events?.close();
  else listen();
});
