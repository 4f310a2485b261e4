// The strip of alarms, pinned above every page: what is worst, what can be done, a sound, the number in the title.

import { t } from "/web/words.js";
import { acknowledge, isOpen, shelve } from "/static/alarm_dialog.js";
import { AlarmModel, isUnanswered } from "/static/alarm_model.js";
import { row, rows } from "/static/alarm_rows.js";
import { AlarmSound } from "/static/alarm_sound.js";
import { element } from "/static/page.js";

const RENDER_MS = 150; // a flood changes the page no more often
const SAY_MS = 1500;
const isScreen = document.body.matches(".screen"); // without controls

export const model = new AlarmModel();

const strip = document.getElementById("alarms") ?? document.body.insertBefore(element("section"), document.body.firstChild);
strip.id = "alarms";
strip.setAttribute("aria-label", t("alarms"));
const [head, lead, tools, list, said] = [element("div", "alarm-head"), element("ol", "alarm-lead"), element("div", "alarm-tools"), element("ol", "alarm-list"), element("p", "unseen")];
const fold = control(() => {
  list.hidden = !list.hidden;
  render();
});
list.hidden = true;
list.id = "alarm-list";
said.setAttribute("aria-live", "assertive");
said.setAttribute("role", "status");
const opened = new Set(); // kinds whose groups are open
const sound = new AlarmSound(() => model.standing, render);
const silence = control(() => sound.silence());
const toggleSound = control(() => sound.toggle());
const notify = control(async () => {
  await Notification.requestPermission();
  render();
});
const all = element("a", "plain", t("alarm-all"));
all.href = "/alarms";
head.append(fold, lead, tools);
if (!isScreen) tools.append(silence, toggleSound, notify, all);
strip.replaceChildren(head, list, said);

function control(act) {
  const made = element("button", "plain");
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

const where = (alarm) => model.where(alarm);

let timer = null;
function renderSoon() {
  timer ??= setTimeout(render, RENDER_MS);
}

function render() {
  clearTimeout(timer);
  timer = null;
  const standing = model.standing;
  const open = standing.filter(isUnanswered);
  const first = standing[0];
  strip.dataset.worst = open[0]?.severity ?? (standing.length ? "answered" : "none");
  strip.hidden = !standing.length && model.isLive;
  showTitle(open.length);
  const text = [open.length && t("alarms-unanswered", { count: open.length }), standing.length - open.length && t("alarms-answered", { count: standing.length - open.length })];
  fold.textContent = standing.length ? text.filter(Boolean).join(" · ") : t("alarms-unknown");
  fold.setAttribute("aria-expanded", String(!list.hidden));
  fold.setAttribute("aria-controls", list.id);
  fold.hidden = isScreen || !standing.length;
  keepFocus(() => {
    lead.replaceChildren(...(first ? [row(first, where)] : []));
    if (!list.hidden) list.replaceChildren(...rows(standing, where, opened));
  });
  silence.textContent = t("alarm-silence");
  silence.hidden = !sound.isOn || !sound.sounding.length;
  toggleSound.textContent = sound.needsGesture ? t("alarm-sound-gesture") : sound.isOn ? t("alarm-sound-on") : t("alarm-sound-off");
  toggleSound.title = t("alarm-sound-hint");
  toggleSound.setAttribute("aria-pressed", String(sound.isOn));
  notify.textContent = t("alarm-notify");
  notify.hidden = !("Notification" in window) || Notification.permission !== "default" || !window.isSecureContext;
}

// A row that is drawn anew keeps the focus of its button.
function keepFocus(draw) {
  const focused = document.activeElement;
  const place = strip.contains(focused) ? focused.closest("[data-alarm]") : null;
  const index = place ? [...place.querySelectorAll("button, a")].indexOf(focused) : -1;
  draw();
  if (place && !focused.isConnected) strip.querySelector(`[data-alarm="${CSS.escape(place.dataset.alarm)}"]`)?.querySelectorAll("button, a")[index]?.focus();
}

// The number of unanswered alarms stands before whatever title the page gives itself.
let counted = "";
const title = document.querySelector("title");
function showTitle(count) {
  counted = count ? `(${count}) ` : "";
  prefix();
}
function prefix() {
  const plain = document.title.replace(/^\(\d+\) /, "");
  if (document.title !== counted + plain) document.title = counted + plain;
}
new MutationObserver(prefix).observe(title, { childList: true });

let unsaid = [];
let saying = null;
function say(raised) {
  unsaid.push(...raised);
  saying ??= setTimeout(() => {
    const [alarm] = unsaid;
    said.textContent = unsaid.length === 1 ? t("alarm-said", { title: alarm.title, where: where(alarm), message: alarm.message }) : t("alarms-said", { count: unsaid.length });
    show(unsaid);
    [unsaid, saying] = [[], null];
  }, SAY_MS / 3);
}

function show(raised) {
  if (!("Notification" in window) || Notification.permission !== "granted" || !document.hidden) return;
  const [alarm] = raised;
  const text = raised.length === 1 ? `${alarm.title} · ${where(alarm)}` : t("alarms-said", { count: raised.length });
  const made = new Notification(text, { body: alarm.message, tag: raised.length === 1 ? alarm.id : "davy-alarms", requireInteraction: alarm.severity === "alarm" });
  made.addEventListener("click", () => window.focus());
}

model.addEventListener("change", ({ detail: { raised, isFirst } }) => {
  if (raised.length && !isFirst) {
    say(raised);
    sound.start();
  }
  renderSoon();
});

// A acknowledges and S shelves the first alarm; L opens the list.
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, select, textarea, [contenteditable], dialog");
  if (isScreen || isTyping || isOpen() || event.ctrlKey || event.metaKey || event.altKey) return;
  const mayAnswer = strip.querySelector('[data-needs="adjust"]:not([hidden])');
  const open = model.standing.filter(isUnanswered);
  if (event.key === "a" && open.length && mayAnswer) acknowledge([open[0]], where);
  else if (event.key === "s" && model.standing.length && mayAnswer) shelve([model.standing[0]], where);
  else if (event.key === "l" && model.standing.length) fold.click();
  else return;
  event.preventDefault();
});

render();
