(() => {
  const all = (what, where = document) => [...where.querySelectorAll(what)];
  document.documentElement.classList.add("js");
  // What is inside a drill is parsed when it is looked at: a page of many drills opens at once.
  const unfold = (drill) => {
    const folded = drill.querySelector(":scope > noscript");
    if (!folded) return;
    const inside = document.createElement("div");
    inside.innerHTML = folded.textContent;
    folded.replaceWith(inside);
  };
  const drills = all("details.drill");
  document.addEventListener("toggle", (event) => { if (event.target.open) unfold(event.target); }, true);
  drills.filter((drill) => drill.open).forEach(unfold);
  const show = () => {
    const wanted = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!wanted || !wanted.matches("details")) return;
    wanted.hidden = false;
    wanted.open = true;
    unfold(wanted);
    wanted.scrollIntoView();
    wanted.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", show);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) show();
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = copy.previousElementSibling.textContent;
      const said = (word) => { copy.textContent = word; setTimeout(() => { copy.textContent = "Copy"; }, 2000); };
      const select = () => { getSelection().selectAllChildren(copy.previousElementSibling); said("Selected"); };
      if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => said("Copied"), select);
      else select();
    }
  });
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const boxes = all(".tools input[type=checkbox]");
  const rows = all(".matrix tbody tr");
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const fits = (one) => words.every((word) => one.dataset.text.includes(word)) &&
      one.dataset.verdicts.split(" ").some((verdict) => verdicts.has(verdict));
    let shown = 0;
    for (const drill of drills) { drill.hidden = !fits(drill); shown += !drill.hidden; }
    for (const row of rows) row.hidden = !fits(row);
    for (const part of all("section.part")) part.hidden = !part.querySelector("details.drill:not([hidden])");
    count.textContent = shown === drills.length ? `${shown} drills` : `${shown} of ${drills.length} drills`;
  };
  if (search) {
    search.addEventListener("input", filter);
    boxes.forEach((box) => box.addEventListener("change", filter));
  }
  const body = document.querySelector(".matrix tbody");
  all(".matrix thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      all(".matrix thead th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.children[column].dataset.key;
      const order = (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
      const sorted = [...rows].sort((a, b) => (down ? -1 : 1) * order(a, b));
      body.append(...sorted);
    });
  });
  show();
})();
