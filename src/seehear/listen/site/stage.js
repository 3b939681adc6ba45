// The player as a listener sees it: picture, play, position, loop, and a button for each version.

import { fetchMedia } from "./api.js";
import { clock, el } from "./dom.js";
import { Follower } from "./follower.js";
import { Player } from "./player.js";

const STEP_S = 1;
const SMALL_STEP_S = 0.1;
const SHORTEST_LOOP_S = 0.3;

let context = null;

/** The one audio context of the page; browsers let it run after the first key or click. */
export function audio() {
  context ??= new AudioContext({ latencyHint: "interactive" });
  return context;
}

export class Stage {
  /**
   * @param {{seconds: number, picture: ?string, poster: ?string, sounds: string[]}} clip
   * @param {{text: string, key: string}[]} names  what the buttons say and their keys, one per sound
   */
  constructor(clip, names) {
    this.clip = clip;
    this.names = names;
    this.player = new Player(audio());
    this.mark = null; // beginning of a loop whose end is not set yet
    this.build();
    this.player.addEventListener("change", () => this.show());
    this.alive = true;
  }

  build() {
    const { picture, poster } = this.clip;
    this.video = el("video", { muted: true, playsinline: true, preload: "auto", poster, tabindex: "-1" });
    this.video.muted = true; // the attribute alone does not do it for elements made by a script
    this.video.disableRemotePlayback = true;
    if (picture) this.video.src = picture;
    else this.video.hidden = true;
    const press = (text, title, run, id) =>
      el("button", { type: "button", title, "data-transport": "", text, onclick: run, id });
    this.playButton = press("Play", "Space", () => this.player.toggle(), "play");
    this.position = el("input", {
      type: "range",
      id: "position",
      min: 0,
      max: this.clip.seconds,
      step: 0.01,
      value: 0,
      "aria-label": "Position",
      oninput: () => this.player.seek(Number(this.position.value)),
    });
    this.time = el("output", { class: "time", text: clock(0), "aria-live": "off" });
    this.loopFrom = press("Loop from here", "I", () => this.markStart(), "loop-from");
    this.loopTo = press("Loop to here", "O", () => this.markEnd(), "loop-to");
    this.loopOff = press("No loop", "L", () => this.toggleLoop(), "loop");
    this.note = el("p", { class: "note", role: "status", text: "Loading the sounds …" });
    this.element = el(
      "div",
      { class: "stage" },
      el("div", { class: "picture" }, this.video),
      el("div", { class: "transport", role: "group", "aria-label": "Player" }, this.playButton, this.position, this.time),
      el("div", { class: "loop", role: "group", "aria-label": "Loop" }, this.loopFrom, this.loopTo, this.loopOff),
      this.note,
    );
    this.buttons = this.names.map(({ text, key }, index) =>
      el("button", {
        type: "button",
        class: "version",
        "data-transport": "",
        "aria-pressed": "false",
        "aria-keyshortcuts": key,
        title: key.toUpperCase(),
        text,
        onclick: () => this.listen(index),
      }),
    );
    this.lock(true);
  }

  /** Fetch and decode everything; the page can be used when this is done. */
  async load() {
    const wait = () => {
      this.note.textContent = "The server cannot be reached; trying again …";
    };
    const files = await Promise.all(this.clip.sounds.map((url) => fetchMedia(url, wait)));
    await this.player.load(files);
    if (!this.alive) return;
    this.position.max = this.player.duration;
    if (this.clip.picture) {
      await ready(this.video);
      if (!this.alive) return;
      this.follower = new Follower(this.video, this.player);
    }
    this.note.textContent = "";
    this.lock(false);
    this.show();
    this.frame();
  }

  release() {
    this.alive = false;
    this.player.halt();
    this.follower?.release();
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  lock(locked) {
    for (const button of [...this.buttons, this.playButton, this.loopFrom, this.loopTo, this.loopOff]) {
      button.disabled = locked;
    }
    this.position.disabled = locked;
  }

  listen(index) {
    if (this.playButton.disabled) return;
    this.player.select(index);
    if (!this.player.playing) this.player.play();
  }

  markStart() {
    this.mark = this.player.position;
    if (this.player.loop) this.player.setLoop(null);
    this.show();
  }

  markEnd() {
    const end = Math.max(this.player.position, (this.mark ?? 0) + SHORTEST_LOOP_S);
    this.region = { start: this.mark ?? 0, end: Math.min(end, this.player.duration) };
    this.mark = null;
    if (this.region.end - this.region.start >= SHORTEST_LOOP_S - 1e-6) this.player.setLoop(this.region);
    this.show();
  }

  /** Loop off, or on again: the region used last, else the whole clip. */
  toggleLoop() {
    const whole = { start: 0, end: this.player.duration };
    this.player.setLoop(this.player.loop ? null : (this.region ?? whole));
    this.mark = null;
    this.show();
  }

  keys() {
    const { player } = this;
    const step = (seconds) => () => player.seek(player.position + seconds);
    const table = {
      space: () => !this.playButton.disabled && player.toggle(),
      arrowleft: step(-STEP_S),
      arrowright: step(STEP_S),
      "shift+arrowleft": step(-SMALL_STEP_S),
      "shift+arrowright": step(SMALL_STEP_S),
      home: () => player.seek(0),
      i: () => this.markStart(),
      o: () => this.markEnd(),
      l: () => this.toggleLoop(),
    };
    this.names.forEach(({ text, key }, index) => {
      table[key] = () => this.listen(index);
      if (/^[A-H]$/.test(text)) table[text.toLowerCase()] = table[key];
    });
    return table;
  }

  show() {
    const { player } = this;
    this.playButton.textContent = player.playing ? "Pause" : "Play";
    this.buttons.forEach((button, i) => {
      button.setAttribute("aria-pressed", String(i === player.selected));
      button.classList.toggle("sounding", player.playing && i === player.selected);
    });
    this.loopOff.textContent = player.loop ? "No loop" : "Loop";
    this.loopOff.setAttribute("aria-pressed", String(player.loop !== null));
    const part = (seconds) => `${(100 * seconds) / (player.duration || 1)}%`;
    const style = this.position.style;
    style.setProperty("--from", part(player.loop?.start ?? this.mark ?? 0));
    style.setProperty("--to", part(player.loop?.end ?? this.mark ?? 0));
    this.showTime();
  }

  showTime() {
    const position = this.player.position;
    this.position.value = position;
    const text = `${clock(position)} / ${clock(this.player.duration)}`;
    if (this.time.textContent !== text) this.time.textContent = text;
    this.position.setAttribute("aria-valuetext", text);
  }

  frame() {
    if (!this.alive) return;
    this.player.tick();
    this.showTime();
    this.onframe?.();
    requestAnimationFrame(() => this.frame());
  }
}

function ready(video) {
  return new Promise((resolve, reject) => {
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) resolve();
    video.addEventListener("loadeddata", resolve, { once: true });
    video.addEventListener("error", () => reject(new Error("this browser cannot show the picture")), {
      once: true,
    });
  });
}
