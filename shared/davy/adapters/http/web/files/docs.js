// The routes of /openapi.json, each with a form that sends a request. Nothing comes from another host.

import { t } from "/web/words.js";

const JSON_TYPE = "application/json";
const SHOWN = 200_000; // characters of an answer

let schema = {};

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function resolve(found = {}) {
  if (found.$ref) return resolve(found.$ref.slice(2).split("/").reduce((part, name) => part[name], schema));
  const other = (found.anyOf ?? found.oneOf ?? []).find(({ type }) => type !== "null");
  return other ? { ...resolve(other), ...found, type: resolve(other).type } : found;
}

// A value that a schema allows, to begin with.
function example(found, depth = 0) {
  const { type, properties = {}, default: standard, examples = [], enum: values = [], items, required = [] } = resolve(found);
  if (standard !== undefined && standard !== null) return standard;
  if (examples.length) return examples[0];
  if (values.length) return values[0];
  if (type === "array") return depth > 2 || !items ? [] : [example(items, depth + 1)];
  if (type === "object" || Object.keys(properties).length) {
    const wanted = Object.entries(properties).filter(([name]) => depth < 3 && (required.includes(name) || depth === 0));
    return Object.fromEntries(wanted.map(([name, each]) => [name, example(each, depth + 1)]));
  }
  return { integer: 0, number: 0, boolean: false }[type] ?? "";
}

function field(name, found, { description = "", required = false } = {}) {
  const { enum: values, type, default: standard, examples = [] } = resolve(found);
  const options = values ?? (type === "boolean" ? ["true", "false"] : null);
  const input = element(options ? "select" : "input");
  if (options) input.append(...(required ? [] : [new Option("", "")]), ...options.map((each) => new Option(each)));
  else if (required && examples.length) input.value = examples[0];
  Object.assign(input, { name, required });
  const facts = [required ? t("docs-needs") : "", description, standard === undefined || standard === null ? "" : t("docs-default", { value: String(standard) })];
  const label = element("label", "", element("span", "", name), input);
  const note = facts.filter(Boolean).join(" · ");
  if (note) label.append(element("small", "", note));
  return label;
}

// Fields of the body: JSON as text, a form's fields, or a file.
function bodyFields(content) {
  if (content[JSON_TYPE]) {
    const text = element("textarea");
    Object.assign(text, { name: " body", value: JSON.stringify(example(content[JSON_TYPE].schema), null, 2), spellcheck: false });
    return [element("label", "body", element("span", "", t("docs-body")), text)];
  }
  const file = element("input");
  Object.assign(file, { name: " file", type: "file", required: true });
  return [element("label", "", element("span", "", t("docs-file")), file)];
}

function request(path, method, route, form) {
  const query = new URLSearchParams();
  const headers = {};
  let address = path;
  for (const { name, in: place } of route.parameters ?? []) {
    const { value } = form.elements[name];
    if (place === "path") address = address.replace(`{${name}}`, encodeURIComponent(value));
    else if (value && place === "query") query.set(name, value);
    else if (value && place === "header") headers[name] = value;
  }
  const [text, file] = [form.elements[" body"], form.elements[" file"]];
  if (text) headers["Content-Type"] = JSON_TYPE;
  const body = text ? text.value : file?.files[0];
  if (file && body) headers["Content-Type"] = body.type || "application/octet-stream";
  return [query.size ? `${address}?${query}` : address, { method: method.toUpperCase(), headers, body }];
}

async function show(place, [address, options]) {
  place.replaceChildren(element("p", "", `${options.method} ${address}`));
  try {
    const answer = await fetch(address, options);
    const type = answer.headers.get("Content-Type") ?? "";
    place.append(element("p", answer.ok ? "" : "failed", `${t("docs-answer")}: ${answer.status} ${answer.statusText} ${type}`));
    if (type.startsWith("text/event-stream") || type.startsWith("multipart/x-mixed-replace")) return answer.body.cancel();
    const data = await answer.blob();
    const url = URL.createObjectURL(data);
    if (type.startsWith("image/")) place.append(Object.assign(element("img"), { src: url, alt: t("docs-answer") }));
    else if (/json|text|javascript/.test(type)) place.append(Object.assign(element("pre", "", pretty(await data.text(), type)), { tabIndex: 0 }));
    if (data.size) place.append(Object.assign(element("a", "plain", t("docs-download")), { href: url, download: address.split("?")[0].split("/").at(-1) }));
  } catch (error) {
    place.append(element("p", "failed", error.message));
  }
  return undefined;
}

function pretty(text, type) {
  return (type.includes("json") ? JSON.stringify(JSON.parse(text), null, 2) : text).slice(0, SHOWN);
}

function section(path, method, route) {
  const made = element("details", "route");
  const title = element("summary", "", element("code", "", element("b", "", method.toUpperCase()), path), element("span", "", route.summary ?? ""));
  const form = element("form");
  const body = route.requestBody?.content;
  form.append(...(route.parameters ?? []).map((each) => field(each.name, each.schema, each)), ...(body ? bodyFields(body) : []));
  form.append(element("div", "", element("button", "plain", t("docs-send"))));
  const answer = element("div", "answer");
  answer.setAttribute("role", "status");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(answer, request(path, method, route, form));
  });
  const answers = Object.entries(route.responses).flatMap(([status, { description, content = {} }]) => [
    element("dt", "", status), element("dd", "", [description, ...Object.keys(content)].filter(Boolean).join(" · ")),
  ]);
  const words = [title, ...(route.description ? [element("p", "", route.description)] : []), element("dl", "", ...answers), form, answer];
  // Thousands of fields are built when somebody opens them.
  made.append(title);
  made.addEventListener("toggle", () => made.children.length === 1 && made.append(...words.slice(1)), { once: true });
  return made;
}

schema = await (await fetch("/openapi.json")).json();
document.getElementById("title").textContent = `${schema.info.title} ${schema.info.version}`;
document.getElementById("about").textContent = schema.info.description ?? "";
for (const [path, methods] of Object.entries(schema.paths)) {
  for (const [method, route] of Object.entries(methods)) document.getElementById("routes").append(section(path, method, route));
}
