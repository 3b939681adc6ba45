// Live counts for whoever runs the test. Neither answers nor personal links are shown here.

import { el } from "./dom.js";

const EVERY_MS = 2000;
const state = document.querySelector("#saved");

function ago(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

function table(element, headings, rows) {
  const cells = (tag, row) => el("tr", {}, ...row.map((text) => el(tag, { text: `${text}` })));
  element.replaceChildren(
    el("thead", {}, cells("th", headings)),
    el("tbody", {}, ...rows.map((row) => cells("td", row))),
  );
}

function show(counts) {
  document.querySelector("#title").textContent = counts.title;
  const people = counts.participants;
  const finished = people.filter((person) => person.finished !== null).length;
  const active = people.filter((person) => person.finished === null && counts.now - person.seen < 300);
  document.querySelector("#counts").replaceChildren(
    ...[
      ["began", people.length],
      ["finished", finished],
      ["active now", active.length],
      ["answers", counts.answers],
    ].map(([name, count]) => el("div", {}, el("dt", { text: name }), el("dd", { text: `${count}`, id: name.replace(" ", "-") }))),
  );
  const check = (passed) => (passed === null ? "–" : passed ? "passed" : "failed");
  table(
    document.querySelector("#people"),
    ["participant", "id", "began", "pages", "headphones", "browser", "last seen"],
    people.map((person) => [
      person.number + 1,
      person.id,
      new Date(person.started * 1000).toLocaleString(),
      person.finished === null ? `${person.done} of ${person.of}` : "finished",
      check(person.headphones),
      person.device,
      ago(counts.now - person.seen),
    ]),
  );
  table(document.querySelector("#trials"), ["page", "answered by"], Object.entries(counts.trials));
}

async function refresh() {
  try {
    const answer = await fetch("/admin/counts", { cache: "no-store" });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    show(await answer.json());
    state.textContent = "live";
    state.dataset.state = "saved";
  } catch (error) {
    state.textContent = error.message;
    state.dataset.state = "waiting";
  }
  setTimeout(refresh, EVERY_MS);
}

refresh();
