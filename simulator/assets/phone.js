// Keeps the page fresh, counts the seconds, and tells the service that a request is on the screen.
"use strict";

const main = () => document.querySelector("main[data-version]");

const localTimes = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString();
  }
};

const seen = new Set();
const tellSeen = () => {
  if (document.visibilityState !== "visible") return;
  for (const form of document.querySelectorAll("form[data-on-sight]")) {
    if (seen.has(form.action)) continue;
    seen.add(form.action);
    fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" }).catch(() => seen.delete(form.action));
  }
};

const countDown = () => {
  for (const left of document.querySelectorAll("[data-seconds]")) {
    left.dataset.seconds = Math.max(0, Number(left.dataset.seconds) - 1);
    left.textContent = `${left.dataset.seconds} s left`;
  }
};

// The choice of a phone survives a refresh, and so does what was typed.
const keepFields = (from, to) => {
  for (const field of from.querySelectorAll("select[id], input[id]")) {
    const same = to.querySelector(`#${field.id}`);
    if (same) same.value = field.value;
  }
};

const refresh = async () => {
  const old = main();
  if (!old || document.visibilityState !== "visible") return;
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main[data-version]");
  if (!fresh || fresh.dataset.version === old.dataset.version || old !== main()) return;
  keepFields(old, fresh);
  localTimes(fresh);
  old.replaceWith(document.adoptNode(fresh));
  tellSeen();
};

let busy = false;
setInterval(async () => {
  countDown();
  if (busy) return;
  busy = true;
  await refresh().catch(() => {});
  busy = false;
}, 1000);
document.addEventListener("visibilitychange", tellSeen);
localTimes(document);
tellSeen();
