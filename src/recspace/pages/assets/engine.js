// The layout engine (elkjs) in a worker of its own, so that the page never waits for it.

import { unpacked } from "./unpack.js";

export class Engine {
  #worker = null;
  #waiting = new Map();
  #number = 0;

  async layout(graph) {
    await this.#ready();
    return this.#ask({ cmd: "layout", graph, layoutOptions: {}, options: {} });
  }

  #ready() {
    this.#worker ??= this.#start();
    return this.#worker;
  }

  async #start() {
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
