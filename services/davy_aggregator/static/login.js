// Signs a person in by name and password, by an identity provider, or by a link that works once; a screen by its token.

import "/web/shell.js";
import { t } from "/web/words.js";
import { byId, request, showError } from "/static/page.js";

const query = new URLSearchParams(location.search);
const NEXT = "davy-next"; // survives the way to the identity provider and back

// Only a page of this service, or of one on another port of this host, may follow: others would be phishing.
function destination() {
  const wanted = query.get("next") ?? sessionStorage.getItem(NEXT) ?? "/";
  const url = new URL(wanted, location.origin);
  return url.hostname === location.hostname && ["http:", "https:"].includes(url.protocol) ? url.href : "/";
}

async function signIn(credentials) {
  byId("submit").disabled = true;
  try {
    await request("/v1/session", "POST", credentials);
    const next = destination();
    sessionStorage.removeItem(NEXT);
    location.replace(next);
  } catch (error) {
    showError(error.message);
    byId("password").value = "";
    byId("password").focus();
  } finally {
    byId("submit").disabled = false;
  }
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn({ name: byId("name").value, password: byId("password").value });
});

async function offerProvider() {
  const { oidc } = await request("/v1/session/methods");
  byId("oidc").hidden = !oidc;
  byId("oidc").textContent = t("sign-in-with", { provider: oidc });
}

byId("oidc").addEventListener("click", async () => {
  byId("oidc").disabled = true;
  try {
    const { url } = await request("/v1/session/oidc");
    sessionStorage.setItem(NEXT, destination());
    location.assign(url);
  } catch (error) {
    showError(error.message);
    byId("oidc").disabled = false;
  }
});

// The provider sends a person back with a code, or with an error; neither stays in the address or in the history.
function comeBack() {
  const code = query.get("code");
  const refusal = query.get("error");
  if (!code && !refusal) return;
  history.replaceState(null, "", location.pathname);
  if (code) signIn({ code, state: query.get("state") ?? "" });
  else showError(t(refusal === "access_denied" ? "provider-refused" : "provider-error"));
}

const fragment = new URLSearchParams(location.hash.slice(1)); // a fragment reaches no log and no other host
for (const kind of ["link", "token"]) {
  const secret = fragment.get(kind);
  if (!secret) continue;
  history.replaceState(null, "", location.pathname + location.search);
  signIn({ [kind]: secret });
}
offerProvider().catch((error) => showError(error.message));
comeBack();
