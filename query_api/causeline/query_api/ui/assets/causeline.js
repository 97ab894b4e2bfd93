// Makes pages that work without it quicker to use: keys, rows to walk, word of what is new, the reader's own zone beside each time.
// It decides nothing and draws nothing that a page needs. Whatever it adds is made of elements and text, never of HTML.
//
//   data-rows, data-row      a group and its rows: j and k (in a row also the arrows) walk them, Enter opens the first link of one
//   data-key="a"             this key follows a link, presses a button or enters a field; data-key-name (else its text) tells of it
//   data-live="/v1/stream?…" counts what arrives there and offers to load the page again, which never moves by itself
//   data-copy="text"         a button that copies; without a text the address of the page
//   data-refresh="60"        loads the page again after so many seconds, unless its reader is at something
//   data-drag="…"            a picture of time (from and to in ms, where its plot begins, how wide that is): a stretch that is dragged over opens
//   data-keys                a button that opens the list of keys, as ? does
//   time[datetime]           gets the reader's zone as its title

const FIELDS = "input:not([type=button], [type=submit], [type=checkbox], [type=radio]), select, textarea, [contenteditable]";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const isSeen = place => place.checkVisibility?.() ?? true;

// --- Times ---------------------------------------------------------------------------------------------------------------------------

const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

function tellZone(time) {
  const at = new Date(time.dateTime);
  if (!time.title && !Number.isNaN(at.valueOf())) time.title = zone.format(at);
}

document.addEventListener("pointerover", event => {
  const time = event.target.closest?.("time[datetime]");
  if (time) tellZone(time);
});
document.addEventListener("focusin", event => event.target.querySelectorAll("time[datetime]").forEach(tellZone));

// --- Rows ----------------------------------------------------------------------------------------------------------------------------

const LINK = "a[href]";
let latestRow = null;

const rowsOfPage = () => [...document.querySelectorAll("[data-rows] [data-row]")].filter(isSeen);
const linkOf = row => (row.matches(LINK) ? row : row.querySelector(LINK));

function enterRow(row) {
  if (!row.matches(`${LINK}, button`) && !row.hasAttribute("tabindex")) row.setAttribute("tabindex", "-1");
  row.focus();
}

function step(by) {
  const rows = rowsOfPage();
  if (!rows.length) return false;
  const from = rows.indexOf(latestRow);
  enterRow(rows[from < 0 ? 0 : Math.min(Math.max(from + by, 0), rows.length - 1)]);
  return true;
}

function openRow(row) {
  const link = linkOf(row);
  if (!link) return false;
  history.replaceState({ ...history.state, row: link.getAttribute("href") }, "");
  follow(link);
  return true;
}

document.addEventListener("focusin", event => {
  latestRow = event.target.closest("[data-row]") ?? latestRow;
});

// Who comes back from what a row led to goes on at that row.
if (history.state?.row && performance.getEntriesByType("navigation")[0]?.type === "back_forward") {
  const row = rowsOfPage().find(each => linkOf(each)?.getAttribute("href") === history.state.row);
  if (row) enterRow(row);
}

// --- Keys ----------------------------------------------------------------------------------------------------------------------------

const KEYS_SETTING = "causeline.keys";

function areKeysOn() {
  try {
    return localStorage.getItem(KEYS_SETTING) !== "off";
  } catch {
    return true; // a browser that keeps nothing
  }
}

function switchKeys() {
  try {
    localStorage.setItem(KEYS_SETTING, areKeysOn() ? "off" : "on");
  } catch {
    say("This browser keeps no settings");
  }
}

function follow(link) {
  const came = document.referrer && new URL(document.referrer);
  const to = new URL(link.getAttribute("href"), location.href);
  if (link.dataset.key === "Escape" && came && came.origin === to.origin && came.pathname === to.pathname) history.back();
  else if (link.click) link.click();
  else location.assign(to); // a link in a picture
}

function press(place) {
  if (place.matches(LINK)) follow(place);
  else if (place.matches(FIELDS)) {
    place.focus();
    place.select?.();
  } else place.click();
}

