const $ = id => document.getElementById(id);
const form = $("form");

// What the server answers, in words, and the field it is about; "" is the form as a whole.
const SAYS = {
  invalid_code: ["code", "This code is unknown or used up."],
  missing_code: ["code", "Enter your code."],
  unavailable: ["", "This is not possible right now. Try again in a minute."],
  create_failed: ["", "The server did not open a room. Try again in a minute, or tell whoever gave you the code."],
  internal: ["", "Something went wrong here. Try again in a minute."],
  limited: ["", "The server has too much to do right now. Try again in a minute."],
  redirected: ["", "Signing up does not work here right now. Tell whoever gave you the code."],
  unknown_outcome: ["", "The server did not answer in time. Press the button again, with the same name and password."],
};
// What can be said before asking: field → value → problem or nothing.
const CHECKS = { code: value => value.trim() ? "" : "Enter your code." };

function complain(name, text) {
  const field = name && form.elements[name], place = $(name ? name + "-problem" : "problem");
  place.textContent = text;
  place.hidden = !text;
  if (field && text) field.setAttribute("aria-invalid", "true");
  else if (field) field.removeAttribute("aria-invalid");
}

// Says every problem and takes the reader to the first one. Nothing that was typed is changed.
function refuse(problems) {
  for (const [name, text] of problems) complain(name, text);
  const first = problems.find(([name]) => name);
  if (first) form.elements[first[0]].focus();
}

function problemOf(reply, answer) {
  if (reply.status === 429) {
    const seconds = Number(reply.headers.get("retry-after")) || 60;
    return ["", `Too many tries. Wait ${seconds} second${seconds === 1 ? "" : "s"}.`];
  }
  const known = SAYS[answer.error];
  const word = answer.detail || answer.error || `the server answered ${reply.status}`;
  return known || ["", `That did not work: ${word}`];
}

// Sends the form as JSON, and never as a part of an address.
async function ask(path, values) {
  let reply;
  try {
    reply = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(values) });
  } catch {
    return { problem: ["", "The server cannot be reached. Try again."] };
  }
  const answer = await reply.json().catch(() => ({}));
  return reply.ok ? { answer } : { problem: problemOf(reply, answer) };
}

// The form is done with: what was typed goes, what came of it is shown.
function finish() {
  form.reset();
  for (const id of ["form", "lead", "other"]) $(id).hidden = true;
  $("done").hidden = false;
}

// A button beside what one has to carry to another program.
for (const button of document.querySelectorAll(".copy")) {
  // Without a secure connection there is no clipboard.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const text = $(button.dataset.of).textContent;
    button.textContent = await navigator.clipboard.writeText(text).then(() => "Copied", () => "Not copied");
  });
}

function serve(path, values, busy, done) {
  const button = form.querySelector(".action"), label = button.textContent;
  form.elements.code.value = new URLSearchParams(location.search).get("code") || "";
  form.addEventListener("input", event => event.target.name && complain(event.target.name, ""));
  form.addEventListener("submit", async event => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    complain("", "");
    const found = Object.entries(CHECKS).map(([name, check]) => [name, check(form.elements[name].value)]).filter(([, text]) => text);
    if (found.length) return refuse(found);
    form.ariaBusy = "true";
    button.textContent = busy;
    const { answer, problem } = await ask(path, values());
    form.ariaBusy = "false";
    button.textContent = label;
    if (problem) return refuse([problem]);
    finish();
    done(answer);
  });
}
