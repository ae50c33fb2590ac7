// Counts the link's remaining time down, once a second. The server says when it has truly ended.
(() => {
  "use strict";
  const put = (words, values) => words.replace(/\{(\d)\}/g, (_, place) => values[place]);
  const two = (number) => String(number).padStart(2, "0");

  const show = (box) => {
    const left = Math.max(0, Math.floor((Date.parse(box.dataset.until) - Date.now()) / 1000));
    const values = [Math.floor(left / 86400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60, left % 60];
    const tiles = box.querySelectorAll(".timer b");
    values.forEach((value, i) => {
      const words = i ? two(value) : String(value);
      if (tiles[i] && tiles[i].textContent !== words) tiles[i].textContent = words;
    });
    const timer = box.querySelector(".timer");
    if (timer) timer.classList.toggle("soon", left < 86400);
    const spoken = box.querySelector(".vh");
    const words = left ? put(box.dataset.left, values) : box.dataset.over;
    if (spoken && spoken.textContent !== words) spoken.textContent = words;
    if (!left && timer) timer.replaceWith(Object.assign(document.createElement("strong"), { textContent: box.dataset.over }));
  };

  const tick = () => document.querySelectorAll("[data-until]").forEach(show);
  tick();
  setInterval(tick, 1000);
})();
