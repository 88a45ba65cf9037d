"use strict";
(() => {
  const words = document.body.dataset;
  const said = document.getElementById("said");
  const say = (text) => { said.textContent = ""; setTimeout(() => { said.textContent = text; }, 50); };
  const select = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  const copy = async (node) => {
    try {
      await navigator.clipboard.writeText(node.textContent);
      say(words.copied);
    } catch {
      select(node);
      say(document.execCommand("copy") ? words.copied : words.failed);
    }
  };
  for (const box of document.querySelectorAll(".copyable")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = words.copy;
    button.addEventListener("click", () => copy(box.querySelector("code")));
    box.prepend(button);
  }
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();
  addEventListener("beforeprint", () => { for (const drawer of document.querySelectorAll("details")) drawer.open = true; });
  const filters = document.querySelector(".filters");
  if (filters) {
    const counter = document.createElement("p");
    counter.className = "more";
    filters.append(counter);
    const all = document.querySelectorAll(".finding");
    const count = () => {
      const shown = [...all].filter((finding) => getComputedStyle(finding).display !== "none").length;
      counter.textContent = `${words.shown} ${shown} / ${all.length}`;
    };
    filters.addEventListener("change", count);
    count();
  }
})();
