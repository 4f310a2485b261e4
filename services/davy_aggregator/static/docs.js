// The routes of /openapi.json as a page without files from other hosts.

function element(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function pairs(rows) {
  const list = element("dl");
  for (const [name, text] of rows) list.append(element("dt", name), element("dd", text));
  return list;
}

function section(path, method, route) {
  const made = element("section");
  const title = element("h2");
  title.append(element("b", method.toUpperCase()), path);
  made.append(title, element("p", route.summary ?? ""));
  const parameters = (route.parameters ?? []).map(({ name, in: place, description = "", schema = {} }) => {
    const facts = [place, (schema.enum ?? []).join(" | "), description, schema.default === undefined ? "" : `default ${schema.default}`];
    return [name, facts.filter(Boolean).join(" · ")];
  });
  const answers = Object.entries(route.responses).map(([status, { description, content = {} }]) => [
    status,
    [description, ...Object.keys(content)].join(" · "),
  ]);
  made.append(pairs([...parameters, ...answers]));
  return made;
}

const schema = await (await fetch("/openapi.json")).json();
document.getElementById("title").textContent = `${schema.info.title} ${schema.info.version}`;
document.getElementById("about").textContent = schema.info.description;
for (const [path, methods] of Object.entries(schema.paths)) {
  for (const [method, route] of Object.entries(methods)) document.getElementById("routes").append(section(path, method, route));
}
