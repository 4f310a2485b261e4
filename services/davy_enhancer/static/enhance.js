// Enhance an image that is dropped, chosen or pasted, and show it beside the raw one.

import { t } from "/web/words.js"

const $ = id => document.getElementById(id)
let file = null, newest = 0, timer = 0, rawUrl = "", enhancedUrl = ""

function show(status, error = "") { $("status").textContent = status; $("error").textContent = error }

function take(chosen) {
  if (!chosen) return
  file = chosen
  URL.revokeObjectURL(rawUrl)
  rawUrl = URL.createObjectURL(file)
  $("enhanced").removeAttribute("src")
  $("raw").src = rawUrl
  enhance()
}

async function enhance() {
  if (!file) return
  const request = ++newest
  document.body.classList.add("busy")
  show(t("enhance-busy"))
  try {
    const format = $("format").value
    const answer = await fetch(`/v1/enhance?strength=${$("strength").value / 100}&quality=92`, {
      method: "POST", body: file, headers: {"Content-Type": file.type || "application/octet-stream", Accept: format || "*/*"}
    })
    if (!answer.ok) throw new Error((await answer.json()).detail)
    const image = await answer.blob()
    if (request !== newest) return  // a newer request replaces this one
    URL.revokeObjectURL(enhancedUrl)
    enhancedUrl = URL.createObjectURL(image)
    $("enhanced").src = enhancedUrl
    await $("enhanced").decode()
    $("view").hidden = false
    $("drop").hidden = true
    const kind = image.type.split("/")[1]
    $("save").href = enhancedUrl
    $("save").download = file.name.replace(/\.\w+$/, "") + "-enhanced." + (kind === "jpeg" ? "jpg" : kind)
    $("save").hidden = false
    const timing = (answer.headers.get("server-timing") || "").replaceAll(";dur=", " ")
    show(t("enhance-figures", {
      file: file.name, width: String($("enhanced").naturalWidth), height: String($("enhanced").naturalHeight), kind: kind.toUpperCase(),
      size: String(Math.round(image.size / 1000)), model: answer.headers.get("davy-model"), time: answer.headers.get("davy-elapsed-ms"), steps: timing,
    }))
  } catch (error) {
    if (request !== newest) return
    $("view").hidden = true
    $("drop").hidden = false
    $("save").hidden = true
    show("", `${file.name}: ${error.message}`)
  } finally {
    if (request === newest) document.body.classList.remove("busy")
  }
}

function divide(percent) {
  const at = Math.min(100, Math.max(0, percent))
  $("view").style.setProperty("--at", at + "%")
  $("view").setAttribute("aria-valuenow", Math.round(at))
}

const follow = event => {
  const box = $("view").getBoundingClientRect()
  divide(100 * (event.clientX - box.left) / box.width)
}
$("view").addEventListener("pointerdown", event => { $("view").setPointerCapture(event.pointerId); follow(event) })
$("view").addEventListener("pointermove", event => { if (event.buttons) follow(event) })
$("view").addEventListener("keydown", event => {
  const step = {ArrowLeft: -2, ArrowRight: 2}[event.key]
  if (step) divide(Number($("view").getAttribute("aria-valuenow")) + step)
})
$("strength").addEventListener("input", () => {
  $("shown").value = ($("strength").value / 100).toFixed(2)
  clearTimeout(timer)
  timer = setTimeout(enhance, 120)
})
$("format").addEventListener("change", enhance)
for (const id of ["choose", "drop"]) $(id).addEventListener("click", () => $("file").click())
$("file").addEventListener("change", () => { take($("file").files[0]); $("file").value = "" })
for (const name of ["dragenter", "dragover"]) addEventListener(name, event => { event.preventDefault(); document.body.classList.add("over") })
for (const name of ["dragleave", "drop"]) addEventListener(name, event => { event.preventDefault(); document.body.classList.remove("over") })
addEventListener("drop", event => take(event.dataTransfer.files[0]))
addEventListener("paste", event => take(event.clipboardData.files[0]))
