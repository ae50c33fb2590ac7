// The Pay Now page: takes the token from the hosted frame and keeps sentence, box and button honest.
"use strict";
(function () {
  const form = document.getElementById("form");
  if (!form) return;
  const field = (name) => form.elements.namedItem(name);
  const byId = (id) => document.getElementById(id);
  const token = field("token");
  const expiry = field("expiry");
  const agree = byId("agree");
  const button = form.querySelector("button[type=submit]");
  const name = byId("name");
  const origin = form.dataset.origin;
  const TOKEN = /^9[0-9A-Za-z]{15}$/;
  // The security code travels with the token for two minutes; then the card must be typed again.
  const LIFE = 110 * 1000;
  const PATIENCE = 1500;
  // The server is done with a charge after 40 seconds. Later than that its answer is lost.
  const LATE = 50 * 1000;
  const LOST = 60 * 1000;
  // Every sentence, the brands and what may be paid come from payments/checkout/page_data.py.
  const DATA = JSON.parse(byId("pay-data").textContent);
  const WORDS = DATA.words;
  const TYPED = new RegExp(DATA.amount.shape);
  const BRANDS = DATA.brands.map(([brandName, start]) => [brandName, new RegExp("^(?:" + start + ")")]);
  // Only with a merchant account that adds a surcharge: what it adds, "" until it is known.
  const fee = field("fee");
  const choice = byId("choice");
  const other = byId("other");
  let ticked = "";
  let lapse = 0;
  let warning = 0;

  const method = () => field("method").value || form.querySelector("[name=method]:checked").value;
  const frame = () => form.querySelector('[data-frame="' + method() + '"]');

  function show(id, words) {
    const place = byId(id);
    place.querySelector("[data-words]").textContent = words;
    place.hidden = !words;
  }

  function say(words) {
    byId("said").textContent = words;
  }

  // "{name} is entered" with the values put in.
  function put(words, values) {
    return words.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  }

  function brand(value) {
    const start = value.slice(1, 3);
    const known = BRANDS.find((pair) => pair[1].test(start));
    return known ? known[0] : "";
  }

  function accountWords() {
    const words = DATA.account[method()];
    if (!token.value) return words.missing;
    return put(words.known, { brand: brand(token.value), last: token.value.slice(-4) }).trim();
  }

  function part(which, words) {
    for (const place of form.querySelectorAll('[data-part="' + which + '"]')) place.textContent = words;
  }

  // Money is counted in whole cents.
  function cents(typed) {
    const found = TYPED.exec(typed.trim());
    return found ? Number(found[1].replace(/,/g, "") + ((found[2] || "") + "00").slice(0, 2)) : null;
  }

  function plain(amount) {
    return Math.floor(amount / 100) + "." + String(amount % 100).padStart(2, "0");
  }

  function money(amount) {
    return "$" + plain(amount).replace(/\B(?=(\d{3})+\.)/g, ",");
  }

  function inPart() {
    return Boolean(choice) && choice.querySelector("[value=other]").checked;
  }

  function amountProblem() {
    if (!inPart()) return "";
    const rule = DATA.amount;
    const amount = cents(other.value);
    if (amount === null) return rule.unreadable;
    if (amount > rule.due) return rule.tooMuch;
    return amount < rule.least ? rule.tooLittle : "";
  }

  function fill(places, words) {
    for (const place of document.querySelectorAll(places)) place.textContent = words;
  }

  const surcharged = () => Boolean(fee) && method() === "card";

  // What the payer agrees to, in cents: null until the amount, and its surcharge, are known.
  function total() {
    const amount = cents(field("amount").value);
    if (amount === null || !surcharged()) return amount;
    return fee.value ? amount + cents(fee.value) : null;
  }

  // Writes the chosen amount into the form, and what is left of the bill.
  function price() {
    const due = DATA.amount.due;
    const amount = amountProblem() ? null : inPart() ? cents(other.value) : due;
    const value = amount === null ? "" : plain(amount);
    choice.querySelector("[data-other]").hidden = !inPart();
    if (amount !== null) show("other-error", "");
    if (field("amount").value !== value) {
      field("amount").value = value;
      untick(WORDS.newAmount);
    }
    choice.querySelector("[data-left]").hidden = amount === null || amount === due;
    choice.querySelector("[data-rest]").textContent = amount === null ? "" : money(due - amount);
    refresh();
  }

  // Sentence, lines and button say one total.
  function write() {
    const amount = cents(field("amount").value);
    const sum = total();
    const unknown = amount === null ? WORDS.amountToCome : WORDS.totalToCome;
    const added = sum === null ? 0 : sum - amount;
    part("amount", sum === null ? unknown : money(sum) + " " + form.dataset.currency);
    part("surcharge", added ? put(WORDS.withSurcharge, { fee: money(added) }) : "");
    fill("[data-pay]", sum === null ? "" : money(sum));
    fill("[data-amount]", amount === null ? "" : money(amount));
    fill("[data-total]", sum === null ? "–" : money(sum));
  }

  function refresh() {
    if (fee) form.dispatchEvent(new Event("priced"));
    write();
    form.querySelectorAll('[data-sentence="' + method() + '"] [data-part="account"]')
      .forEach((place) => { place.textContent = accountWords(); });
    part("name", (name && name.value.trim().replace(/\s+/g, " ")) || WORDS.nameToCome);
    const kind = form.querySelector("[name=account]:checked");
    if (kind) part("kind", DATA.account.kinds[kind.value]);
    button.setAttribute("aria-disabled", String(missing().length > 0));
  }

  function missing() {
    const found = [];
    if (amountProblem()) found.push(["other", amountProblem()]);
    if (method() === "ach" && name && !name.value.trim()) found.push(["name", WORDS.name]);
    if (!token.value) found.push(["frame", WORDS[method()]]);
    if (surcharged() && !/^\d{5}$/.test(byId("postal").value)) found.push(["postal", WORDS.postal]);
    else if (surcharged() && token.value && !fee.value) found.push(["total", WORDS.total]);
    if (!agree.checked) found.push(["agree", WORDS.agree]);
    return found;
  }

  function untick(words) {
    if (!agree.checked) return;
    agree.checked = false;
    show("agree-error", words);
  }

  function take(value, until) {
    clearTimeout(lapse);
    clearTimeout(warning);
    token.value = value;
    expiry.value = until;
    if (!value) return refresh();
    show("frame-error", "");
    if (ticked && ticked !== value) untick(WORDS.changed);
    if (agree.checked) ticked = value;
    if (method() === "card") lapse = setTimeout(lapsed, LIFE);
    refresh();
    say(put(DATA.account[method()].entered, { account: accountWords() }));
  }

  function lapsed() {
    take("", "");
    frame().src = frame().src;
    show("frame-error", WORDS.lapsed);
  }

  function read(data) {
    let told;
    try { told = typeof data === "string" ? JSON.parse(data) : data; } catch { return null; }
    return told && typeof told === "object" ? told : null;
  }

  // Only CardPointe's own frame on this page may speak, and only in its own words.
  window.addEventListener("message", (event) => {
    if (event.origin !== origin || event.source !== frame().contentWindow) return;
    const told = read(event.data);
    if (!told || locked) return;
    if (told.cardTyping === true) return warn("");
    if (typeof told.message !== "string") return;
    const until = /^\d{4,6}$/.test(String(told.expiry || "")) ? String(told.expiry) : "";
    if (TOKEN.test(told.message)) return take(told.message, until);
    if (told.message !== "") return;
    take("", "");
    if (typeof told.validationError === "string" && told.validationError) warn(problem(told.validationError));
  });

  // The frame calls a number wrong as soon as its payer looks up from the keys. While they are
  // still in the frame, wait: they may be reading the other half off the card. Typing on ends it.
  function warn(words) {
    clearTimeout(warning);
    const wait = words && document.activeElement === frame() ? PATIENCE : 0;
    warning = setTimeout(show, wait, "frame-error", words);
  }

  function problem(text) {
    if (/unavailable|tim(e|ed)[ -]?out/i.test(text)) return WORDS.silent;
    if (/cvv|security/i.test(text)) return WORDS.wrongCode;
    if (/expir|date|month|year/i.test(text)) return WORDS.wrongDate;
    return method() === "ach" ? WORDS.wrongBank : WORDS.wrongCard;
  }

  function choose() {
    take("", "");
    ticked = "";
    agree.checked = false;
    show("frame-error", "");
    show("agree-error", "");
    const chosen = method();
    for (const place of form.querySelectorAll("[data-way]")) place.hidden = place.dataset.way !== chosen;
    for (const place of form.querySelectorAll("[data-sentence]")) place.hidden = place.dataset.sentence !== chosen;
    for (const place of form.querySelectorAll("[data-safe]")) place.hidden = place.dataset.safe !== chosen;
    for (const place of form.querySelectorAll("[data-frame]")) {
      const mine = place.dataset.frame === chosen;
      place.hidden = !mine;
      if (mine) place.id = "frame"; else place.removeAttribute("id");
      // A frame that was left is emptied, so that no half-typed number waits in it.
      if (!mine && place.src) { place.dataset.src = place.src; place.removeAttribute("src"); }
      if (mine && place.dataset.src) { place.src = place.dataset.src; delete place.dataset.src; }
    }
    refresh();
  }

  let locked = false;
  form.addEventListener("submit", (event) => {
    const found = missing();
    if (locked || found.length) event.preventDefault();
    if (locked) return;
    if (found.length) return fix(found);
    locked = true;
    clearTimeout(lapse);
    byId("pay").hidden = true;
    byId("paying").hidden = false;
    document.title = document.title.replace(/^[^–]*–/, WORDS.paying + " –");
    byId("paying").querySelector("[role=status]").focus();
    window.scrollTo(0, 0);
    setTimeout(late, LATE);
    setTimeout(ask, LOST);
  });

  function late() {
    for (const words of byId("paying").querySelectorAll("[data-wait]")) words.hidden = words.dataset.wait !== "late";
  }

  // The link's own page says where the payment stands: in checking, paid, or this form again.
  function ask() {
    location.replace(form.action);
  }

  function fix(found) {
    const note = byId("fixes");
    const list = note.querySelector("[data-list]");
    list.replaceChildren();
    for (const pair of found) {
      const link = document.createElement("a");
      link.href = "#" + pair[0];
      link.textContent = pair[1];
      list.append(link, document.createElement("br"));
      const place = byId(pair[0] + "-error");
      if (place && place.hidden) show(pair[0] + "-error", pair[1] + ".");
    }
    note.querySelector("h2").textContent = DATA.toFix[found.length];
    note.hidden = false;
    note.focus();
    note.scrollIntoView({ block: "start" });
  }

  if (choice) {
    choice.querySelector("[data-use]").hidden = true;
    choice.addEventListener("submit", (event) => event.preventDefault());
    other.addEventListener("input", price);
    other.addEventListener("change", () => show("other-error", amountProblem()));
    for (const radio of choice.querySelectorAll("[name=pay]")) {
      radio.addEventListener("change", () => {
        price();
        if (inPart()) other.focus();
        else show("other-error", "");
      });
    }
  }

  // A link to the frame puts the keyboard into it.
  document.addEventListener("click", (event) => {
    if (event.target.closest('a[href="#frame"]')) frame().focus();
  });
  agree.addEventListener("change", () => {
    if (surcharged() && total() === null) untick(WORDS.early);
    ticked = agree.checked ? token.value : "";
    if (agree.checked) show("agree-error", "");
    refresh();
  });
  // From js/pay_fee.js: the surcharge is known, or has to be asked for again.
  form.addEventListener("fee", () => {
    if (!fee.value) untick(WORDS.newTotal);
    refresh();
  });
  for (const radio of form.querySelectorAll("[name=method]")) radio.addEventListener("change", choose);
  for (const radio of form.querySelectorAll("[name=account]")) {
    radio.addEventListener("change", () => { untick(WORDS.changed); refresh(); });
  }
  if (name) {
    name.addEventListener("input", () => {
      untick(WORDS.newName);
      if (name.value.trim()) show("name-error", "");
      refresh();
    });
  }
  // Coming back with the browser's Back button: ask the server where things stand.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  if (choice) price();
  refresh();
})();
