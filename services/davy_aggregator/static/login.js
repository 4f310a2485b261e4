// Signs a person in by name and password, or by a link that works once.

import { byId, request, showError } from "/static/page.js";

// Only a page of this service, or of one on another port of this host, may follow: others would be phishing.
function destination() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  const url = new URL(wanted, location.origin);
  return url.hostname === location.hostname && ["http:", "https:"].includes(url.protocol) ? url.href : "/";
}

async function signIn(credentials) {
  byId("submit").disabled = true;
  try {
    await request("/v1/session", "POST", credentials);
    location.replace(destination());
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

const link = new URLSearchParams(location.hash.slice(1)).get("link"); // a fragment reaches no log and no other host
if (link) {
  history.replaceState(null, "", location.pathname + location.search);
  signIn({ link });
}
