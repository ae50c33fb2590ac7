// Asks the server every second or two whether the open page is still true, and swaps only what changed.
// The server answers 204 when nothing did. What a person has opened or focused stays as it is.
(() => {
  "use strict";
  const root = document.querySelector("[data-live]");
  if (!root) return;
  let version = root.dataset.version;

  document.body.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt !== root) return;
    if (document.hidden) event.preventDefault();
    event.detail.parameters.v = version;
  });

  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const fresh = fragment.querySelector ? fragment.querySelector(`#${CSS.escape(target.id)}`) || fragment.firstElementChild : fragment;
    if (!fresh || !target.id.startsWith("live-")) return;
    if (fresh.dataset.v === target.dataset.v || target.querySelector("form :focus:not(button)")) {
      event.detail.shouldSwap = false; // the same, or somebody is typing in it: the next poll will do
      return;
    }
    for (const open of target.querySelectorAll("details[id][open]")) {
      const same = fresh.querySelector(`#${CSS.escape(open.id)}`);
      if (same) same.open = true;
    }
  });

  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== root || !event.detail.successful) return;
    if (event.detail.xhr.status === 204) {
      version = event.detail.xhr.getResponseHeader("X-Version") || version; // looked at once more
      return;
    }
    const all = [...document.querySelectorAll(".live")];
    const told = event.detail.xhr.getResponseHeader("X-Version");
    const answer = event.detail.xhr.responseText;
    // A region that was skipped while somebody typed is asked for again.
    if (told && all.every((region) => answer.includes(`data-v="${region.dataset.v}"`))) version = told;
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) window.htmx.trigger(root, "look");
  });
})();
