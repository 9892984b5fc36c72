// The right end of the page's head: connection, sound, who sits here, the time.

import { BLOCKED, ON } from "../alarm/sound.js";
import { make, say } from "../shared/dom.js";
import { name } from "../shared/person.js";
import { clockTime } from "../shared/time.js";
import { showKeys } from "./keys.js";
import { signIn } from "./signin.js";

const WORDS = { [ON]: "Sound on", [BLOCKED]: "Sound blocked: press", off: "Enable sound" };

const NOTE = 8000; // ms that an error stands
const ASKED = "Who are you?";

export class Tools {
  #fade = 0;

  constructor(root, sound) {
    this.slot = make("div", { class: "slot" });
    this.link = make("span", { class: "link", role: "status", id: "link" }, "connecting …");
    this.sound = make("button", { type: "button", id: "sound", "aria-keyshortcuts": "s", onclick: () => sound.enable() });
    this.person = make("button", { type: "button", class: "plain", onclick: async () => (await signIn()) && this.tick() }, ASKED);
    this.note = make("span", { class: "note", role: "alert" });
    this.clock = make("time", {});
    const keys = make("button", { type: "button", class: "plain", "aria-keyshortcuts": "?", "aria-label": "Keyboard shortcuts", onclick: showKeys }, "?");
    root.append(this.slot, this.note, this.link, this.sound, this.person, keys, this.clock);
    this.showSound(sound.state);
  }

  /** Say whether alarms can be heard; silence is never only a missing icon. */
  showSound(state) {
    this.sound.className = `sound ${state}`;
    say(this.sound, WORDS[state]);
  }

  /** Say whether what is shown is live. */
  showLink(up, words) {
    say(this.link, words);
    this.link.classList.toggle("down", !up);
  }

  /** An error that belongs to no form; it goes after a while. */
  showNote(words) {
    say(this.note, words);
    clearTimeout(this.#fade);
    this.#fade = setTimeout(() => say(this.note, ""), NOTE);
  }

  tick() {
    say(this.clock, clockTime(Date.now() / 1000));
    say(this.person, name() || ASKED);
  }
}
