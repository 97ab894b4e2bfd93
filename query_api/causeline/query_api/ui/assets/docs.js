// Sends what the form of a call says, and shows the answer as text. Without it the form shows the line of a shell.
const form = document.querySelector("form[data-method]");
const place = document.querySelector("[data-answer]");
const most = 200_000; // letters of an answer that are shown
let running = null;

const call = () => {
  const { method, path, media } = form.dataset;
  const headers = new Headers(), query = new URLSearchParams();
  let address = path, body;
  for (const [field, text] of new FormData(form)) {
    const [where, name] = [field.slice(0, field.indexOf(".")), field.slice(field.indexOf(".") + 1)];
    if (field === "body") body = text;
    else if (where === "path") address = address.replace(`{${name}}`, encodeURIComponent(text));
    else if (text && where === "query") query.append(name, text);
    else if (text && where === "header") headers.set(name, text);
  }
  if (media) headers.set("Content-Type", media);
  const token = form.querySelector("[data-token]").value;
  if (token) headers.set("Authorization", `Bearer ${token}`);
  return [query.size ? `${address}?${query}` : address, { method, headers, body }];
};

const show = (status, body) => {
  place.hidden = false;
  place.querySelector("[data-status]").textContent = status;
  place.querySelector("[data-body]").textContent = body.length > most ? `${body.slice(0, most)}…` : body;
};

const pretty = text => {
  try { return JSON.stringify(JSON.parse(text), null, 2) } catch { return text }
};

const send = async () => {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  try {
    const [address, request] = call();
    const answer = await fetch(address, { ...request, signal });
    if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) return show(`${answer.status} ${answer.statusText}`, pretty(await answer.text()));
    let text = ""; // has no end: it is shown as it comes, until the next call
    for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); text.length < most;) {
      const { value, done } = await reader.read();
      if (done) break;
      show(`${answer.status}, a stream`, text += value);
    }
    running.abort();
  } catch (error) {
    if (error.name !== "AbortError") show("Not sent", String(error));
  }
};

form.querySelector("[data-sending]").hidden = false;
form.querySelector("[data-send]").addEventListener("click", send);
