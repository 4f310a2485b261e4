// The steps of escalation: after how long, from which severity on, and which receivers of the site's file.

import { named, t } from "/web/words.js";
import { byId, element } from "/static/page.js";

const SEVERITIES = ["info", "warning", "alarm"];
const NEW = { after_s: 120, severity: "alarm", to: [] };
const MOST_S = 86_400;

export class Escalation {
  #targets = {};

  constructor() {
    byId("add-step").addEventListener("click", () => {
      byId("step-rows").append(this.#row(NEW));
      this.#mark();
    });
  }

  // targets: kind by name.
  show(steps, targets) {
    this.#targets = targets;
    byId("step-rows").replaceChildren(...steps.map((step) => this.#row(step)));
    this.#mark();
  }

  // The steps by their time; a step without a receiver is refused here, where the field is.
  read() {
    return [...byId("step-rows").querySelectorAll("tr[data-step]")]
      .map((row) => ({
        after_s: Number(row.querySelector("[name=after_s]").value),
        severity: row.querySelector("[name=severity]").value,
        to: [...row.querySelectorAll("[name=to]:checked")].map(({ value }) => value),
      }))
      .sort((one, other) => one.after_s - other.after_s);
  }

  #row({ after_s: seconds, severity, to }) {
    const time = this.#field("input", "after_s", t("escalation-after"));
    Object.assign(time, { type: "number", min: 0, max: MOST_S, step: "any", required: true, value: seconds });
    const select = this.#field("select", "severity", t("at-least"));
    select.append(...SEVERITIES.map((each) => new Option(named("severity", each), each, each === severity, each === severity)));
    const remove = element("button", "plain", t("escalation-remove"));
    remove.type = "button";
    remove.dataset.needs = "configure";
    remove.hidden = true; // until the session says who is here
    const names = [...new Set([...Object.keys(this.#targets), ...to])];
    const row = element("tr", "", element("td", "", time), element("td", "", select), element("td", "targets", ...names.map((name) => this.#target(name, to.includes(name)))), element("td", "figure", remove));
    row.dataset.step = "";
    row.addEventListener("change", () => this.#check(row));
    remove.addEventListener("click", () => {
      row.remove();
      this.#mark();
    });
    this.#check(row);
    return row;
  }

  #field(tag, name, label) {
    const made = document.createElement(tag);
    made.name = name;
    made.dataset.needs = "configure";
    made.disabled = true; // as above
    made.setAttribute("aria-label", label);
    return made;
  }

  #target(name, isChosen) {
    const box = this.#field("input", "to", name);
    Object.assign(box, { type: "checkbox", value: name });
    box.defaultChecked = isChosen;
    box.checked = isChosen;
    return element("label", "", box, ` ${name}`, element("small", "", ` ${this.#targets[name] ?? t("escalation-unknown")}`));
  }

  #check(row) {
    const boxes = [...row.querySelectorAll("[name=to]")];
    boxes[0]?.setCustomValidity(boxes.some(({ checked }) => checked) ? "" : t("escalation-nobody"));
  }

  #mark() {
    const none = Object.keys(this.#targets).length === 0;
    byId("no-targets").hidden = !none;
    byId("add-step").disabled = none;
    byId("no-steps").hidden = byId("step-rows").querySelectorAll("tr[data-step]").length > 0;
  }
}
