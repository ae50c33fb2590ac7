// The line items of an invoice: adds rows and shows the total while typing. The server counts again.
(() => {
  "use strict";
  const body = document.querySelector("[data-lines]");
  if (!body) return;
  const count = document.querySelector("[name$=-TOTAL_FORMS]");
  const add = document.querySelector("[data-add-line]");
  const blank = document.querySelector("template[data-line]");
  const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
  const cents = (input) => {
    const value = Number((input && input.value) || 0);
    return Number.isFinite(value) ? value : 0;
  };
  const round = (value) => Math.round((value + Number.EPSILON) * 100) / 100;

  const sum = () => {
    let total = 0;
    for (const row of body.querySelectorAll(".line")) {
      const gone = row.querySelector("[name$=-DELETE]");
      const amount = gone && gone.checked ? 0 : round(cents(row.querySelector("[name$=-quantity]")) * cents(row.querySelector("[name$=-unit_price]")));
      row.classList.toggle("gone", Boolean(gone && gone.checked));
      const cell = row.querySelector("[data-amount]");
      if (cell) cell.textContent = dollars.format(amount);
      total += amount;
    }
    total += cents(document.querySelector("[name=tax]"));
    for (const place of document.querySelectorAll("[data-total]")) place.textContent = dollars.format(total);
  };

  add.hidden = false;
  add.addEventListener("click", () => {
    const row = blank.content.firstElementChild.cloneNode(true);
    row.innerHTML = row.innerHTML.replaceAll("__prefix__", count.value);
    count.value = Number(count.value) + 1;
    body.append(row);
    row.querySelector("input").focus();
    sum();
  });
  document.addEventListener("input", sum);
  sum();
})();
