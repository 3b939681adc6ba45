// What a listener says about the versions: one widget per kind of test.
//
// A widget has `element`, `values` (slot -> value as the server wants it), `missing()` (a sentence, or
// "" when the page is answered) and `keys(heard)`, its part of the keyboard, where `heard()` is the
// slot that is being heard. It calls `changed()` when the listener changed something.

import { el } from "./dom.js";

export const letter = (index) => String.fromCharCode(65 + index);

export function ratingsFor({ test, buttons, values, changed }) {
  if (test.kind === "pairwise") return new Choice(test, buttons, values, changed);
  if (test.kind === "mushra") return new Sliders(test, buttons, values, changed);
  if (test.kind === "ranking") return new Ranks(test, buttons, values, changed);
  return new Grades(test, buttons, values, changed);
}

/** Radio buttons with labels, one group. */
function radios(group, name, options, picked) {
  return options.map(({ value, text, title }) => {
    const input = el("input", { type: "radio", name: group, value, onchange: () => picked(value) });
    return el("label", { class: "option", title }, input, el("span", { text }));
  });
}

function check(element, value) {
  for (const input of element.querySelectorAll("input[type=radio]")) {
    input.checked = value !== undefined && Number(input.value) === value;
  }
}

/** Rows of a version's button and its radio buttons. */
class Rows {
  constructor(test, buttons, values, changed) {
    Object.assign(this, { test, buttons, values: { ...values }, changed });
    this.rows = buttons.map((button, index) =>
      el(
        "fieldset",
        { class: "row" },
        el("legend", { class: "hidden", text: `Version ${letter(index)}` }),
        buttons.length > 1 ? button : null,
        el("div", { class: "options" }, ...radios(`slot-${index}`, letter(index), this.options(), (value) => {
          this.give(index, value);
        })),
      ),
    );
    this.element = el("div", { class: `rows ${test.kind}` }, ...this.rows);
    this.show();
  }

  give(index, value) {
    this.values[index + 1] = value;
    this.show();
    this.changed();
  }

  show() {
    this.rows.forEach((row, index) => check(row, this.values[index + 1]));
  }

  missing() {
    const open = this.buttons.findIndex((_, index) => this.values[index + 1] === undefined);
    return open < 0 ? "" : `${this.verb} version ${letter(open)}.`;
  }

  /** Shift and a digit gives the heard version the n-th value. */
  keys(heard) {
    const table = {};
    this.options().forEach(({ value }, index) => {
      if (index < 9) table[`shift+${index + 1}`] = () => heard() >= 0 && this.give(heard(), value);
    });
    return table;
  }
}

/** Ranks from 1 (best); giving a rank that another version has swaps the two. */
class Ranks extends Rows {
  verb = "Give a rank to";

  options() {
    const words = new Map(this.test.scale.labels.map(({ value, text }) => [value, text]));
    return this.buttons.map((_, index) => {
      const value = index + 1;
      return { value, text: words.has(value) ? `${value} ${words.get(value)}` : `${value}` };
    });
  }

  give(index, rank) {
    const other = Object.keys(this.values).find((slot) => this.values[slot] === rank);
    const before = this.values[index + 1];
    if (other !== undefined && Number(other) !== index + 1) {
      if (before === undefined) delete this.values[other];
      else this.values[other] = before;
    }
    super.give(index, rank);
  }
}

/** Grades with words, such as 20 to 100 in steps of 20. */
class Grades extends Rows {
  verb = "Rate";

  options() {
    const { minimum, maximum, step, labels } = this.test.scale;
    const words = new Map(labels.map(({ value, text }) => [value, text]));
    const count = Math.round((maximum - minimum) / step) + 1;
    return Array.from({ length: count }, (_, index) => {
      const value = minimum + index * step;
      return { value, text: words.has(value) ? `${value} ${words.get(value)}` : `${value}` };
    });
  }

  missing() {
    return this.buttons.length === 1 && this.values[1] === undefined ? "Choose a rating." : super.missing();
  }

  /** With one version on the page the digits need no Shift. */
  keys(heard) {
    const table = super.keys(heard);
    if (this.buttons.length > 1) return table;
    this.options().forEach(({ value }, index) => {
      if (index < 9) table[`${index + 1}`] = () => this.give(0, value);
    });
    return table;
  }
}

