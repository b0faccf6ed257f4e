const USERNAME = "A user name has 1 to 32 letters, digits and . _ = -";
const PASSWORD = "The password needs at least 12 characters.";
Object.assign(SAYS, {
  bad_username: ["username", USERNAME],
  m_invalid_username: ["username", USERNAME],
  m_user_in_use: ["username", "This user name is taken: choose another one."],
  m_exclusive: ["username", "This user name is kept for something else. Choose another one."],
  password_too_short: ["password", PASSWORD],
  m_weak_password: ["password", "The server finds this password too weak. Choose another one."],
  signup_disabled: ["", "Signing up is switched off here."],
});
Object.assign(CHECKS, {
  username: value => /^[a-z0-9._=-]{1,32}$/i.test(value.trim()) ? "" : USERNAME,
  password: value => [...value].length < 12 ? PASSWORD : "",
});

function show(visible) {
  form.elements.password.type = visible ? "text" : "password";
  $("peek").ariaPressed = String(visible);
  $("peek").textContent = visible ? "Hide" : "Show";
}
$("peek").addEventListener("click", () => show(form.elements.password.type === "password"));

// User names have no capitals: what is typed large is made small, where it stands.
form.elements.username.addEventListener("input", ({ target }) => {
  const at = target.selectionStart;
  target.value = target.value.toLowerCase();
  target.setSelectionRange(at, at);
});

function values() {
  // A password in clear sight is not offered to a password manager, and is seen by who looks over the shoulder.
  show(false);
  const all = Object.fromEntries(new FormData(form));
  if (!all.display_name.trim()) delete all.display_name;
  return all;
}

serve("/signup/api", values, "Making the account…", answer => {
  $("welcome").textContent = `Welcome, ${answer.user_id.slice(1).split(":")[0]}. Your account is made.`;
  for (const id of ["user_id", "homeserver"]) $(id).textContent = answer[id];
  $("space").href = answer.space_url;
  $("outside").hidden = answer.steps.space_joined;
  $("done-title").focus();
});
