// Opens a page's form as a dialog: a link with data-dialog and hx-get loads it into #dialog.
// Without script the same link opens the same form as a page.
(() => {
  "use strict";
  const dialog = document.getElementById("dialog");
  if (!dialog) return;
  const label = dialog.getAttribute("aria-label");
  let opener = "";

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-dialog]");
    if (link) {
      const menu = link.closest("details");
      opener = (menu && menu.id) || link.id; // a link in a menu is gone when the menu closes
      if (menu) menu.open = false;
    }
    if (event.target.closest("#dialog [data-close]") || event.target === dialog) {
      event.preventDefault();
      dialog.close();
    }
  });

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== dialog) return;
    const title = dialog.querySelector("h2");
    if (title) {
      title.tabIndex = -1;
      title.id = title.id || "dialog-title";
      dialog.setAttribute("aria-labelledby", title.id);
      dialog.removeAttribute("aria-label");
    }
    if (!dialog.open) dialog.showModal();
    const wrong = dialog.querySelector("[aria-invalid=true]");
    (wrong || title || dialog).focus();
  });

  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    dialog.setAttribute("aria-label", label);
    dialog.removeAttribute("aria-labelledby");
    const back = opener && document.getElementById(opener);
    if (back) (back.matches("details") ? back.querySelector("summary") : back).focus();
  });
})();