/** Which of two; 0 is no preference. */
class Choice {
  constructor(test, buttons, values, changed) {
    Object.assign(this, { test, values: { ...values }, changed });
    const options = [
      { value: 1, text: "A is better" },
      ...(test.no_preference ? [{ value: 0, text: "No preference" }] : []),
      { value: 2, text: "B is better" },
    ];
    this.group = el("div", { class: "options" }, ...radios("choice", "", options, (value) => this.give(value)));
    this.element = el(
      "div",
      { class: "rows pairwise" },
      el("div", { class: "pair", role: "group", "aria-label": "Versions" }, ...buttons),
      el("fieldset", { class: "row" }, el("legend", { class: "hidden", text: "Your choice" }), this.group),
    );
    check(this.group, this.values.choice);
  }

  give(value) {
    this.values.choice = value;
    check(this.group, value);
    this.changed();
  }

  missing() {
    return this.values.choice === undefined ? "Make your choice." : "";
  }

  keys() {
    const table = { "shift+1": () => this.give(1), "shift+2": () => this.give(2) };
    if (this.test.no_preference) table["shift+0"] = () => this.give(0);
    return table;
  }
}

/** Sliders; one that was not moved is no answer. */
class Sliders {
  constructor(test, buttons, values, changed) {
    Object.assign(this, { test, buttons, values: { ...values }, changed });
    const { minimum, maximum, step, labels } = test.scale;
    this.words = [...labels].sort((a, b) => a.value - b.value);
    const [reference, ...versions] = buttons;
    this.versions = versions;
    this.inputs = versions.map((_, index) => {
      const value = this.values[index + 1];
      return el("input", {
        type: "range",
        min: minimum,
        max: maximum,
        step,
        value: value ?? (minimum + maximum) / 2,
        class: value === undefined ? "untouched" : null,
        "aria-label": `Rating of version ${letter(index)}`,
        oninput: () => this.show(index),
        onchange: () => this.give(index, Number(this.inputs[index].value)),
        // A click on the middle changes nothing and still is an answer.
        onpointerup: () => this.values[index + 1] ?? this.give(index, Number(this.inputs[index].value)),
      });
    });
    this.outputs = versions.map(() => el("output", { class: "value", text: "–" }));
    const scale = el("div", { class: "scale", "aria-hidden": "true" }, ...this.words.map(({ value, text }) => {
      const word = el("span", { text });
      word.style.left = `${(100 * (value - minimum)) / (maximum - minimum)}%`;
      return word;
    }));
    this.element = el(
      "div",
      { class: "rows mushra" },
      el("div", { class: "row" }, reference, scale),
      ...versions.map((button, index) =>
        el("div", { class: "row" }, button, this.inputs[index], this.outputs[index]),
      ),
    );
    versions.forEach((_, index) => this.values[index + 1] !== undefined && this.show(index));
  }

  show(index) {
    const value = Number(this.inputs[index].value);
    this.inputs[index].classList.remove("untouched");
    this.outputs[index].textContent = `${value}`;
    const word = this.words.findLast((label) => label.value <= value)?.text;
    this.inputs[index].setAttribute("aria-valuetext", word ? `${value}, ${word}` : `${value}`);
  }

  give(index, value) {
    const { minimum, maximum } = this.test.scale;
    this.inputs[index].value = Math.min(Math.max(value, minimum), maximum);
    this.values[index + 1] = Number(this.inputs[index].value);
    this.show(index);
    this.changed();
  }

  missing() {
    const open = this.versions.findIndex((_, index) => this.values[index + 1] === undefined);
    return open < 0 ? "" : `Rate version ${letter(open)}.`;
  }

  /** Up and down move the slider of the version that is heard. */
  keys(heard) {
    const move = (steps) => () => {
      const index = heard();
      if (index < 0) return;
      this.give(index, Number(this.inputs[index].value) + steps * this.test.scale.step);
    };
    return { arrowup: move(1), arrowdown: move(-1), pageup: move(10), pagedown: move(-10) };
  }
}
