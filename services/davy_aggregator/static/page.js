// Functions shared by the pages.

export const byId = (id) => document.getElementById(id);

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export async function request(path, method = "GET", body = undefined, headers = {}) {
  if (body) headers = { ...headers, "Content-Type": "application/json" };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (response.status === 401 && location.pathname !== "/login") signIn();
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer.detail ?? response.statusText);
  return answer;
}

// Every camera with its state and figures, in pages.
export async function readCameras() {
  let page = await request("/v1/cameras");
  const found = page.cameras;
  while (page.cursor) {
    page = await request(`/v1/cameras?cursor=${encodeURIComponent(page.cursor)}`);
    found.push(...page.cameras);
  }
  return found;
}

export function signIn() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

export function showError(text) {
  byId("banner").hidden = !text;
  byId("banner").textContent = text;
}
