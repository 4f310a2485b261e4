// Who is signed in: the name and the way out in the header, and only what the role may do.
//
// A control that changes something names its permission (davy/access/roles.py) in data-needs, in HTML or by JavaScript.
// A field without it is disabled, so that its value can still be read; any other element is hidden.

import "/web/shell.js";
import "/static/alarms.js";
import { named, t } from "/web/words.js";
import { byId, element, request, signIn } from "/static/page.js";
import { syncPreferences } from "/static/preferences.js";

let permissions = []; // until the answer comes, none

function allow(root) {
  const found = root.matches("[data-needs]") ? [root] : [];
  for (const each of [...found, ...root.querySelectorAll("[data-needs]")]) {
    const allowed = permissions.includes(each.dataset.needs);
    if (each.matches("input, select, textarea")) each.disabled = !allowed;
    else each.hidden = !allowed;
  }
}

new MutationObserver((changes) => {
  for (const { addedNodes } of changes) {
    for (const node of addedNodes) if (node instanceof Element) allow(node);
  }
}).observe(document.documentElement, { childList: true, subtree: true });

async function show() {
  const response = await fetch("/v1/session");
  if (response.status === 401) return signIn();
  if (!response.ok) return;
  const me = await response.json();
  syncPreferences();
  permissions = me.permissions;
  allow(document.documentElement);
  document.documentElement.dataset.role = me.role;
  const place = byId("me");
  if (!place || me.via === "open") return;
  const out = element("button", "plain", t("sign-out"));
  out.type = "button";
  out.addEventListener("click", async () => {
    await request("/v1/session", "DELETE");
    signIn();
  });
  place.replaceChildren(element("span", "who", element("b", "", me.name), ` ${named("role", me.role)}`), ...(me.via === "session" ? [out] : []));
}

show();
