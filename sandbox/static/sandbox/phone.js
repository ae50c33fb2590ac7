// Keeps the phone fresh: asks every second and a half, redraws only when something arrived.
"use strict";
(function () {
  const handset = document.getElementById("handset");
  const chat = document.getElementById("chat");
  const select = document.getElementById("number");
  const answer = document.getElementById("answer");
  const words = document.getElementById("words");
  const pinned = new URLSearchParams(location.search).has("phone");
  let busy = false;

  function toEnd() { chat.scrollTop = chat.scrollHeight; }

  function draw(now) {
    const nearEnd = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80;
    handset.dataset.version = now.version;
    chat.innerHTML = now.chat;
    if (document.activeElement !== select) select.innerHTML = now.options;
    if (nearEnd) toEnd();
  }

  async function refresh() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const query = new URLSearchParams({ version: handset.dataset.version });
      if (pinned) query.set("phone", handset.dataset.shown);
      if (pinned || words && words.value) { query.set("phone", handset.dataset.shown); query.set("with", handset.dataset.sender); }
      const response = await fetch("/phone/thread?" + query);
      if (response.status === 200) {
        const now = await response.json();
        // Another conversation is in front now: load it whole, unless somebody is typing.
        if (now.shown !== handset.dataset.shown || now.sender !== handset.dataset.sender) location.reload();
        else draw(now);
      }
    } catch {
      // The sandbox is away for a moment; the next turn asks again.
    } finally {
      busy = false;
    }
  }

  select.addEventListener("change", () => select.form.submit());
  if (answer) {
    answer.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!words.value.trim()) return;
      const form = new FormData(answer);
      words.value = "";
      await fetch(answer.action, { method: "POST", body: form });
      await refresh();
      toEnd();
    });
  }
  toEnd();
  setInterval(refresh, 1500);
})();
