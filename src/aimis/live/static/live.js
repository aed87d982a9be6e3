// The page of a live examination. It asks for a picture when the one before is drawn, so that none ever waits.
"use strict";

const words = JSON.parse(document.getElementById("words").textContent);
const language = document.documentElement.lang.slice(0, 2);
const at = (id) => document.getElementById(id);
const say = (key, values = {}) => words[key].replace(/%(\w+)%/g, (_, name) => values[name]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let drawn = 0;
let frozen = false;
let own = null;  // what is said of the frozen frame; no later judgement takes its place
let over = false;
let alarms = null;

function put(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;  // a screen reader says what changes, only then
}

// ---- the picture

async function pictures() {
  while (!over) {
    if (frozen) { await pause(40); continue; }
    try {
      const answer = await fetch(`picture?after=${drawn}`);
      if (answer.status !== 200) { await pause(20); continue; }
      const bitmap = await createImageBitmap(await answer.blob());
      if (frozen) { bitmap.close(); continue; }
      draw(bitmap);
      drawn = Number(answer.headers.get("X-Frame"));
    } catch {
      await pause(500);
    }
  }
}

function draw(bitmap) {
  const canvas = at("picture");
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

// ---- what stands beside it

async function states() {
  while (!over) {
    try {
      const answer = await fetch(`state?lang=${language}`);
      if (answer.ok) show(await answer.json());
    } catch {
      put("link", say("lost-program"));
      standStill("broken");
    }
    await pause(250);
  }
}

function show(state) {
  put("link", state.link_text);
  standStill(state.link);
  put("delay", state.delay_ms === null ? "–" : say("ms", { value: state.delay_ms }));
  put("shown", say("per-second", { value: state.shown_per_s.toFixed(0) }));
  put("judged", say("per-second", { value: state.judged_per_s.toFixed(0) }));
  put("dropped", String(state.dropped));
  const judgement = state.judgement?.of_picture ? state.judgement : null;  // what is of another scene is not said
  if (!frozen) { showJudgement(judgement); showAlarm(judgement); }
  soundFor(state.alarms);
  showKept(state.kept);
  if (state.phase !== "running") finish(state.phase);
}

// A picture that does not move must not be taken for one that does.
function standStill(link) {
  at("link").dataset.level = link;
  at("picture").parentElement.classList.toggle("still", link !== "live");
  at("frozen").hidden = !frozen && link === "live";
  put("frozen", link === "live" ? say("frozen") : say("standing-still"));
}

function showJudgement(judgement) {
  put("site", judgement?.site ?? "–");
  put("stain", judgement?.stain ?? "–");
  put("reason", judgement === null ? say(own?.waiting ? "judging-frozen" : "no-judgement") : judgement.reason ?? "");
  const findings = judgement?.findings ?? [];
  const list = at("findings");
  while (list.children.length > findings.length) list.lastChild.remove();
  findings.forEach((finding, place) => {
    const row = list.children[place] ?? list.appendChild(findingRow());
    row.dataset.level = finding.level;
    const [title, text, probability] = row.children;
    if (title.textContent !== finding.title) title.textContent = finding.title;
    if (text.textContent !== finding.text) text.textContent = finding.text;
    if (probability.textContent !== finding.probability) probability.textContent = finding.probability;
  });
}

function findingRow() {
  const row = document.createElement("li");
  for (const name of ["title", "text", "probability"]) {
    row.appendChild(document.createElement("span")).className = name;
  }
  return row;
}

function showAlarm(judgement) {
  const first = judgement?.findings.find((finding) => finding.level === "borne-out");
  put("alarm", first ? say("alarm", { finding: first.title }) : "");
}

// Beside a frozen picture a chime would be of something that is not to be seen.
function soundFor(count) {
  if (alarms !== null && count > alarms && !frozen) chime();
  alarms = count;
}

function finish(phase) {
  for (const id of ["keep", "continue", "end", "chime"]) at(id).disabled = true;
  if (!frozen) { showJudgement(null); showAlarm(null); }
  frozen = true;
  if (phase === "done") over = true;
}

// ---- keeping

async function freeze() {
  if (at("keep").disabled) return;
  if (frozen) { goOn(); return; }
  frozen = true;
  at("keep").hidden = true;
  at("continue").hidden = false;
  at("frozen").hidden = false;
  const mine = own = { judgement: null, waiting: true };
  showOwn();
  let text = say("not-kept");
  try {
    const answer = await fetch(`keep?number=${drawn}&lang=${language}`, { method: "POST" });
    const said = await answer.json();
    if (answer.ok) text = say("kept-as", { name: said.name });
    const bitmap = said.picture && await createImageBitmap(pictureOf(said.picture));
    mine.judgement = said.judgement ?? null;
    if (bitmap && own === mine) draw(bitmap);
  } catch { /* the text says that it was not kept */ }
  mine.waiting = false;
  if (own === mine) showOwn();
  put("said", text);
}

function showOwn() {
  showJudgement(own.judgement);
  showAlarm(own.judgement);
}

function pictureOf(base64) {
  return new Blob([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))], { type: "image/jpeg" });
}

