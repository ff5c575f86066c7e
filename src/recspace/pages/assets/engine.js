// Where boxes and lines lie: by the layout engine (elkjs) in a worker of its own, so that the page never waits for it; what would
// take that one long, by our own layers.

import { unpacked } from "./unpack.js";
import { nested } from "./nested.js";
import { turn } from "./dom.js";

const LARGE = 90; // boxes from which on our own layers make the better picture, too

export class Engine {
  #worker = null;
  #waiting = new Map();
  #number = 0;

  // The worker starts at once: it needs longer to be ready than the data to be read.
  constructor() {
    this.#ready().catch(() => {}); // whoever asks for a layout is told why
  }

  async layout(graph) {
    if (count(graph) > LARGE) return nested(graph);
    await this.#ready();
    return this.#ask({ cmd: "layout", graph, layoutOptions: {}, options: {} });
  }

  #ready() {
    this.#worker ??= this.#start();
    return this.#worker;
  }

  async #start() {
    await turn(); // the page comes first
    const address = URL.createObjectURL(new Blob([await unpacked("engine")], { type: "text/javascript" }));
    const worker = new Worker(address);
    URL.revokeObjectURL(address);
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error) reject(new Error(String(data.error.message ?? data.error)));
      else resolve(data.data);
    };
    worker.onerror = (event) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message || "the layout engine failed"));
      this.#waiting.clear();
    };
    this.#send = (message) => worker.postMessage(message);
    await this.#ask({ cmd: "register", algorithms: ["layered"] });
    return worker;
  }

  #send = () => {};

  #ask(message) {
    const id = this.#number++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ id, ...message });
    });
  }
}

function count(box) {
  return (box.children ?? []).reduce((sum, child) => sum + 1 + count(child), 0);
}
