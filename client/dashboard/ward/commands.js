// Commands to the alarm book: sent over HTTP, done only when the book's event comes back.

import { Problem, command, get } from "../shared/api.js";

const PATIENCE = 6; // seconds until a command counts as not confirmed

export class Commands {
  #waiting = new Map(); // id → what takes the event
  #early = new Map(); // id → event that came before the answer to its request

  /** Take an event of the subscription. */
  heard(event) {
    if (event.type !== "commanddone") return;
    const take = this.#waiting.get(event.id);
    if (take) take(event);
    else this.#early.set(event.id, event);
    if (this.#early.size > 100) this.#early.delete(this.#early.keys().next().value);
  }

  /**
   * Send a command and await that the book has carried it out; gives its event.
   *
   * Throws a Problem when it was refused, or when nothing confirmed it in time.
   */
  async carryOut(path, body) {
    const id = await command(path, body);
    const done = this.#early.get(id) ?? (await this.#confirmation(id));
    this.#early.delete(id);
    if (done.refused) throw new Problem({ code: done.refused, title: "Refused", detail: done.detail || done.refused });
    return done;
  }

  /** The event, or, when the connection lost it, what the server says of the command. */
  #confirmation(id) {
    return new Promise((resolve, reject) => {
      const late = async () => {
        this.#waiting.delete(id);
        const answer = await get(`/v1/commands/${id}`).catch((problem) => problem);
        if (answer.status === "done" || answer.status === "refused") resolve(answer);
        else reject(new Problem({ code: "not_confirmed", title: "Not confirmed: the alarm book has not answered" }));
      };
      const timer = setTimeout(late, PATIENCE * 1000);
      this.#waiting.set(id, (event) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(event);
      });
    });
  }
}
