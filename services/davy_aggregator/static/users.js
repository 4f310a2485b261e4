// Users and tokens: administrators add, change and remove them.

import { timeElement } from "/web/time.js";
import { named, t } from "/web/words.js";
import { byId, element, request, showError } from "/static/page.js";

const PEOPLE = ["viewer", "operator", "engineer", "admin"];
const MACHINES = ["edge", "enhancer", "trainer", "aggregator", "monitor"];

const day = (time) => (time ? timeElement(time, "date") : t("never"));

function button(label, act) {
  const made = element("button", "plain", label);
  made.type = "button";
  made.addEventListener("click", () => change(act));
  return made;
}

function roleChoice(user) {
  const select = element("select");
  select.setAttribute("aria-label", t("role-of", { name: user.name }));
  select.append(...PEOPLE.map((role) => new Option(named("role", role), role, false, role === user.role)));
  select.addEventListener("change", () => change(() => put(user.name, { role: select.value })));
  return select;
}

const put = (name, body) => request(`/v1/users/${encodeURIComponent(name)}`, "PUT", body);

// Who decides over the role and the password: this site, or another system that authenticates the person.
function signsIn(origin) {
  if (!origin) return element("td", "soft", t("label-password"));
  const mark = element("span", "mark", origin === "proxy" ? t("proxy") : new URL(origin).host);
  mark.title = origin === "proxy" ? t("proxy-names") : origin;
  return element("td", "", mark);
}

function userRow(user) {
  const toggle = button(t(user.disabled ? "enable" : "disable"), () => put(user.name, { disabled: !user.disabled }));
  const remove = button(t("delete"), () => confirm(t("delete-user", { name: user.name }))
    && request(`/v1/users/${encodeURIComponent(user.name)}`, "DELETE"));
  const row = element("tr", user.disabled ? "disabled" : "",
    element("td", "", user.name), element("td", "", user.origin ? named("role", user.role) : roleChoice(user)), signsIn(user.origin),
    element("td", "soft", day(user.created_at)),
    element("td", "do", toggle, " ", remove));
  return row;
}

function tokenRow(token) {
  const revoke = button(t("revoke"), () => confirm(t("revoke-token", { name: token.name })) && request(`/v1/tokens/${token.id}`, "DELETE"));
  const cells = [token.name, named("role", token.role), token.edge, token.made_by, day(token.created_at), day(token.expires_at)];
  return element("tr", "", ...cells.map((text) => element("td", "", text)), element("td", "do", revoke));
}

function nothing(text, columns) {
  const cell = element("td", "", text);
  cell.colSpan = columns;
  return element("tr", "empty", cell);
}

async function refresh() {
  const [{ users }, { tokens }] = await Promise.all([request("/v1/users"), request("/v1/tokens")]);
  byId("users").replaceChildren(...(users.length ? users.map(userRow) : [nothing(t("users-none"), 5)]));
  byId("tokens").replaceChildren(...(tokens.length ? tokens.map(tokenRow) : [nothing(t("tokens-none"), 7)]));
}

async function change(act) {
  try {
    await act();
    showError("");
  } catch (error) {
    showError(error.message);
  }
  await refresh();
}

byId("user-role").append(...PEOPLE.map((role) => new Option(named("role", role), role)));
byId("token-role").append(...[...PEOPLE, ...MACHINES].map((role) => new Option(named("role", role), role)));

byId("add-user").addEventListener("submit", (event) => {
  event.preventDefault();
  change(async () => {
    await put(byId("user-name").value, { role: byId("user-role").value, password: byId("user-password").value });
    event.target.reset();
  });
});

byId("add-token").addEventListener("submit", (event) => {
  event.preventDefault();
  change(async () => {
    const made = await request("/v1/tokens", "POST", {
      name: byId("token-name").value, role: byId("token-role").value, edge: byId("token-edge").value, days: Number(byId("token-days").value),
    });
    byId("secret-text").textContent = made.secret;
    byId("secret").hidden = false;
    event.target.reset();
  });
});

refresh().catch((error) => showError(error.message));
