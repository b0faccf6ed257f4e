serve("/join/api", () => ({ code: form.elements.code.value }), "Opening the room…", answer => {
  for (const id of ["title", "keyword", "alias"]) $(id).textContent = answer[id];
  $("link").href = answer.url;
  $("link").focus();
});
