// Small manners of every staff page: menus that close, messages that leave, buttons that say they are busy.
(() => {
  "use strict";
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.pops[open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.pops")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest && event.target.closest("details.pops[open]");
    closeMenus();
    if (menu) menu.querySelector("summary").focus();
  });

  // Messages stay until closed; good news leaves by itself after 8 seconds unless someone is on it.
  const leave = (toast) => {
    if (toast.matches(":hover, :focus-within")) setTimeout(leave, 2000, toast);
    else toast.remove();
  };
  for (const toast of document.querySelectorAll(".toast")) {
    toast.addEventListener("click", (event) => {
      if (event.target.closest("[data-close]")) toast.remove();
    });
    if (toast.dataset.stays === undefined) setTimeout(leave, 8000, toast);
  }

  // A form sends once however often its button is pressed. The page comes back with a fresh one.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent !== undefined && form.method === "post") {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (form.method !== "post" || event.defaultPrevented) return;
    form.dataset.sent = "";
    const { person } = document.body.dataset; // who typed: the form comes back if the sign-in has lapsed
    if (person && !form.elements.person) {
      const mark = Object.assign(document.createElement("input"), { type: "hidden", name: "person", value: person });
      form.append(mark);
    }
    const button = event.submitter;
    if (button) button.setAttribute("aria-disabled", "true");
  });
  const again = (form) => {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
  };
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(again));

  // Typing and clicking in an open page are signs of a person, which its own questions are not.
  const STEP = 60 * 1000;
  let told = Date.now();
  const here = () => {
    if (Date.now() - told < STEP) return;
    told = Date.now();
    fetch("/here/", { redirect: "manual" }).catch(() => {});
  };
  for (const sign of ["keydown", "pointerdown"]) document.addEventListener(sign, here, { passive: true });

  // A poll that finds the sign-in lapsed does not take away what somebody has typed: the form is kept when it is sent.
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[method=post]");
    if (form) form.dataset.typed = "";
  });
  document.body.addEventListener("htmx:beforeOnLoad", (event) => {
    const { elt, xhr } = event.detail;
    const leaves = elt.dataset.live !== undefined && xhr.getResponseHeader("HX-Redirect");
    if (leaves && document.querySelector("form[data-typed]")) event.preventDefault();
  });

  // The connection went away while a person waited for an answer: say so, quietly for polls.
  const tell = (name) => {
    const dialog = document.querySelector("dialog[open]");
    const holder = (dialog && dialog.querySelector(".body")) || document.getElementById("toasts");
    const toast = document.getElementById(name).content.firstElementChild.cloneNode(true);
    toast.addEventListener("click", (event) => {
      if (event.target.closest("[data-close]")) toast.remove();
    });
    holder.append(toast);
  };
  const failed = (event, name) => {
    const { elt } = event.detail;
    if (elt.matches("form")) again(elt);
    if (elt.dataset.live === undefined) tell(name);
  };
  document.body.addEventListener("htmx:sendError", (event) => failed(event, "no-connection"));
  document.body.addEventListener("htmx:responseError", (event) => failed(event, "no-answer"));
})();
