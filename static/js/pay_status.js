// A payment whose outcome is open: ask every two seconds, and load the page anew when it is known.
"use strict";
(function () {
  const poll = document.getElementById("poll");
  const address = location.pathname + "?format=json";

  async function ask() {
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store" });
      const told = await answer.json();
      if (told.state && told.state !== poll.dataset.state) return location.replace(location.pathname);
    } catch {
      // No connection just now; the next look may have one.
    }
    return setTimeout(ask, 2000);
  }
  if (poll) setTimeout(ask, 2000);

  const print = document.getElementById("print");
  if (print) {
    print.hidden = false;
    print.querySelector("button").addEventListener("click", () => {
      for (const part of document.querySelectorAll("details")) part.open = true;
      window.print();
    });
  }
})();
