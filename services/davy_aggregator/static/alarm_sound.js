// A tone while an alarm of severity alarm is unanswered; in one window of a browser alone, if it can tell.
//
// A browser plays nothing before the first click or key in a window.

import { isUnanswered } from "/static/alarm_model.js";

const EVERY_MS = 2500;
const OFF = "davy-alarm-sound-off";
const TONES = [[880, 0], [660, 0.2], [880, 0.4]]; // Hz and s
const TONE_S = 0.16;

export class AlarmSound {
  #context = null;
  #silenced = new Set(); // id and occurrence
  #channel = "BroadcastChannel" in window ? new BroadcastChannel("davy-alarms") : null;
  #hasLock = !navigator.locks; // the API needs https or localhost; without it every window sounds

  // standing: returns the alarms; onChange: called when what the buttons show has changed.
  constructor(standing, onChange) {
    Object.assign(this, { standing, onChange });
    navigator.locks?.request("davy-alarm-sound", () => {
      this.#hasLock = true;
      return new Promise(() => {}); // until the window closes
    });
    for (const gesture of ["pointerdown", "keydown"]) document.addEventListener(gesture, () => this.#wake(), { passive: true });
    this.#channel?.addEventListener("message", ({ data }) => this.#silenceAll(data));
    window.addEventListener("storage", onChange);
    setInterval(() => this.#play(), EVERY_MS);
  }

  get isOn() {
    return localStorage.getItem(OFF) === null;
  }

  get needsGesture() {
    return this.isOn && this.#context?.state !== "running";
  }

  get sounding() {
    return this.standing().filter((alarm) => alarm.severity === "alarm" && alarm.state === "unacknowledged" && !this.#silenced.has(key(alarm)));
  }

  toggle() {
    if (this.isOn) localStorage.setItem(OFF, "1");
    else localStorage.removeItem(OFF);
    document.dispatchEvent(new Event("davy:preferences"));
    this.onChange();
  }

  // Silence what sounds now, in every window; a new alarm sounds again.
  silence() {
    const keys = this.standing().filter(isUnanswered).map(key);
    this.#channel?.postMessage(keys);
    this.#silenceAll(keys);
  }

  start() {
    this.#play();
  }

  #silenceAll(keys) {
    for (const each of keys) this.#silenced.add(each);
    this.onChange();
  }

  #wake() {
    this.#context ??= new AudioContext();
    if (this.#context.state !== "suspended") return;
    this.#context.resume().then(() => this.onChange()).catch(() => {});
  }

  #play() {
    if (!this.isOn || !this.#hasLock || this.#context?.state !== "running" || !this.sounding.length) return;
    for (const [hertz, after] of TONES) {
      const [start, tone, volume] = [this.#context.currentTime + after, this.#context.createOscillator(), this.#context.createGain()];
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0, start);
      volume.gain.linearRampToValueAtTime(0.25, start + 0.02);
      volume.gain.linearRampToValueAtTime(0, start + TONE_S);
      tone.connect(volume).connect(this.#context.destination);
      tone.start(start);
      tone.stop(start + TONE_S);
    }
  }
}

const key = ({ id, occurrence }) => `${id} ${occurrence}`;