const keyPlaces = () => [...document.querySelectorAll("[data-key]")].filter(place => isSeen(place) && !place.disabled);
const nameOf = place => place.dataset.keyName ?? place.ariaLabel ?? place.labels?.[0]?.firstChild.textContent ?? place.textContent;

function act(event) {
  const { key, target } = event;
  const row = target.closest?.("[data-row]");
  const place = keyPlaces().find(each => each.dataset.key === key);
  if (place && !event.repeat) press(place);
  else if (key === "?") openKeys();
  if (place || key === "?") return true;
  if (key === "j" || (key === "ArrowDown" && row)) return step(1);
  if (key === "k" || (key === "ArrowUp" && row)) return step(-1);
  return key === "Enter" && row === target && !row.matches(`${LINK}, button`) && openRow(row);
}

document.addEventListener("keydown", event => {
  const isShortcutOfBrowser = event.metaKey || ((event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph"));
  if (event.defaultPrevented || event.isComposing || isShortcutOfBrowser || document.querySelector("dialog[open]")) return;
  const field = event.target.closest?.(FIELDS);
  if (field) {
    if (event.key === "Escape") field.blur();
  } else if ((event.key.length > 1 || areKeysOn()) && act(event)) event.preventDefault();
});

function keysOfPage() {
  const keys = rowsOfPage().length ? [[["j", "↓"], "the next row"], [["k", "↑"], "the row before"], [["Enter"], "open the row"]] : [];
  const own = new Map();
  for (const place of keyPlaces()) if (!own.has(place.dataset.key)) own.set(place.dataset.key, nameOf(place).trim());
  for (const [key, name] of own) keys.push([[key], name]);
  return [...keys, [["?"], "this list"], ...(own.has("Escape") ? [] : [[["Escape"], "leave a field, close this list"]])];
}

function openKeys() {
  const list = element("dl", { class: "keys" });
  for (const [keys, name] of keysOfPage()) {
    list.append(element("dt", {}, ...keys.flatMap(key => [element("kbd", {}, key), " "])), element("dd", {}, name));
  }
  const close = element("button", { type: "button", autofocus: "" }, "Close");
  const onOff = element("button", { type: "button" });
  const title = element("h2", { id: "keys-title" }, "Keys");
  const dialog = element("dialog", { "aria-labelledby": title.id }, title, list, close, " ", onOff);
  const tell = () => (onOff.textContent = areKeysOn() ? "Turn the keys of letters off" : "Turn the keys of letters on");
  tell();
  close.addEventListener("click", () => dialog.close());
  onOff.addEventListener("click", () => (switchKeys(), tell()));
  dialog.addEventListener("keydown", event => event.key === "?" && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("click", event => event.target.closest?.("[data-keys]") && openKeys());

// --- Stretches of time ----------------------------------------------------------------------------------------------------------------

const LEAST_DRAG = 6; // of the picture's own units: less is a click
const SVG = "http://www.w3.org/2000/svg";

class Stretch {
  constructor(place) {
    this.picture = place.querySelector("svg");
    [this.from, this.to, this.left, this.width] = place.dataset.drag.split(" ").map(Number);
    this.band = document.createElementNS(SVG, "rect");
    this.band.setAttribute("class", "band");
    this.band.setAttribute("height", this.picture.viewBox.baseVal.height);
    const picture = this.picture;
    picture.addEventListener("dragstart", event => event.preventDefault()); // of a link, which a mark is
    picture.addEventListener("pointerdown", event => this.begin(event));
    addEventListener("pointermove", event => this.move(event));
    addEventListener("pointerup", () => this.end());
    addEventListener("pointercancel", () => this.leave());
    picture.addEventListener("click", event => this.wasDragged && event.preventDefault(), true);
    document.addEventListener("keydown", event => event.key === "Escape" && this.isDragging && (this.leave(), event.preventDefault()), true);
  }

  placeOf({ clientX, clientY }) {
    const { x } = new DOMPoint(clientX, clientY).matrixTransform(this.picture.getScreenCTM().inverse());
    return Math.min(Math.max(x, this.left), this.left + this.width);
  }

  // A finger scrolls, and a button beside the first opens a menu.
  begin(event) {
    this.wasDragged = false;
    this.start = event.button === 0 && event.pointerType !== "touch" ? this.placeOf(event) : null;
  }

  move(event) {
    if (this.start == null) return;
    const at = this.placeOf(event);
    if (!this.isDragging && Math.abs(at - this.start) < LEAST_DRAG) return;
    this.isDragging = this.wasDragged = true;
    this.low = Math.min(at, this.start);
    this.high = Math.max(at, this.start);
    this.band.setAttribute("x", this.low);
    this.band.setAttribute("width", this.high - this.low);
    this.picture.append(this.band);
  }

  leave() {
    this.start = null;
    this.isDragging = false;
    this.band.remove();
  }

  end() {
    const isOver = this.isDragging;
    this.leave();
    if (!isOver) return;
    const timeAt = x => new Date(this.from + ((this.to - this.from) * (x - this.left)) / this.width).toISOString();
    const there = new URL(location.href);
    for (const name of ["skip", "cursor"]) there.searchParams.delete(name);
    there.searchParams.set("from", timeAt(this.low));
    there.searchParams.set("to", timeAt(this.high));
    location.assign(there);
  }
}

for (const place of document.querySelectorAll("[data-drag]")) new Stretch(place);

// --- Copies --------------------------------------------------------------------------------------------------------------------------

const word = element("p", { role: "status", class: "word" });
document.querySelector("main")?.append(word);
let wordEnds;

function say(words) {
  word.textContent = words;
  clearTimeout(wordEnds);
  wordEnds = setTimeout(() => (word.textContent = ""), 4_000);
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = element("textarea", { class: "away" }); // without TLS there is no clipboard
  area.value = text;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  if (!isDone) throw new Error("refused");
}

document.addEventListener("click", async event => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  try {
    await copy(button.dataset.copy || location.href);
    say("Copied");
  } catch {
    say("The browser refused to copy");
  }
  button.focus();
});

// --- What is new ---------------------------------------------------------------------------------------------------------------------

const SHOWN_TYPES = new Set(["event", "problem", "causes"]);
const MOST = 999;
const SILENCE_MS = 90_000; // six heartbeats as servers have them
const FIRST_WAIT_MS = 1_000, LONGEST_WAIT_MS = 60_000;
const STEADY_MS = 10_000, TOGETHER_MS = 250, WORRY_MS = 1_000;
const FINAL = new Set([400, 401, 403, 404]);

// Messages of server-sent events. `fetch` and not `EventSource`, which neither tells why it was refused nor that a connection is dead.
async function* messages(body, hear) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    hear();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) yield Object.fromEntries(block.split("\n").map(line => line.split(/: ?(.*)/s, 2)));
  }
}

