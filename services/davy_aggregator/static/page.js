// What the pages of models, edges and samples share.

export const byId = (id) => document.getElementById(id);

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export async function ask(path, method = "GET", body = undefined, headers = {}) {
  if (body) headers = { ...headers, "Content-Type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail ?? answer.statusText);
  return said;
}

export function tell(fault) {
  byId("banner").hidden = !fault;
  byId("banner").textContent = fault;
}
