// The test from consent to thanks. Where a listener stands is known to the server: a reload, or the
// personal link on another device, continues there.

import { Outbox, Refused, fetchMedia, forgetToken, insist, rememberToken, rememberedToken } from "./api.js";
import { el, paragraphs, randomId } from "./dom.js";
import { NUM_TRIALS, drawTrial, playTrial } from "./headphones.js";
import { setKeys } from "./keys.js";
import { Player } from "./player.js";
import { audio } from "./stage.js";
import { TrialPage } from "./trial.js";

const main = document.querySelector("main");
const saved = document.querySelector("#saved");
const progress = document.querySelector("#progress");
const link = document.querySelector("#link");

let test = null;
let session = null;
let outbox = null;
let keysOfNext = {}; // of the page that is shown next
let shown = null; // the page that has to be released before another one is shown

function show(heading, ...content) {
  shown?.release?.();
  shown = null;
  setKeys(keysOfNext);
  keysOfNext = {};
  const title = el("h1", { text: heading, tabindex: "-1" });
  main.replaceChildren(title, ...content);
  document.title = `${heading} – ${test?.title ?? ""}`;
  title.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** A button that goes on, also by Enter; resolves when it was used. */
function forward(text, ready = () => "") {
  const missing = el("p", { class: "missing", role: "status" });
  const button = el("button", { type: "button", class: "main", id: "next", text });
  const used = new Promise((resolve) => {
    const go = () => {
      missing.textContent = ready();
      if (!missing.textContent) resolve();
    };
    button.addEventListener("click", go);
    keysOfNext = { enter: go };
  });
  return { element: el("div", { class: "forward" }, missing, button), used };
}

async function consent() {
  const agree = el("input", { type: "checkbox", id: "agree" });
  const next = forward("Start", () => (agree.checked ? "" : "Please agree first."));
  show(
    test.title,
    ...paragraphs(test.instructions),
    el("h2", { text: "Consent" }),
    ...paragraphs(test.consent),
    el("label", { class: "agree" }, agree, el("span", { text: "I have read this and agree." })),
    next.element,
  );
  await next.used;
  const id = (sessionStorage.start ??= randomId());
  const { token } = await insist("/api/start", { body: { id, consent: true } }, waiting);
  sessionStorage.removeItem("start");
  rememberToken(token);
  await enter(token);
}

async function asks() {
  const fields = test.asks.map((ask) => ({ ask, input: field(ask) }));
  const open = () => fields.find(({ ask, input }) => ask.required && !valueOf(input));
  const next = forward("Continue", () => (open() ? `Please answer: ${open().ask.question}` : ""));
  show(
    "About you",
    ...fields.map(({ ask, input }) =>
      el("label", { class: "ask" }, el("span", { text: ask.question + (ask.required ? "" : " (optional)") }), input),
    ),
    next.element,
  );
  await next.used;
  const given = fields.filter(({ input }) => valueOf(input));
  tell({ kind: "fields", fields: Object.fromEntries(given.map(({ ask, input }) => [ask.key, valueOf(input)])) });
  done("asks");
}

function field({ key, choices }) {
  if (!choices.length) return el("input", { type: "text", name: key, maxlength: 200, autocomplete: "off" });
  const options = choices.map((text) => el("option", { value: text, text }));
  return el("select", { name: key }, el("option", { value: "", text: "" }), ...options);
}

const valueOf = (input) => input.value.trim();

async function headphones() {
  const tries = [];
  for (;;) {
    const result = await headphoneRound();
    tries.push(result);
    const correct = result.filter(({ quiet, answer }) => quiet === answer).length;
    const passed = correct >= test.headphones_correct;
    if (passed || tries.length === 2) {
      tell({ kind: "headphones", headphones: { passed, correct, of: NUM_TRIALS, tries: tries.length, trials: result } });
      break;
    }
    const next = forward("Try again");
    show(
      "Are your headphones on?",
      el("p", { text: "That sounded like loudspeakers, or like headphones worn over one ear. Please put on headphones, both sides, and try once more." }),
      next.element,
    );
    await next.used;
  }
  done("headphones");
}

async function headphoneRound() {
  const results = [];
  while (results.length < NUM_TRIALS) {
    const trial = drawTrial();
    const answer = await headphoneTrial(trial, results.length);
    results.push({ ...trial, answer });
  }
  return results;
}

function headphoneTrial(trial, number) {
  return new Promise((resolve) => {
    let state = "ready";
    const choices = [0, 1, 2].map((index) =>
      el("button", { type: "button", class: "version", text: `${index + 1}`, disabled: true, onclick: () => choose(index) }),
    );
    const play = el("button", { type: "button", id: "play", "data-transport": "", text: "Play the three tones", title: "Space" });
    const choose = (index) => state === "heard" && resolve(index);
    const run = async () => {
      if (state !== "ready") return;
      state = "playing";
      play.disabled = true;
      await playTrial(audio(), trial, (sounding) => {
        choices.forEach((button, index) => button.classList.toggle("sounding", index === sounding));
      });
      state = "heard";
      for (const button of choices) button.disabled = false;
    };
    play.addEventListener("click", run);
    show(
      "Headphones",
      el("p", { text: "Please wear headphones for this test. Three tones follow one another: which one is the quietest?" }),
      el("p", { class: "note", text: `Question ${number + 1} of ${NUM_TRIALS}. Keys: Space plays, 1 to 3 answer.` }),
      el("div", { class: "forward left" }, play),
      el("div", { class: "pair", role: "group", "aria-label": "The quietest tone" }, ...choices),
    );
    setKeys({ space: run, 1: () => choose(0), 2: () => choose(1), 3: () => choose(2) });
  });
}

async function volume() {
  const page = session.practice ?? session.pages[0];
  const player = new Player(audio());
  const next = forward("The volume is right", () => (player.heard[0] > 0.5 ? "" : "Play the sound first."));
  const play = el("button", { type: "button", id: "play", "data-transport": "", text: "Play", disabled: true, onclick: () => player.toggle() });
  show(
    "Volume",
    el("p", { text: "Play this sound and set the volume of your device so that it is comfortable and you hear its details. Leave the volume as it is from then on." }),
    el("div", { class: "forward left" }, play),
    next.element,
  );
  shown = { release: () => player.halt() };
  const clicked = next.used;
  player.addEventListener("change", () => {
    play.textContent = player.playing ? "Pause" : "Play";
  });
  await player.load([await fetchMedia(page.reference ?? page.sounds[0], waiting)]);
  player.loop = { start: 0, end: player.duration };
  play.disabled = false;
  const counting = setInterval(() => player.tick(), 100);
  setKeys({ space: () => player.toggle(), enter: () => document.querySelector("#next").click() });
  await clicked;
  clearInterval(counting);
  done("volume");
}

async function trial(page, given, { heading, intro, practice, last }) {
  await new Promise((resolve) => {
    const view = new TrialPage(test, page, given, {
      practice,
      last,
      answer: (message) => !practice && remember(page, message),
      next: resolve,
    });
    show(heading, ...(intro ? [el("p", { text: intro })] : []), view.element);
    shown = view;
    view.start().catch(broken);
  });
}

function remember(page, message) {
  session.answers[page.number] = { ...message.values };
  tell({ kind: "answer", ...message });
}

async function practice() {
  await trial(session.practice, {}, {
    heading: "Practice",
    intro: "Try everything out: play, change between the versions, rate. What you answer here does not count.",
    practice: true,
  });
  done("practice");
}

async function pages() {
  const open = session.pages.filter(({ number }) => !session.done.includes(number));
  for (const page of open) {
    const count = session.pages.length;
    const position = session.pages.indexOf(page) + 1;
    progress.max = count;
    progress.value = position - 1;
    progress.hidden = false;
    await trial(page, session.answers[page.number] ?? {}, {
      heading: `${position} of ${count}`,
      last: page === open.at(-1),
    });
    session.done.push(page.number);
    tell({ kind: "done", page: page.number });
  }
  progress.value = progress.max;
}

async function thanks() {
  if (!session.finished) {
    show("One moment …", el("p", { text: "Your last answers are on their way." }));
    await tell({ kind: "finish" });
  }
  link.hidden = true;
  show("Thank you", ...paragraphs(test.thanks));
  document.body.dataset.finished = "";
}

function tell(message) {
  return outbox.put(message);
}

function done(step) {
  session.steps.push(step);
  tell({ kind: "step", step });
}

/** Know the listener: what is theirs to do, and what they have done. */
async function enter(token) {
  outbox = new Outbox(token);
  outbox.addEventListener("change", showSaved);
  // The address stands in the page, so that it can be copied where a browser hides it.
  link.querySelector("a").href = `${location.pathname}#p=${token}`;
  link.hidden = false;
  session = await insist("/api/session", { token }, waiting);
  for (const { kind, page, values, step } of outbox.waiting()) {
    // Said before a reload, not yet with the server.
    if (kind === "answer") session.answers[page] = values;
    if (kind === "done") session.done.push(page);
    if (kind === "step") session.steps.push(step);
    if (kind === "finish") session.finished = true;
  }
  outbox.flush();
}

function showSaved() {
  const words = {
    saved: "All answers saved",
    sending: "Saving …",
    waiting: "No connection: your answers are kept here and sent as soon as possible",
  };
  saved.textContent = outbox.refusal ? `Not accepted: ${outbox.refusal}` : words[outbox.state];
  saved.dataset.state = outbox.refusal ? "refused" : outbox.state;
}

function waiting() {
  saved.textContent = "The server cannot be reached; trying again …";
  saved.dataset.state = "waiting";
}

function broken(error) {
  show("Something went wrong", el("p", { role: "alert", text: error.message }), el("p", { text: "Reload this page to continue where you were." }));
}

async function run() {
  test = await insist("/api/test", {}, waiting);
  document.querySelector("#title").textContent = test.title;
  const token = rememberedToken();
  if (token) {
    try {
      rememberToken(token);
      await enter(token);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
      forgetToken(); // of another test that was served at this address, or mistyped
      link.hidden = true;
    }
  }
  if (!session) await consent();
  if (session.finished) return thanks();
  const steps = [
    ["asks", test.asks.length > 0, asks],
    ["headphones", test.headphones !== "off", headphones],
    ["volume", true, volume],
    ["practice", session.practice !== null, practice],
  ];
  for (const [name, wanted, step] of steps) {
    if (wanted && !session.steps.includes(name)) await step();
  }
  await pages();
  return thanks();
}

// Opening a personal link in a tab that shows the test changes the address only.
window.addEventListener("hashchange", () => location.reload());
run().catch(broken);
