// What the pages do beyond plain forms. Without this script they work as well: every step is a form.
(() => {
  "use strict";

  let main = document.querySelector("main");
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

  // What an error page would have people pass on.
  const copy = document.getElementById("copy");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.getElementById("reference").textContent);
      } catch {
        return;
      }
      copy.textContent = copy.dataset.copied;
      document.getElementById("copied").textContent = copy.dataset.copied;
    });
  }

  const { page } = main.dataset;
  if (page !== "wait") {
    memory.set("renewals", 0);
    memory.set("went", "");
    return;
  }

  const { provider, statusUrl, eventsUrl, autoContinue, approved, goingOn } = main.dataset;
  const here = location.pathname;
  /** How long the check mark is seen before the app is opened. */
  const SEEN_MS = 500;
  let expiresAt = 0;
  let whole = 1;
  let slow = false;
  let news = null;
  let timer = 0;
  let clock = 0;
  let failures = 0;
  const shownAt = Date.now();
  const of = (id) => document.getElementById(id);

  function stop() {
    clearTimeout(timer);
    if (news) news.close();
    news = null;
  }

  // The page as it is by now takes the place of this one, without a flash; where that fails it is loaded.
  const change = async () => {
    if (leaving) return;
    leaving = true;
    stop();
    try {
      const answer = await fetch(here, { headers: { Accept: "text/html" }, cache: "no-store", redirect: "error" });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = next.querySelector(`main[data-status-url="${statusUrl}"]`);
      if (!answer.ok || !fresh) throw new Error("another page");
      const swap = () => {
        const held = document.activeElement?.closest("form, details")?.id;
        document.title = next.title;
        main.replaceWith(fresh);
        main = fresh;
        // Whoever was about to press something stays there; else the page is read from its heading.
        const target = held && fresh.querySelector(`#${held} button, #${held} summary`);
        (target || fresh.querySelector("h1")).focus({ preventScroll: true });
      };
      const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (document.startViewTransition && !isCalm) await document.startViewTransition(swap).updateCallbackDone;
      else swap();
      leaving = false;
      begin();
    } catch {
      // At most once in two seconds, should the page and the news ever disagree.
      const wait = Math.max(0, Math.min(Number(memory.get("reloaded")) + 2000 - Date.now(), 2000));
      setTimeout(() => {
        memory.set("reloaded", Date.now());
        location.reload();
      }, wait);
    }
  };

  // Goes on after an approval, which is seen first; after three attempts for the same login it is left to the button.
  const goOn = () => {
    const [path, count] = memory.get("went").split(" ");
    const attempts = path === here ? Number(count) : 0;
    if (autoContinue !== "true" || attempts >= 3 || path === "99") return false;
    memory.set("went", `${here} ${attempts + 1}`);
    stop();
    if (!of("ring")) {
      submit(of("continue"));
      return true;
    }
    main.dataset.loginState = "approved";
    main.classList.add("approved");
    main.querySelector("h1").textContent = approved;
    main.querySelector(".status").textContent = goingOn;
    setTimeout(() => submit(of("continue")), SEEN_MS);
    return true;
  };

  const hear = (told) => {
    const { loginState: state, loginReason: reason = "" } = main.dataset;
    if (leaving || !told || typeof told.state !== "string") return;
    if (told.state === state && (told.reason || "") === reason) return;
    if (told.state === "expired") memory.set("expired", here);
    if (told.state !== "approved" || !goOn()) change();
  };

  const ask = async () => {
    const answer = await fetch(statusUrl, { headers: { Accept: "application/json" }, cache: "no-store" });
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
      if ([401, 403, 404, 410].includes(answer.status) && failures > 3) change();
    } catch {
      failures += 1;
    }
    pause = Math.min(pause * 1.5 ** Math.min(failures, 4), 30000);
    timer = setTimeout(poll, pause * (0.85 + 0.3 * Math.random()));
  };

  const listen = () => {
    stop();
    if (!window.EventSource || !eventsUrl) return poll();
    let errors = 0;
    news = new EventSource(eventsUrl);
    news.addEventListener("state", (event) => {
      errors = 0;
      try { hear(JSON.parse(event.data)); } catch { /* the next one will do */ }
    });
    news.onerror = () => {
      errors += 1;
      if (news.readyState !== EventSource.CLOSED && errors < 3) return;
      stop();
      poll();
    };
  };

  // The time left; nobody is told each second.
  const tick = () => {
    if (!of("time-left")) return;
    const left = Math.max(0, Math.ceil((expiresAt - Date.now()) / 1000));
    of("time-left").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    of("ring").setAttribute("stroke-dashoffset", String(100 - (100 * left) / whole));
    if (!slow && Date.now() - shownAt >= 60000) {
      slow = true;
      of("tips").open = true;
      const line = of("slow");
      line.textContent = line.dataset.text;
    }
    if (left === 0 && !leaving) check();
    clock = setTimeout(tick, left === 0 ? 3000 : 1000);
  };

  // An expired code is renewed while somebody looks at it, five times; then the button does it.
  const renew = () => {
    const count = Number(memory.get("renewals"));
    if (leaving || !of("retry") || document.hidden || count >= 5 || memory.get("expired") !== here) return;
    memory.set("expired", "");
    memory.set("renewals", count + 1);
    submit(of("retry"));
  };

  const isOpen = () => ["pending", "fetched"].includes(main.dataset.loginState);

  // Once for each state that the page shows.
  const begin = () => {
    const { loginState: state, expiresIn } = main.dataset;
    clearTimeout(clock);
    if (isOpen()) {
      const left = Number(expiresIn);
      expiresAt = Date.now() + left * 1000;
      whole = Math.max(whole, left, 1);
      of("tips").append(of("continue"));
      listen();
      tick();
    } else if (state === "approved") {
      goOn();
    } else if (state === "expired" && provider === "thumbsignin") {
      of("retry").addEventListener("click", () => memory.set("renewals", 0));
      setTimeout(renew, 1000);
    }
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    if (isOpen()) check();
    else renew();
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && main.classList.contains("approved")) location.reload();
    if (!event.persisted || !isOpen()) return;
    listen();
    check();
  });
  begin();
})();
