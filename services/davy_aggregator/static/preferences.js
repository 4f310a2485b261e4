// The user's settings. The server keeps them, so that another browser has them; this browser works on copies of its own.
//
// A copy that differs from what was last in step was changed here and goes to the server; else the server's value comes here.

import { storedLanguage, storeLanguage } from "/web/words.js";

const PATH = "/v1/preferences";
const IN_STEP = "davy-preferences";
const MODE = "davy-mode";
const SOUND_OFF = "davy-alarm-sound-off";

const copies = {
  language: { read: storedLanguage, write: storeLanguage },
  mode: { read: () => localStorage.getItem(MODE) ?? "", write: (mode) => localStorage.setItem(MODE, mode) },
  sound: { read: () => (localStorage.getItem(SOUND_OFF) === null ? null : false), write: (isOn) => (isOn === false ? localStorage.setItem(SOUND_OFF, "1") : localStorage.removeItem(SOUND_OFF)) },
};
const UNSET = { language: "", mode: "", sound: null }; // as the browser has it; sound: on

function lastInStep() {
  try {
    return JSON.parse(localStorage.getItem(IN_STEP)) ?? UNSET;
  } catch {
    return UNSET;
  }
}

async function ask(method, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const response = await fetch(PATH, { method, headers, body: body ? JSON.stringify(body) : undefined }).catch(() => null);
  return response?.ok ? response.json() : null;
}

export async function syncPreferences() {
  const theirs = await ask("GET");
  if (!theirs) return;
  const before = lastInStep();
  const merged = {};
  let isNew = false; // for a page that was built already
  for (const [name, { read, write }] of Object.entries(copies)) {
    const mine = read();
    const isMine = before[name] === UNSET[name] ? theirs[name] === UNSET[name] : mine !== before[name];
    merged[name] = isMine ? mine : theirs[name];
    if (merged[name] === mine || merged[name] === "") continue;
    write(merged[name]);
    isNew = true;
  }
  const differs = Object.keys(copies).some((name) => merged[name] !== theirs[name]);
  if (differs && !(await ask("PUT", merged))) return;
  localStorage.setItem(IN_STEP, JSON.stringify(merged));
  if (isNew) location.reload();
}

document.addEventListener("davy:preferences", syncPreferences);