const idOf = (type, document) => (type === "causes" ? document.problem.id : document.id);

class Arrivals {
  constructor(place) {
    this.place = place;
    this.ids = new Set();
    this.hasGap = false;
    this.last = "";
    this.failures = 0;
    this.button = element("button", { type: "button" });
    this.button.addEventListener("click", () => (this.rest(), location.reload()));
    this.trouble = element("span");
    place.setAttribute("aria-live", "polite");
    place.hidden = false;
    addEventListener("online", () => this.begin());
    addEventListener("pagehide", () => this.rest());
    addEventListener("pageshow", () => this.begin());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.rest() : this.begin()));
    this.begin();
  }

  begin() {
    this.isResting = document.hidden;
    if (!this.leave && !this.isResting) this.listen();
  }

  // A page that nobody looks at holds no connection, of which browsers have six a server; it goes on where it was.
  rest() {
    this.isResting = true;
    clearTimeout(this.again);
    this.leave?.abort();
  }

  async listen() {
    clearTimeout(this.again);
    this.leave = new AbortController();
    const began = performance.now();
    const { refusal, after } = await this.read(this.leave).catch(() => ({}));
    this.leave.abort();
    this.leave = null;
    if (this.isResting) return;
    this.lose(refusal);
    if (refusal) return;
    if (performance.now() - began > STEADY_MS) this.failures = 0;
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.failures, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.again = setTimeout(() => this.begin(), Math.max(wait, after * 1_000 || 0));
  }

  // Reads until the stream ends. Returns what a refusal says; throws where the stream is lost.
  async read(leave) {
    let silence;
    const hear = () => {
      clearTimeout(silence);
      silence = setTimeout(() => leave.abort(), SILENCE_MS);
    };
    hear();
    try {
      const headers = { Accept: "text/event-stream", ...(this.last && { "Last-Event-ID": this.last }) };
      const answer = await fetch(this.place.dataset.live, { headers, cache: "no-store", signal: leave.signal });
      if (!answer.ok) return { refusal: FINAL.has(answer.status) && answer.status, after: answer.headers.get("Retry-After") };
      this.regain();
      for await (const message of messages(answer.body, hear)) this.take(message);
      return {};
    } finally {
      clearTimeout(silence);
    }
  }

  take({ id, event, data }) {
    this.last = id || this.last;
    if (event === "gap") this.hasGap = true;
    else if (SHOWN_TYPES.has(event) && this.ids.size <= MOST) this.ids.add(idOf(event, JSON.parse(data)));
    else return;
    this.soon ??= setTimeout(() => this.tellCount(), TOGETHER_MS);
  }

  tellCount() {
    this.soon = null;
    const count = this.ids.size > MOST ? `${MOST}+` : this.ids.size;
    this.button.textContent = this.hasGap ? "more than is known is new" : `${count} new`;
    if (!this.button.isConnected) this.place.append(this.button);
  }

  // A connection that comes back at once is no news; and a page that is left loses its own before it knows that it is left.
  lose(refusal) {
    this.lostAt ??= clock.format();
    this.trouble.textContent = refusal ? `not connected: refused (${refusal})` : `not connected since ${this.lostAt}`;
    this.worry ??= setTimeout(() => this.place.prepend(this.trouble), WORRY_MS);
  }

  regain() {
    clearTimeout(this.worry);
    this.worry = this.lostAt = null;
    this.trouble.remove();
  }
}

