// Requests to the program.

/** A run's name, encoded for an address. */
export function path(run) {
  return run.split("/").map(encodeURIComponent).join("/");
}

async function answered(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error("hourglass does not answer; is it still running?");
  }
  if (!response.ok) throw new Error(await response.text());
  return response;
}

/** The JSON at an address. */
export async function json(address) {
  return (await answered(address)).json();
}

/** Sends numbers to a model and returns its numbers. Both are 32-bit floats, little-endian as on all machines with a browser. */
export async function numbers(address, values) {
  return new Float32Array(await sent(address, values));
}

/** Sends bytes to a model and returns its bytes. */
export async function bytes(address, values) {
  return new Uint8Array(await sent(address, values));
}

async function sent(address, body) {
  const headers = { "Content-Type": "application/octet-stream" };
  const response = await answered(address, { method: "POST", headers, body });
  return response.arrayBuffer();
}

/** Does one piece of work at a time. Of the work that arrives in the meantime, only the newest is done. */
export class Newest {
  #busy = false;
  #next = null;

  async ask(work) {
    if (this.#busy) {
      this.#next = work;
      return;
    }
    this.#busy = true;
    try {
      for (let now = work; now; now = this.#next) {
        this.#next = null;
        await now();
        if (!this.#next) break;
      }
    } finally {
      this.#busy = false;
    }
  }
}
