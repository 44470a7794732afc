// Elements of the page.

/** The element of this id. */
export function by(id) {
  return document.getElementById(id);
}

/** A new element with these properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A number with four digits. */
export function figure(value) {
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(Math.max(3 - size, 0), 8));
}

/** A number with its noun. */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** How long ago, in words. */
export function ago(seconds) {
  for (const [length, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit} ago`;
  }
  return "just now";
}

/** A run's status, in words. */
export function standing(run) {
  const epochs = `epoch ${run.epoch} of ${run.epochs}`;
  if (run.pretraining != null) return `${run.status}, pre-training layer ${run.pretraining}, epoch ${run.epoch}`;
  if (run.status !== "finished") return `${run.status}, ${epochs}`;
  return `finished, ${counted(run.epoch, "epoch")}`;
}