for (const place of document.querySelectorAll("[data-live]")) new Arrivals(place);

// --- Pages that load again ------------------------------------------------------------------------------------------------------------

const LEAST_REFRESH_S = 5;
const STILL_MS = 3_000;
const RETRY_MS = 5_000;

function isChanged(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) return field.selectedIndex !== Math.max([...field.options].findIndex(option => option.defaultSelected), 0);
  return field.value !== field.defaultValue;
}

function isReaderBusy(movedAt) {
  const hasFocus = !document.activeElement?.matches("body, main");
  const hasText = [...document.querySelectorAll("input, select, textarea")].some(isChanged);
  return document.hidden || hasFocus || hasText || !getSelection().isCollapsed || performance.now() - movedAt < STILL_MS;
}

function refresh(seconds) {
  let movedAt = -Infinity;
  for (const type of ["pointermove", "pointerdown", "keydown", "wheel", "scroll"]) {
    addEventListener(type, () => (movedAt = performance.now()), { passive: true, capture: true });
  }
  const load = async () => {
    // A server that does not answer would leave the browser's own page here, which asks for nothing any more.
    const isThere = !isReaderBusy(movedAt) && (await fetch("/healthz", { cache: "no-store" }).then(answer => answer.ok, () => false));
    if (isThere && !isReaderBusy(movedAt)) location.reload();
    else setTimeout(load, RETRY_MS);
  };
  setTimeout(load, Math.max(seconds || 60, LEAST_REFRESH_S) * 1_000);
}

const refreshed = document.querySelector("[data-refresh]");
if (refreshed) refresh(Number(refreshed.dataset.refresh));
