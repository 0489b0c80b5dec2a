"use strict";
(() => {
  const status = document.getElementById("status");

  const copy = async (source) => {
    const text = source.textContent;
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Pages of a file share and of plain HTTP have no clipboard; the selection is left for Ctrl-C where this fails as well.
      getSelection().selectAllChildren(source);
      return document.execCommand("copy");
    }
  };

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const words = (await copy(source)) ? "Copied" : "Selected: press Ctrl+C";
      status.textContent = words;
      button.textContent = words;
      setTimeout(() => {
        button.textContent = "Copy";
        status.textContent = "";
      }, 3000);
    });
  }

  const languages = [...document.querySelectorAll("button[data-language]")];
  const show = (language) => {
    for (const button of languages) {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    }
    for (const letters of document.querySelectorAll("[data-letters]")) {
      letters.hidden = letters.dataset.letters !== language;
    }
  };
  for (const button of languages) {
    button.parentElement.hidden = false;
    button.addEventListener("click", () => show(button.dataset.language));
  }
  if (languages.length > 0) {
    show(languages[0].dataset.language);
  }

  const download = document.getElementById("download");
  const json = document.getElementById("report").textContent;
  download.href = URL.createObjectURL(new Blob([json], { type: "application/json" }));
  download.hidden = false;
  document.getElementById("no-download").hidden = true;
})();
