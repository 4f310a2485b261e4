// The rules of alarms as a table. Only what differs from the defaults is sent.

import { dateTime } from "/web/time.js";
import { named, t, translated } from "/web/words.js";
import { Escalation } from "/static/alarm_escalation.js";
import { byId, element, request, showError } from "/static/page.js";

const SEVERITIES = ["info", "warning", "alarm"];
const FIELDS = { severity: "select", enabled: "checkbox", on_delay_s: "number", off_delay_s: "number", latching: "checkbox", needs_acknowledgement: "checkbox" };

export class Rules {
  defaults = {};
  #current = { rules: {} };
  #id = "";
  #escalation = new Escalation();

  constructor() {
    byId("rules").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  async read() {
    try {
      this.#show(await request("/v1/alarm-rules"));
    } catch (error) {
      showError(error.message);
    }
  }

  #show({ id, who, why, at, rules, defaults, targets }) {
    this.defaults = defaults;
    this.#current = rules;
    this.#id = id;
    byId("rules-by").textContent = at ? t("rules-by", { who, at: dateTime(at), why: why || "–" }) : t("rules-of-file");
    this.#escalation.show(rules.escalation, targets);
    const keys = [...new Set([...Object.keys(defaults), ...Object.keys(rules.rules)])];
    byId("rule-rows").replaceChildren(...keys.map((key) => this.#row(key)));
  }

  #default(key) {
    const [kind] = key.split(":");
    const base = this.defaults[kind] ?? { severity: "alarm", enabled: true, on_delay_s: 0, off_delay_s: 2, latching: false, needs_acknowledgement: true };
    return key === kind ? base : { ...base, ...this.#of(kind) };
  }

  #of(key) {
    return Object.fromEntries(Object.entries(this.#current.rules[key] ?? {}).filter(([, value]) => value !== null));
  }

  #row(key) {
    const value = { ...this.#default(key), ...this.#of(key) };
    const name = element("td", "", element("b", "", translated("alarm-title", key, value.title) || key), element("small", "", ` ${key}`));
    const made = element("tr", this.#current.rules[key] ? "changed" : "", name, ...Object.entries(FIELDS).map(([field, kind]) => element("td", "", this.#input(key, field, kind, value[field]))));
    made.dataset.rule = key;
    return made;
  }

  #input(key, field, kind, value) {
    const made = document.createElement(kind === "select" ? "select" : "input");
    if (kind === "select") made.append(...SEVERITIES.map((each) => new Option(named("severity", each), each, each === value, each === value)));
    else made.type = kind;
    if (kind === "checkbox") made.checked = value;
    if (kind === "number") Object.assign(made, { value, min: 0, max: 86_400, step: "any", required: true });
    made.name = field;
    made.dataset.needs = "configure";
    made.disabled = true; // until the session says who is here
    made.setAttribute("aria-label", `${key} ${field}`);
    return made;
  }

  #changed() {
    const rules = {};
    for (const row of byId("rule-rows").children) {
      const key = row.dataset.rule;
      const kept = this.#of(key);
      for (const input of row.querySelectorAll("[name]")) {
        const value = input.type === "checkbox" ? input.checked : input.type === "number" ? Number(input.value) : input.value;
        if (value === this.#default(key)[input.name]) delete kept[input.name];
        else kept[input.name] = value;
      }
      if (Object.keys(kept).length) rules[key] = kept;
    }
    return rules;
  }

  async #save() {
    const body = { rules: { ...this.#current, rules: this.#changed(), escalation: this.#escalation.read() }, why: byId("why").value };
    try {
      this.#show(await request("/v1/alarm-rules", "PUT", body, { "If-Match": `"${this.#id}"` }));
      byId("why").value = "";
      showError("");
    } catch (error) {
      showError(error.message);
    }
  }
}
