// Keeps the newest text of an open conversation in view, unless a person has scrolled back.
(() => {
  "use strict";
  const chat = () => document.getElementById("chat");
  let atEnd = true;
  const look = () => {
    const box = chat();
    atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  };
  const show = () => {
    const box = chat();
    if (box && atEnd) box.scrollTop = box.scrollHeight;
    box?.addEventListener("scroll", look, { passive: true });
  };
  document.body.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id === "live-thread" || chat()) show();
  });
  show();
})();
