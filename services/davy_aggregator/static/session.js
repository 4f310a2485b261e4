// Who is signed in: the name and the way out in the header, and only what the role may do.

import { byId, element, request, signIn } from "/static/page.js";

async function show() {
  const response = await fetch("/v1/session");
  if (response.status === 401) return signIn();
  if (!response.ok) return;
  const me = await response.json();
  for (const each of document.querySelectorAll("[data-needs]")) each.hidden = !me.permissions.includes(each.dataset.needs);
  document.documentElement.dataset.role = me.role;
  const place = byId("me");
  if (!place || me.via === "open") return;
  const out = element("button", "plain", "Sign out");
  out.type = "button";
  out.addEventListener("click", async () => {
    await request("/v1/session", "DELETE");
    signIn();
  });
  place.replaceChildren(element("span", "who", element("b", "", me.name), ` ${me.role}`), ...(me.via === "session" ? [out] : []));
}

show();
