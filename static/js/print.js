// The Print button of a letter: there only for those whose browser can press it.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
    button.focus();
  }
})();
