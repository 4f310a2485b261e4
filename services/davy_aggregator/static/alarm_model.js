// The alarms of the site, as the aggregator sends them: by the window's WebSocket on the console, else by one of their own.

import { said, translated } from "/web/words.js";
import { readCameras } from "/static/page.js";

const RETRY_MS = [500, 1000, 2000, 5000, 10_000];
const SEVERITY = { info: 1, warning: 2, alarm: 3 };
const STANDING = new Set(["unacknowledged", "acknowledged", "returned"]);

export const stands = (alarm) => STANDING.has(alarm.state);
export const isUnanswered = (alarm) => alarm.state === "unacknowledged" || alarm.state === "returned";
export const rank = (alarm) => SEVERITY[alarm.severity];

// Unanswered ones first, then by severity, then the newest.
export function inOrder(one, other) {
  return isUnanswered(other) - isUnanswered(one) || rank(other) - rank(one) || (other.raised_at ?? "").localeCompare(one.raised_at ?? "");
}

export class AlarmModel extends EventTarget {
  alarms = new Map();
  labels = new Map(); // of cameras
  isLive = false;
  #attempt = 0;

  constructor() {
    super();
    document.addEventListener("davy:alarms", ({ detail }) => this.#receive(detail));
    if (!document.body.matches(".console, .screen")) this.#connect();
    this.#readLabels();
  }

  get standing() {
    return [...this.alarms.values()].filter(stands).sort(inOrder);
  }

  where(alarm) {
    const source = this.labels.get(alarm.source) ?? (alarm.source === "aggregator" ? "" : alarm.source);
    return [source, alarm.part].filter(Boolean).join(" · ");
  }

  #receive({ all, alarms }) {
    const before = this.alarms;
    this.alarms = all ? new Map() : new Map(before);
    for (const alarm of alarms) {
      alarm.title = translated("alarm-title", alarm.kind, alarm.title);
      alarm.consequence = translated("alarm-consequence", alarm.kind, alarm.consequence);
      alarm.response = translated("alarm-response", alarm.kind, alarm.response);
      alarm.message = said(alarm.message);
      if (alarm.state === "normal") this.alarms.delete(alarm.id);
      else this.alarms.set(alarm.id, alarm);
    }
    const isKnown = ({ id, occurrence, state }) => before.get(id)?.occurrence === occurrence && before.get(id).state === state;
    const raised = alarms.filter((alarm) => alarm.state === "unacknowledged" && !isKnown(alarm));
    const isFirst = !this.isLive && before.size === 0;
    this.isLive = true;
    this.dispatchEvent(new CustomEvent("change", { detail: { raised, isFirst } }));
    document.dispatchEvent(new CustomEvent("davy:alarm-count", { detail: { count: this.standing.length } }));
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/alarms/watch`);
    socket.onmessage = ({ data }) => {
      this.#attempt = 0;
      this.#receive(JSON.parse(data));
    };
    socket.onclose = () => {
      this.isLive = false;
      this.dispatchEvent(new CustomEvent("change", { detail: { raised: [], isFirst: false } }));
      const wait = RETRY_MS[Math.min(this.#attempt++, RETRY_MS.length - 1)];
      setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
    };
  }

  async #readLabels() {
    try {
      for (const { id, label } of await readCameras()) this.labels.set(id, label);
      this.dispatchEvent(new CustomEvent("change", { detail: { raised: [], isFirst: true } }));
    } catch {
      // the ids of the cameras name them, too
    }
  }
}
