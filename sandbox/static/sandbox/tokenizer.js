// The hosted tokenizer: turns what is typed into a token and tells the page around it.
// Query parameters and message properties are those of the vendor's hosted iFrame guide.
"use strict";
(function () {
  const query = new URLSearchParams(location.search);
  const on = (name) => (query.get(name) || "").toLowerCase() === "true";
  const number = (name, fallback, most) => Math.min(parseInt(query.get(name), 10) || fallback, most);
  const field = (id) => document.getElementById(id);

  const card = field("ccnumfield");
  const month = field("ccexpirymonth") || field("ccexpiryfieldmonth");
  const year = field("ccexpiryyear") || field("ccexpiryfieldyear");
  const cvv = field("cccvvfield");
  const fields = [card, month, year, cvv].filter(Boolean);
  const wait = number("inactivityto", 500, 10000);
  const whenInactive = on("tokenizewheninactive");
  const own = { card: "1001", cvv: "1002", expiry: "1003" };
  let timer = 0;
  let done = false;
  let last = "";

  function tell(data) {
    window.parent.postMessage(JSON.stringify(data), "*");
  }

  function message(token, extra) {
    const data = { [query.get("tokenpropname") || "message"]: token };
    if (on("enhancedresponse")) {
      Object.assign(data, { token: token, errorCode: "0", errorMessage: "" });
    }
    return Object.assign(data, extra);
  }

  function reject(input, kind, code, text) {
    input.classList.add("error");
    input.setAttribute("aria-invalid", "true");
    const wanted = {
      card: cvv || month ? on("invalidcreditcardevent") : on("invalidinputevent"),
      cvv: on("invalidcvvevent"),
      expiry: on("invalidexpiryevent"),
    };
    if (wanted[kind]) {
      const extra = { validationError: text };
      if (on("enhancedresponse")) Object.assign(extra, { errorCode: code, errorMessage: text });
      tell(message("", extra));
    }
  }

  function accept(input) {
    input.classList.remove("error");
    input.removeAttribute("aria-invalid");
  }

  function luhn(digits) {
    let sum = 0;
    for (let i = 0; i < digits.length; i += 1) {
      let digit = Number(digits[digits.length - 1 - i]);
      if (i % 2) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
      sum += digit;
    }
    return sum % 10 === 0;
  }

  function account() {
    return card.value.replace(/[\s-]/g, "");
  }

  function cardFine() {
    const value = account();
    if (/^\d{2,9}\/\d{4,17}$/.test(value) && !month && !cvv) return true;
    return /^\d{12,19}$/.test(value) && luhn(value);
  }

  function expiry() {
    if (!month) return "";
    const mm = month.value.padStart(2, "0");
    const yyyy = year.value.length === 2 ? "20" + year.value : year.value;
    return /^(0[1-9]|1[0-2])$/.test(mm) && /^20\d\d$/.test(yyyy) ? yyyy + mm : "";
  }

  function expiryPassed() {
    const now = new Date();
    return Number(expiry()) < now.getFullYear() * 100 + now.getMonth() + 1;
  }

  // A field that is still empty is not wrong yet; it only holds the token back.
  function check() {
    let fine = true;
    if (!card.value) fine = false;
    else if (!cardFine()) { reject(card, "card", own.card, "Invalid card number"); fine = false; }
    else accept(card);
    if (month && !(month.value && year.value)) fine = false;
    else if (month && (!expiry() || expiryPassed())) { reject(year, "expiry", own.expiry, "Invalid expiration date"); fine = false; }
    else if (month) accept(year);
    if (cvv && !cvv.value) fine = false;
    else if (cvv && !/^\d{3,4}$/.test(cvv.value)) { reject(cvv, "cvv", own.cvv, "Invalid CVV"); fine = false; }
    else if (cvv) accept(cvv);
    return fine;
  }

  async function tokenize() {
    clearTimeout(timer);
    const state = fields.map((input) => input.value).join("|");
    if (done || state === last) return;
    last = state;
    if (!check()) return;
    const body = { account: account(), unique: on("unique") };
    if (cvv) body.cvv = cvv.value;
    if (month) body.expiry = expiry();
    let answer;
    try {
      const response = await fetch("/cardsecure/api/v1/ccn/tokenize", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
      answer = await response.json();
    } catch {
      answer = { message: "Service unavailable", errorcode: 43 };
    }
    if (state !== fields.map((input) => input.value).join("|")) return;
    if (!answer.token) { last = ""; reject(card, "card", String(answer.errorcode), answer.message); return; }
    done = true;
    mask();
    tell(message(answer.token, month ? { expiry: expiry() } : {}));
  }

  function mask() {
    const clear = account();
    const shown = on("maskfirsttwo") ? 0 : 2;
    const masked = clear.slice(0, shown) + "X".repeat(Math.max(clear.length - shown - 4, 0)) + clear.slice(-4);
    card.value = on("formatinput") ? masked.replace(/(.{4})(?=.)/g, "$1 ") : masked;
  }

  // Changing anything after a token empties the whole form, and takes the token back.
  function startOver(except) {
    done = false;
    last = "";
    for (const input of fields) if (input !== except) { input.value = ""; accept(input); }
    tell(message("", month ? { expiry: "" } : {}));
  }

  function tidy() {
    if (on("cardnumbernumericonly")) card.value = card.value.replace(/[^\d ]/g, "");
    if (!on("formatinput") || card.selectionStart !== card.value.length) return;
    card.value = card.value.replace(/\s/g, "").replace(/(.{4})(?=.)/g, "$1 ");
  }

  function typing(state) {
    if (on("sendcardtypingevent")) tell({ cardTyping: state });
  }

  for (const input of fields) {
    input.addEventListener("beforeinput", (event) => {
      if (!done || !("value" in input)) return;
      startOver(null);
      if (event.inputType && event.inputType.startsWith("delete")) event.preventDefault();
    });
    input.addEventListener("input", () => {
      if (done) startOver(input);
      if (input === card) { tidy(); typing(true); }
      clearTimeout(timer);
      timer = setTimeout(() => { typing(false); if (whenInactive) tokenize(); }, wait);
    });
    if (!whenInactive) input.addEventListener("blur", tokenize);
  }
  field("tokenform").addEventListener("submit", (event) => { event.preventDefault(); tokenize(); });
  if (on("autofocus")) card.focus();
  // Typed or filled in by the browser before this script arrived: that counts too.
  if (fields.some((input) => input.value)) {
    tidy();
    timer = setTimeout(tokenize, wait);
  }
})();
