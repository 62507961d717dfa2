"use strict";
// Copy buttons, times in the reader's zone, and metadata files dropped into their field. Everything works without it.
(() => {
  const zone = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"});

  const localise = (root) => {
    for (const element of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      element.title = `${element.dateTime} (UTC)`;
      element.textContent = zone.format(moment);
      element.dataset.local = "";
    }
  };

  const copy = async (button) => {
    const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text.trim());
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById(button.dataset.copy));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = before; }, 1600);
  };

  const take = (zoneElement, file) => {
    const field = document.getElementById(zoneElement.dataset.drop);
    const said = zoneElement.querySelector("[data-said]");
    if (!file) return;
    if (file.size > Number(zoneElement.dataset.most)) {
      said.textContent = `${file.name} is too large.`;
      return;
    }
    const reader = new FileReader();
    reader.onload = () => { field.value = reader.result; said.textContent = `${file.name} is in the field.`; };
    if (zoneElement.dataset.as === "url") reader.readAsDataURL(file); else reader.readAsText(file);
  };

  const prepare = (root) => {
    localise(root);
    for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = false;
    for (const place of root.querySelectorAll("[data-drop]")) place.hidden = false;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("change", (event) => {
    const place = event.target.closest("[data-drop]");
    if (place && event.target.files) take(place, event.target.files[0]);
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const place = event.target.closest?.("[data-drop]");
      if (!place) return;
      event.preventDefault();
      place.classList.toggle("over", name === "dragover");
      if (name === "drop") take(place, event.dataTransfer.files[0]);
    });
  }
  // Whoever reads an opened entry of a live list is not interrupted.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const list = event.detail.elt;
    if (list.matches("[data-still-while-open]") && list.querySelector("details[open]")) event.preventDefault();
  });
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
  document.addEventListener("submit", (event) => {
    // A second click while the first is under way would do things twice.
    if (event.target.target === "_blank" || event.target.method === "get") return;
    const button = event.submitter;
    if (button) setTimeout(() => { button.disabled = true; button.setAttribute("aria-busy", "true"); }, 0);
  });
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[aria-busy]")) {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    }
  });
  if (matchMedia("(min-width: 62rem)").matches) {
    for (const menu of document.querySelectorAll("body.work > header details")) menu.open = true;
  }
  prepare(document);
})();
