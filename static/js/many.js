// Says how many invoices are ticked and what they ask for, and ticks all on the page at once.
(() => {
  "use strict";
  const boxes = [...document.querySelectorAll("[name=invoice][form=many]")];
  const all = document.querySelector("[data-tick-all]");
  const told = document.querySelector("[data-ticked]");
  const send = document.querySelector("[data-needs-tick]");
  if (!boxes.length || !told) return;
  const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

  const put = (words, count, sum) => words.replace("{count}", count).replace("{sum}", () => sum);
  const tell = () => {
    const ticked = boxes.filter((box) => box.checked);
    const cents = ticked.reduce((sum, box) => sum + Math.round(Number(box.dataset.amount) * 100), 0);
    told.textContent = ticked.length ? put(told.dataset.some, ticked.length, dollars.format(cents / 100)) : told.dataset.none;
    send.disabled = !ticked.length;
    all.checked = ticked.length === boxes.length;
    all.indeterminate = ticked.length > 0 && !all.checked;
  };

  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  for (const box of boxes) box.addEventListener("change", tell);
  addEventListener("pageshow", tell); // going back keeps the ticks
  tell();
})();
