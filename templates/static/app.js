// What the pages do beyond plain forms. Without this script they work as well: every step is a form.
(() => {
  "use strict";

  const main = document.querySelector("main");
  if (!main) return;

  // Counters that outlive a page. Where storage is blocked they read as used up: nothing is then submitted by itself twice.
  const memory = {
    get(key) {
      try { return sessionStorage.getItem("signbridge." + key) ?? ""; } catch { return "99"; }
    },
    set(key, value) {
      try { sessionStorage.setItem("signbridge." + key, value); } catch { /* blocked: see above */ }
    },
  };

  // One submission per page: a second click, or news that arrive meanwhile, must not send anything else.
  let leaving = false;
  const arm = () => {
    leaving = false;
    for (const button of document.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
  };
  document.addEventListener("submit", (event) => {
    if (leaving) {
      event.preventDefault();
      return;
    }
    leaving = true;
    // aria-disabled, not disabled: the button's own value is still to be sent, and it keeps the focus.
    for (const button of document.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    // Where the answer never came, the page can be used again.
    setTimeout(arm, 10000);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) arm();
  });
  const submit = (form) => (form.requestSubmit ? form.requestSubmit() : form.submit());

  const { page, loginState: state, loginReason: reason = "", provider } = main.dataset;
  if (page !== "wait") {
    memory.set("renewals", 0);
    memory.set("went", "");
    return;
  }

  const isOpen = state === "pending" || state === "fetched";
  const goesOn = main.dataset.autoContinue === "true";
  const retry = document.getElementById("retry");

  // A page that was loaded because something changed is read from its heading.
  if (memory.get("heading") === location.pathname) {
    memory.set("heading", "");
    document.querySelector("h1").focus({ preventScroll: true });
  }

  const reload = () => {
    if (leaving) return;
    leaving = true;
    stop();
    memory.set("heading", location.pathname);
    // At most once in two seconds, should the page and the news ever disagree.
    const wait = Math.max(0, Number(memory.get("reloaded")) + 2000 - Date.now());
    setTimeout(() => {
      memory.set("reloaded", Date.now());
      location.reload();
    }, Math.min(wait, 2000));
  };

  // Goes on after an approval; after three attempts for the same login it is left to the button.
  const goOn = () => {
    const [path, count] = memory.get("went").split(" ");
    const attempts = path === location.pathname ? Number(count) : 0;
    if (!goesOn || attempts >= 3 || path === "99") return false;
    memory.set("went", `${location.pathname} ${attempts + 1}`);
    submit(document.getElementById("continue"));
    return true;
  };

  const hear = (news) => {
    if (leaving || !news || typeof news.state !== "string") return;
    if (news.state === state && (news.reason || "") === reason) return;
    if (news.state === "expired") memory.set("expired", location.pathname);
    if (news.state !== "approved" || !goOn()) reload();
  };

  let events = null;
  let timer = 0;
  let failures = 0;

  const ask = async () => {
    const answer = await fetch(main.dataset.statusUrl, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (answer.ok) hear(await answer.json());
    return answer;
  };
  const check = () => ask().catch(() => {});

  const poll = async () => {
    let pause = 2000;
    try {
      const answer = await ask();
      failures = answer.ok ? 0 : failures + 1;
      pause = Math.max(pause, Math.min(Number(answer.headers.get("Retry-After")) || 0, 30) * 1000);
      // The login is gone for good: let the page say so.
      if ([401, 403, 404, 410].includes(answer.status) && failures > 3) reload();
    } catch {
      failures += 1;
    }
    pause = Math.min(pause * 1.5 ** Math.min(failures, 4), 30000);
    timer = setTimeout(poll, pause * (0.85 + 0.3 * Math.random()));
  };

  const listen = () => {
    stop();
    if (!window.EventSource || !main.dataset.eventsUrl) return poll();
    let errors = 0;
    events = new EventSource(main.dataset.eventsUrl);
    events.addEventListener("state", (event) => {
      errors = 0;
      try { hear(JSON.parse(event.data)); } catch { /* the next one will do */ }
    });
    events.onerror = () => {
      errors += 1;
      if (events.readyState !== EventSource.CLOSED && errors < 3) return;
      stop();
      poll();
    };
  };

  function stop() {
    clearTimeout(timer);
    if (events) events.close();
    events = null;
  }

  // The time left; nobody is told each second.
  const expiresAt = Date.now() + Number(main.dataset.expiresIn) * 1000;
  const whole = Math.max(1, Number(main.dataset.expiresIn));
  const shownAt = Date.now();
  let slow = false;
  const tick = () => {
    const left = Math.max(0, Math.ceil((expiresAt - Date.now()) / 1000));
    document.getElementById("time-left").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    document.getElementById("ring").setAttribute("stroke-dashoffset", String(100 - (100 * left) / whole));
    if (!slow && Date.now() - shownAt >= 60000) {
      slow = true;
      document.getElementById("tips").open = true;
      const line = document.getElementById("slow");
      line.textContent = line.dataset.text;
    }
    if (left === 0 && !leaving) check();
    setTimeout(tick, left === 0 ? 3000 : 1000);
  };

  // An expired code is renewed while somebody looks at it, five times; then the button does it.
  const renew = () => {
    const count = Number(memory.get("renewals"));
    if (leaving || document.hidden || count >= 5 || memory.get("expired") !== location.pathname) return;
    memory.set("expired", "");
    memory.set("renewals", count + 1);
    submit(retry);
  };

  if (isOpen) {
    listen();
    tick();
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) check();
    });
    window.addEventListener("pagehide", stop);
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      listen();
      check();
    });
  } else if (state === "approved") {
    goOn();
  } else if (state === "expired" && provider === "thumbsignin") {
    retry.addEventListener("click", () => memory.set("renewals", 0));
    setTimeout(renew, 1000);
    document.addEventListener("visibilitychange", renew);
  }
})();
