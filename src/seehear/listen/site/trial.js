// One page of the test: the player, the versions, what the listener says about them.

import { el } from "./dom.js";
import { setKeys } from "./keys.js";
import { letter, ratingsFor } from "./ratings.js";
import { Stage } from "./stage.js";

const HEARD_S = 0.5; // a version counts as heard after so long

/**
 * @param {object} test  what is asked
 * @param {object} page  clip and sounds; `reference` first where there is one
 * @param {object} given  slot -> value from an earlier visit
 * @param {{answer: Function, next: Function, last: boolean, practice: boolean}} hooks
 */
export class TrialPage {
  constructor(test, page, given, hooks) {
    Object.assign(this, { test, page, hooks, shownAt: performance.now() });
    const open = page.reference ? [{ text: "Reference", key: "0", url: page.reference }] : [];
    this.first = open.length; // index of the first version among the player's sounds
    const versions = page.sounds.map((url, index) => ({ text: letter(index), key: `${index + 1}`, url }));
    const all = [...open, ...versions];
    this.stage = new Stage({ ...page, sounds: all.map(({ url }) => url) }, all);
    this.ratings = ratingsFor({
      test,
      buttons: this.stage.buttons,
      values: given,
      changed: () => this.say(),
    });
    // What an earlier visit answered was heard then.
    this.heardBefore = Object.keys(given).length > 0;
    this.build();
  }

  build() {
    this.missing = el("p", { class: "missing", id: "missing", role: "status" });
    this.next = el("button", {
      type: "button",
      id: "next",
      class: "main",
      text: this.hooks.practice ? "Begin the test" : this.hooks.last ? "Finish" : "Next",
      "aria-describedby": "missing",
      onclick: () => this.go(),
    });
    this.element = el(
      "section",
      { class: `trial ${this.test.kind}` },
      this.stage.element,
      el("h2", { class: "question", text: this.test.question }),
      this.ratings.element,
      el("div", { class: "forward" }, this.missing, this.next),
      this.help(),
    );
    this.stage.onframe = () => this.showMissing();
  }

  async start() {
    await this.stage.load();
    this.shownAt = performance.now();
    const heard = () => this.stage.player.selected - this.first;
    setKeys({ ...this.stage.keys(), ...this.ratings.keys(heard), enter: () => this.go() });
    this.showMissing();
  }

  release() {
    setKeys({});
    this.stage.release();
  }

  showMissing() {
    const text = this.stage.playButton.disabled ? "" : this.whatIsMissing();
    if (this.missing.textContent !== text) this.missing.textContent = text;
    // Not `disabled`: a button that can be reached says why it does nothing.
    this.next.setAttribute("aria-disabled", String(text !== ""));
  }

  whatIsMissing() {
    if (this.heardBefore) return this.ratings.missing();
    const unheard = this.stage.player.heard.findIndex((seconds) => seconds < HEARD_S);
    if (unheard >= 0) {
      const count = this.page.sounds.length;
      if (count === 1) return "Listen first.";
      return `Listen to ${unheard < this.first ? "the reference" : `version ${letter(unheard - this.first)}`}.`;
    }
    return this.ratings.missing();
  }

  say() {
    this.showMissing();
    this.stage.player.count();
    const slots = (numbers) => {
      const versions = numbers.slice(this.first);
      return Object.fromEntries(versions.map((n, i) => [i + 1, Math.round(n * 1000) / 1000]));
    };
    this.hooks.answer({
      page: this.page.number,
      values: this.ratings.values,
      switches: slots(this.stage.player.switches),
      played_s: slots(this.stage.player.heard),
      shown_for_s: (performance.now() - this.shownAt) / 1000,
    });
  }

  go() {
    this.showMissing();
    if (this.stage.playButton.disabled || this.whatIsMissing()) return;
    this.hooks.next();
  }

  help() {
    const several = this.page.sounds.length > 1;
    const rows = [
      ["Space", "play, pause"],
      ["← →", "one second back, forward (with Shift: 0.1 s)"],
      ["Home", "to the beginning"],
      ["I, O, L", "loop from here, to here, on and off"],
      several ? ["A, B … or 1, 2 …", "listen to this version"] : null,
      this.page.reference ? ["0", "listen to the reference"] : null,
      this.ratingHelp(several),
      ["Enter", "next page"],
    ];
    return el(
      "details",
      { class: "help" },
      el("summary", { text: "Keyboard" }),
      el(
        "dl",
        {},
        ...rows.filter(Boolean).flatMap(([key, what]) => [el("dt", { text: key }), el("dd", { text: what })]),
      ),
    );
  }

  ratingHelp(several) {
    const { kind } = this.test;
    if (kind === "mushra") return ["↑ ↓", "rate the version you hear (Page keys: by ten)"];
    if (kind === "pairwise") return ["Shift + 1, 2", `A, B is better${this.test.no_preference ? "; 0: no preference" : ""}`];
    if (kind === "ranking") return ["Shift + 1, 2 …", "give the version you hear this rank"];
    return [several ? "Shift + 1 … 5" : "1 … 5", "rate, from the lowest to the highest"];
  }
}
