// The answer to one alarm or several: acknowledge or shelve, with words.

import { timeElement } from "/web/time.js";
import { t } from "/web/words.js";
import { element, request } from "/static/page.js";

const SHELVE_S = [300, 900, 3600, 4 * 3600, 8 * 3600];

let dialog = null;

export const isOpen = () => Boolean(dialog?.open);

export function acknowledge(alarms, where) {
  const words = field("words", 500, false);
  open(alarms, where, t("alarm-acknowledge"), [words], async () => {
    const body = { words: words.querySelector("input").value };
    if (alarms.length === 1) {
      const [{ id, occurrence }] = alarms;
      await request(`/v1/alarms/${encodeURIComponent(id)}/acknowledge`, "POST", { ...body, occurrence });
      return;
    }
    for (let start = 0; start < alarms.length; start += 500) {
      const some = alarms.slice(start, start + 500).map(({ id, occurrence }) => ({ id, occurrence }));
      const { refused } = await request("/v1/alarms/acknowledge", "POST", { ...body, alarms: some });
      if (refused.length) throw new Error(refused[0].reason);
    }
  });
}

export function shelve(alarms, where) {
  const words = field("reason", 500, true);
  const time = element("label", "", t("alarm-shelve-for"));
  const choice = document.createElement("select");
  choice.append(...SHELVE_S.map((seconds) => new Option(duration(seconds), seconds, seconds === 3600, seconds === 3600)));
  time.append(choice);
  open(alarms, where, t("alarm-shelve"), [time, words], async () => {
    const body = { words: words.querySelector("input").value, duration_s: Number(choice.value) };
    for (const { id } of alarms) await request(`/v1/alarms/${encodeURIComponent(id)}/shelve`, "POST", body);
  });
}

export async function unshelve(alarm) {
  await request(`/v1/alarms/${encodeURIComponent(alarm.id)}/unshelve`, "POST", {});
}

export function duration(seconds) {
  return seconds < 3600 ? t("minutes", { count: seconds / 60 }) : t("hours", { count: seconds / 3600 });
}

function field(name, most, isRequired) {
  const label = element("label", "", t(`alarm-${name}`));
  const input = document.createElement("input");
  Object.assign(input, { maxLength: most, required: isRequired, autocomplete: "off", name });
  label.append(input);
  return label;
}

function open(alarms, where, action, fields, send) {
  dialog?.remove();
  dialog = element("dialog", "alarm-dialog");
  dialog.setAttribute("aria-label", action);
  const [first] = alarms;
  const title = alarms.length === 1 ? first.title : t("alarm-several", { count: alarms.length });
  const form = document.createElement("form");
  const refusal = element("p", "refusal");
  refusal.setAttribute("role", "alert");
  refusal.hidden = true;
  const yes = element("button", "plain go", action);
  const no = element("button", "plain", t("cancel"));
  no.type = "button";
  no.addEventListener("click", () => dialog.close());
  form.append(element("h2", "", title), ...about(alarms, where), ...fields, refusal, element("p", "actions", yes, no));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    yes.disabled = true;
    try {
      await send();
      dialog.close();
    } catch (error) {
      refusal.textContent = error.message;
      refusal.hidden = false;
      yes.disabled = false;
    }
  });
  dialog.append(form);
  const before = document.activeElement;
  dialog.addEventListener("close", () => before?.focus?.());
  document.body.append(dialog);
  dialog.showModal();
  form.querySelector("input, select").focus();
}

function about(alarms, where) {
  const [first] = alarms;
  const lines = alarms.slice(0, 6).map((alarm) => element("p", "", element("b", "", where(alarm) || alarm.title), ` ${alarm.message} · `, timeElement(alarm.raised_at, "brief")));
  if (alarms.length > lines.length) lines.push(element("p", "", t("alarm-more", { count: alarms.length - lines.length })));
  for (const name of ["consequence", "response"]) {
    if (first[name]) lines.push(element("p", name, element("b", "", `${t(`alarm-${name}`)}: `), first[name]));
  }
  if (alarms.length === 1 && first.picture) {
    const picture = document.createElement("img");
    picture.src = first.picture;
    picture.alt = t("keyframe-of", { message: first.message });
    picture.addEventListener("error", () => picture.remove());
    lines.push(picture);
  }
  return lines;
}
