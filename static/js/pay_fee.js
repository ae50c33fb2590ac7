// A merchant account with a surcharge: asks our own server what it adds to this card, before the tick.
"use strict";
(function () {
  const form = document.getElementById("form");
  const field = (name) => form.elements.namedItem(name);
  const fee = field("fee");
  const postal = document.getElementById("postal");
  const place = document.getElementById("total");
  const find = (name) => place.querySelector("[data-" + name + "]");
  const about = find("about").textContent;
  const PAUSE = 400;
  const WORDS = JSON.parse(document.getElementById("pay-data").textContent).surcharge;
  // What the known surcharge, or the question under way, is about.
  let subject = "";
  let question = 0;
  let timer = 0;

  const money = (plain) => "$" + plain.replace(/\B(?=(\d{3})+\.)/g, ",");

  function wanted() {
    const card = form.querySelector("[name=method][value=card]").checked;
    const whole = card && field("token").value && /^\d{5}$/.test(postal.value) && field("amount").value;
    return whole ? [field("token").value, postal.value, field("amount").value].join(" ") : "";
  }

  function write(value, words, lines) {
    fee.value = value;
    find("surcharge").textContent = lines;
    find("about").textContent = words;
    form.dispatchEvent(new Event("fee"));
  }

  function problem(words) {
    document.querySelector("#total-error [data-words]").textContent = words;
    document.getElementById("total-error").hidden = !words;
    find("again").hidden = !words;
  }

  // Called whenever anything has changed; asks once for each card, ZIP code and amount.
  function look() {
    const now = wanted();
    if (now === subject) return;
    subject = now;
    question += 1;
    clearTimeout(timer);
    problem("");
    write("", about, now ? WORDS.asking : WORDS.notYet);
    if (now) timer = setTimeout(ask, PAUSE, question);
  }

  async function ask(number) {
    const body = new URLSearchParams();
    for (const name of ["csrfmiddlewaretoken", "token", "postal", "amount"]) body.set(name, field(name).value);
    let told;
    try {
      const answer = await fetch(form.dataset.fee, { method: "POST", body, cache: "no-store" });
      told = await answer.json();
      if (!answer.ok && !told.problem) throw new Error(String(answer.status));
    } catch {
      told = { problem: WORDS.silence };
    }
    if (number !== question) return;
    if (told.problem) {
      write("", about, WORDS.unknown);
      return problem(told.problem);
    }
    const none = Number(told.fee) === 0;
    write(told.fee, told.words || (none ? WORDS.none : about), money(told.fee));
    document.getElementById("said").textContent = WORDS.total.replace("{total}", () => money(told.total));
    return undefined;
  }

  form.addEventListener("priced", look);
  postal.addEventListener("input", () => {
    postal.value = postal.value.replace(/\D/g, "");
    look();
    if (postal.value.length === 5) document.getElementById("postal-error").hidden = true;
  });
  find("again").addEventListener("click", () => {
    subject = "";
    look();
  });
  look();
})();
