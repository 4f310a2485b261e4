// Users and tokens: administrators add, change and remove them.

import { byId, element, request, showError } from "/static/page.js";

const PEOPLE = ["viewer", "operator", "engineer", "admin"];
const MACHINES = ["edge", "enhancer", "trainer", "aggregator", "monitor"];

const day = (time) => (time ? time.slice(0, 10) : "never");

function button(label, act) {
  const made = element("button", "plain", label);
  made.type = "button";
  made.addEventListener("click", () => change(act));
  return made;
}

function roleChoice(user) {
  const select = element("select");
  select.setAttribute("aria-label", `Role of ${user.name}`);
  select.append(...PEOPLE.map((role) => new Option(role, role, false, role === user.role)));
  select.addEventListener("change", () => change(() => put(user.name, { role: select.value })));
  return select;
}

const put = (name, body) => request(`/v1/users/${encodeURIComponent(name)}`, "PUT", body);

// Who decides over the role and the password: this site, or another system that authenticates the person.
function signsIn(origin) {
  if (!origin) return element("td", "soft", "password");
  const mark = element("span", "mark", origin === "proxy" ? "proxy" : new URL(origin).host);
  mark.title = origin === "proxy" ? "a trusted proxy names this person" : origin;
  return element("td", "", mark);
}

function userRow(user) {
  const toggle = button(user.disabled ? "Enable" : "Disable", () => put(user.name, { disabled: !user.disabled }));
  const remove = button("Delete", () => confirm(`Delete the user ${user.name}?`)
    && request(`/v1/users/${encodeURIComponent(user.name)}`, "DELETE"));
  const row = element("tr", user.disabled ? "disabled" : "",
    element("td", "", user.name), element("td", "", user.origin ? user.role : roleChoice(user)), signsIn(user.origin),
    element("td", "soft", day(user.created_at)),
    element("td", "do", toggle, " ", remove));
  return row;
}

function tokenRow(token) {
  const revoke = button("Revoke", () => confirm(`Revoke the token ${token.name}?`) && request(`/v1/tokens/${token.id}`, "DELETE"));
  const cells = [token.name, token.role, token.edge, token.made_by, day(token.created_at), day(token.expires_at)];
  return element("tr", "", ...cells.map((text) => element("td", "", text)), element("td", "do", revoke));
}

function nothing(text, columns) {
  const cell = element("td", "", text);
  cell.colSpan = columns;
  return element("tr", "empty", cell);
}

async function refresh() {
  const [{ users }, { tokens }] = await Promise.all([request("/v1/users"), request("/v1/tokens")]);
  byId("users").replaceChildren(...(users.length ? users.map(userRow) : [nothing("No users.", 5)]));
  byId("tokens").replaceChildren(...(tokens.length ? tokens.map(tokenRow) : [nothing("No tokens.", 7)]));
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

byId("user-role").append(...PEOPLE.map((role) => new Option(role)));
byId("token-role").append(...[...PEOPLE, ...MACHINES].map((role) => new Option(role)));

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
