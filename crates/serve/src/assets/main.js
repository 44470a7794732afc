// The page: the list of runs, or the run named in the address.

import { by } from "./dom.js";
import { follow, stop } from "./follow.js";
import { list, unlist, whereabouts } from "./runs.js";

/** The run named in the address after the #. */
function named() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

let first = true;

function go() {
  const run = named();
  by("list").hidden = run !== "";
  by("run").hidden = run === "";
  document.title = run ? `${run} - Hourglass` : "Hourglass";
  if (run) {
    unlist();
    whereabouts();
    follow(run);
    scrollTo(0, 0);
    if (!first) by("run-title").focus();
  } else {
    stop();
    list();
  }
  first = false;
}

// The address names a run, so the skip link must not change it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  by("main").focus();
});
addEventListener("hashchange", go);
go();
