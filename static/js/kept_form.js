// Fills in what was typed before a sign-in lapsed: the server gives it once, in #kept-form.
(() => {
  "use strict";
  const holder = document.getElementById("kept-form");
  if (!holder) return;
  const { action, typed } = JSON.parse(holder.textContent);
  const path = (address) => new URL(address, location.href).pathname;
  const find = () => [...document.querySelectorAll("main form, dialog form")].find((form) => form.method === "post" && path(form.action) === action);

  const put = (field, values, index) => {
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (field.multiple) for (const option of field.options) option.selected = values.includes(option.value);
    else if (values[index] !== undefined) field.value = values[index];
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const fill = (form) => {
    const add = form.querySelector("[data-add-line]");
    const count = form.querySelector("[name=lines-TOTAL_FORMS]");
    const wanted = Number((typed["lines-TOTAL_FORMS"] || [0])[0]);
    const missing = add && count ? Math.max(wanted - Number(count.value), 0) : 0;
    for (let line = 0; line < missing; line += 1) add.click();
    const seen = {};
    for (const field of form.elements) {
      if (!field.name || field.type === "submit" || field.name === "csrfmiddlewaretoken" || field.type === "password") continue;
      const values = typed[field.name] || (field.type === "checkbox" ? [] : undefined);
      if (!values) continue;
      seen[field.name] = seen[field.name] || 0;
      put(field, values, seen[field.name]);
      if (field.type !== "checkbox" && field.type !== "radio") seen[field.name] += 1;
    }
    const first = form.querySelector("input:not([type=hidden]), textarea, select");
    if (first) first.focus();
  };

  const form = find();
  if (form) fill(form);
  else {
    // The form is one of a dialog: open it as its link does.
    document.body.addEventListener("htmx:afterSettle", () => { const opened = find(); if (opened) fill(opened); }, { once: true });
    window.htmx.ajax("GET", action, "#dialog");
  }
})();
