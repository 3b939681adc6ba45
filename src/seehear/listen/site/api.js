// Talks to the server. What a listener says is kept in the browser until the server has it on disk.
//
// Each message has an id, so that sending it again is harmless: the server stores it once. Messages
// are sent one after the other in the order they were made; where the network fails they wait and
// are tried again, also after a reload.

import { randomId } from "./dom.js";

const WAITS_MS = [300, 1000, 2000, 4000, 8000];
const ADDRESS = "seehear:token";

/** An answer of the server that trying again will not change. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** JSON from or to the server; throws Refused for 4xx, other errors where trying again may help. */
export async function call(path, { token, body, method } = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => ({}));
  const text = said.error ?? `the server answered ${answer.status}`;
  // 429: too fast, and 408: too slow; both are worth another try.
  if (answer.status >= 400 && answer.status < 500 && ![408, 429].includes(answer.status)) {
    throw new Refused(answer.status, text);
  }
  throw new Error(text);
}

/** The same, tried again until the network is back. `onWait` is told that it did not work. */
export async function insist(path, options, onWait = () => {}) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call(path, options);
    } catch (error) {
      if (error instanceof Refused) throw error;
      onWait();
      await pause(WAITS_MS[Math.min(attempt, WAITS_MS.length - 1)]);
    }
  }
}

/** A media file as bytes; tried again like everything else. */
export async function fetchMedia(url, onWait = () => {}) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await fetch(url);
      if (answer.ok) return await answer.arrayBuffer();
      if (answer.status === 404) throw new Refused(404, "a sound is missing on the server");
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    onWait();
    await pause(WAITS_MS[Math.min(attempt, WAITS_MS.length - 1)]);
  }
}

/** The listener's secret: from the personal link (`#p=…`), else from an earlier visit. */
export function rememberedToken() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.has("new")) {
    localStorage.removeItem(ADDRESS);
    history.replaceState(null, "", location.pathname);
    return null;
  }
  return given.get("p") ?? localStorage.getItem(ADDRESS);
}

export function rememberToken(token) {
  localStorage.setItem(ADDRESS, token);
  history.replaceState(null, "", `${location.pathname}#p=${token}`);
}

export function forgetToken() {
  localStorage.removeItem(ADDRESS);
  history.replaceState(null, "", location.pathname);
}

/** Messages on their way to the server. Sends `change` when `state` changes. */
export class Outbox extends EventTarget {
  /** @param {string} token */
  constructor(token) {
    super();
    this.token = token;
    this.prefix = `seehear:out:${token}:`;
    this.state = "saved"; // saved, sending or waiting
    this.refusal = "";
    this.count = 0;
    this.inFlight = null;
    this.running = null;
    window.addEventListener("online", () => this.wake?.());
    window.addEventListener("beforeunload", (event) => {
      if (this.state === "waiting") event.preventDefault();
    });
  }

  /** Keys of waiting messages, oldest first. */
  keys() {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(this.prefix))
      .sort();
  }

  /** Messages that the server may not have yet. */
  waiting() {
    return this.keys().map((key) => JSON.parse(localStorage.getItem(key)));
  }

  /** Keep a message and send it as soon as possible. Resolves when all there is has been stored. */
  put(message) {
    if (message.kind === "answer") this.dropOlder(message.page);
    this.count += 1;
    const order = `${Date.now()}`.padStart(15, "0") + `${this.count}`.padStart(6, "0");
    const kept = { ...message, id: randomId(), at: Date.now() };
    localStorage.setItem(`${this.prefix}${order}`, JSON.stringify(kept));
    return this.flush();
  }

  /** A newer answer to a page says everything that an older one said. */
  dropOlder(page) {
    for (const key of this.keys()) {
      const { kind, page: other } = JSON.parse(localStorage.getItem(key));
      if (key !== this.inFlight && kind === "answer" && other === page) localStorage.removeItem(key);
    }
  }

  flush() {
    this.running ??= this.send().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  async send() {
    for (let attempt = 0; ; ) {
      const [key] = this.keys();
      if (key === undefined) break;
      this.become(attempt ? "waiting" : "sending");
      this.inFlight = key;
      try {
        await call("/api/record", { token: this.token, body: this.dated(key) });
        localStorage.removeItem(key);
        attempt = 0;
      } catch (error) {
        if (error instanceof Refused) {
          // Trying again cannot help; the listener is told, and the rest goes on.
          this.refusal = error.message;
          localStorage.removeItem(key);
        } else {
          this.become("waiting");
          await pause(WAITS_MS[Math.min(attempt, WAITS_MS.length - 1)], this);
          attempt += 1;
        }
      }
      this.inFlight = null;
    }
    this.become("saved");
  }

  /** The message with its age instead of a time: clocks of listeners are not to be trusted. */
  dated(key) {
    const { at, ...message } = JSON.parse(localStorage.getItem(key));
    return { ...message, ago_s: Math.max(0, (Date.now() - at) / 1000) };
  }

  become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

/** Wait; `sleeper.wake()` ends it early. */
function pause(milliseconds, sleeper = {}) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    sleeper.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
