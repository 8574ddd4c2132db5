// What scripting adds to pages that work without it: results while somebody types, and a count of what is ticked.
"use strict";

const PAUSE_MS = 180;

function searchWhileTyping() {
  const field = document.getElementById("q");
  const results = document.getElementById("results");
  const told = document.getElementById("told");
  if (!field || !results || !told) return;
  const before = results.innerHTML;
  let asked = field.value.trim();
  let timer = 0;
  let underWay = new AbortController();

  async function show(wanted) {
    underWay.abort();
    underWay = new AbortController();
    if (!wanted) {
      results.innerHTML = before;
      told.textContent = "";
      countPicked();
      return;
    }
    const address = `${results.dataset.from}?${new URLSearchParams({ q: wanted })}`;
    try {
      const answer = await fetch(address, { signal: underWay.signal, credentials: "same-origin" });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      results.innerHTML = await answer.text();
      told.textContent = results.firstElementChild?.dataset.told ?? "";
      countPicked();
    } catch (error) {
      if (error.name !== "AbortError") told.textContent = "The search did not work. Please try again.";
    }
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const wanted = field.value.trim();
      if (wanted === asked) return;
      asked = wanted;
      show(wanted);
    }, PAUSE_MS);
  });
}

function countPicked() {
  const bar = document.getElementById("selection");
  if (!bar) return;
  const count = document.querySelectorAll("input.pick:checked").length;
  bar.querySelector("#picked").textContent =
    count === 0 ? "Tick memories to forget several at once." : count === 1 ? "1 memory is ticked." : `${count} memories are ticked.`;
  bar.querySelector("button").disabled = count === 0;
  bar.classList.toggle("afloat", count > 0);
}

function openCorrection(event) {
  const opened = event.target;
  if (!(opened instanceof HTMLDetailsElement) || !opened.open || !opened.classList.contains("correct")) return;
  const field = opened.querySelector("textarea");
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

function closeOnEscape(event) {
  if (event.key !== "Escape") return;
  const opened = event.target.closest?.("details.correct[open]");
  if (!opened) return;
  opened.open = false;
  opened.querySelector("summary").focus();
}

document.addEventListener("change", countPicked);
document.addEventListener("toggle", openCorrection, true);
document.addEventListener("keydown", closeOnEscape);
searchWhileTyping();
countPicked();