function goOn() {
  frozen = false;
  own = null;
  at("keep").hidden = false;
  at("continue").hidden = true;
  at("frozen").hidden = true;
}

function showKept(kept) {
  put("kept-count", String(kept.length));
  at("kept-none").hidden = kept.length > 0;
  const list = at("kept");
  const known = new Map([...list.children].map((item) => [item.dataset.name, item]));
  for (const one of kept) {
    if (!known.delete(one.name)) list.appendChild(keptItem(one));
  }
  for (const gone of known.values()) gone.remove();
}

function keptItem(one) {
  const item = document.createElement("li");
  item.dataset.name = one.name;
  const link = item.appendChild(document.createElement("a"));
  link.href = `kept/${one.name}`;
  link.target = "_blank";
  const image = link.appendChild(document.createElement("img"));
  image.src = link.href;
  image.alt = `${one.name}, ${one.at}: ${one.text}`;
  item.appendChild(document.createElement("p")).textContent = `${one.name} · ${one.at}`;
  item.appendChild(document.createElement("p")).textContent = one.text;
  const remove = item.appendChild(document.createElement("button"));
  remove.textContent = say("remove");
  remove.setAttribute("aria-label", `${say("remove")} ${one.name}`);
  remove.addEventListener("click", async () => {
    const answer = await fetch(`kept/${one.name}/remove`, { method: "POST" });
    if (answer.ok) { item.remove(); at("tab-kept").focus(); }
  });
  return item;
}

// ---- the chime: two notes, made here; browsers let a page sound only after somebody touched it

let sound = null;
let muted = false;

function wake() {
  if (muted) return;
  sound ??= new AudioContext();
  sound.resume().then(showChime);
}

function isOn() {
  return !muted && sound !== null && sound.state === "running";
}

function showChime() {
  put("chime", say(isOn() ? "chime-on" : "chime-off"));
  at("chime").setAttribute("aria-pressed", String(isOn()));
}

function chime() {
  if (!isOn()) return;
  [660, 880].forEach((hertz, place) => {
    const begins = sound.currentTime + 0.18 * place;
    const note = new OscillatorNode(sound, { frequency: hertz });
    const loudness = new GainNode(sound, { gain: 0 });
    loudness.gain.setValueAtTime(0, begins);
    loudness.gain.linearRampToValueAtTime(0.25, begins + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.001, begins + 0.5);
    note.connect(loudness).connect(sound.destination);
    note.start(begins);
    note.stop(begins + 0.55);
  });
}

function switchChime() {
  muted = isOn();
  if (muted) showChime();
  else { wake(); sound.resume().then(() => { showChime(); chime(); }); }
}

// ---- views, keys, buttons

function view(name) {
  for (const one of ["live", "kept"]) {
    at(`view-${one}`).hidden = one !== name;
    at(`tab-${one}`).setAttribute("aria-selected", String(one === name));
    at(`tab-${one}`).tabIndex = one === name ? 0 : -1;
  }
}

at("tab-live").addEventListener("click", () => view("live"));
at("tab-kept").addEventListener("click", () => view("kept"));
at("views").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  const other = at("view-kept").hidden ? "kept" : "live";
  view(other);
  at(`tab-${other}`).focus();
});
at("keep").addEventListener("click", freeze);
at("continue").addEventListener("click", freeze);
at("chime").addEventListener("click", switchChime);
at("end").addEventListener("click", () => at("sure").showModal());
at("sure").addEventListener("close", () => {
  if (at("sure").returnValue === "yes") fetch("end", { method: "POST" });
});
document.addEventListener("click", (event) => {
  // Touched or clicked, a button gives the space key back to keeping; reached by Tab, it has it.
  if (event.detail > 0 && event.target instanceof HTMLElement && !at("sure").open) event.target.closest("button")?.blur();
});
document.addEventListener("keydown", (event) => {
  if (event.target !== at("chime")) wake();
  const taken = event.target instanceof HTMLElement && event.target.closest("button, a, dialog");
  if (event.key !== " " || event.repeat || taken || at("view-live").hidden) return;
  event.preventDefault();
  freeze();
});
document.addEventListener("pointerdown", (event) => { if (event.target !== at("chime")) wake(); });

showChime();
pictures();
states();
