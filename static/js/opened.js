// Tells once that a person looks at this page: a touch, a key, a scroll, or two seconds of reading.
"use strict";
(function () {
  const mark = document.getElementById("opening");
  if (!mark) return;
  const SIGNS = ["pointerdown", "touchstart", "keydown", "scroll"];
  const READING = 2000;
  let reading = 0;
  let told = false;

  function tell() {
    if (told || document.visibilityState !== "visible") return;
    told = true;
    clearTimeout(reading);
    for (const sign of SIGNS) removeEventListener(sign, tell);
    const body = new URLSearchParams({
      nonce: mark.dataset.nonce,
      csrfmiddlewaretoken: document.querySelector("[name=csrfmiddlewaretoken]").value,
    });
    fetch(mark.dataset.address, { method: "POST", body, keepalive: true }).catch(() => {});
  }

  function watch() {
    clearTimeout(reading);
    if (!told && document.visibilityState === "visible") reading = setTimeout(tell, READING);
  }

  for (const sign of SIGNS) addEventListener(sign, tell, { passive: true });
  document.addEventListener("visibilitychange", watch);
  watch();
})();
