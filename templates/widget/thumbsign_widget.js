// The ThumbSignIn widget of Signbridge. A page that was made for the vendor's file of this name works with this one, which is
// written anew. It needs no other file and no other site, and it is shipped as it stands here; what it offers is described in
// thumbsign_widget.d.ts. Licence: Apache-2.0 or MIT.
(() => {
  "use strict";

  const page = globalThis;

  // Where this file came from: modules find their pictures beside it, and a style element may carry its nonce.
  const script = page.document?.currentScript;
  const NONCE = script?.nonce || "";
  const ROOT_URL = script?.src ? script.src.split(/[?#]/)[0].replace(/\/[^/]*$/, "") : page.location?.origin ?? "";

  /** From the answer to one poll to the next poll. */
  const POLL_MS = 1500;
  /** A success: first the code leaves, then the tick is looked at. */
  const LEAVE_MS = 600;
  const TICK_MS = 1000;
  const FADE_MS = 200;
  /** For how long an actionUrl that does not answer has others wait. */
  const TURN_MS = 5000;

  // ---- Pictures and texts -------------------------------------------------------------------------------------------------

  const picture = (width, shapes) => "data:image/svg+xml," + encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="30" viewBox="0 0 ${width} 30">${shapes}</svg>`,
  );
  const badge = (words) => picture(90, '<rect x=".5" y=".5" width="89" height="29" rx="5" fill="#1a1a39" stroke="#8a94a6"/>'
    + `<text x="45" y="19" fill="#fff" font-family="sans-serif" font-size="12" text-anchor="middle">${words}</text>`);
  const APP_ICON = picture(30, '<rect width="30" height="30" rx="7" fill="#19b2e6"/>'
    + '<g fill="none" stroke="#06262a" stroke-width="2" stroke-linecap="round">'
    + '<path d="M8 17v-2a7 7 0 0 1 14 0v3M11.5 22v-7a3.5 3.5 0 0 1 7 0v5M15 15v8"/></g>');

  /** What a configuration need not say. `desktop` has the texts beside a QR code, `mobile` those beside a link to the app. */
  const DEFAULTS = {
    DEEP_LINK: "Open in Thumbsignin app",
    QR_ALT: "QR code for the ThumbSignIn app",
    COMPLETED_SUCCESSFUL: "Finished successfully",
    COMPLETED_FAILURE: "",
    ALREADY_REGISTERED: "You have already enabled passwordless authentication for this account using this device.",
    NOT_REGISTERED: "Can't login because the passwordless account doesn't exist.",
    NO_SUITABLE_AUTHENTICATOR: "You have not added fingerprint in your device.",
    DECLINED: "Cancelled",
    CANCELLED: "Cancelled",
    TIMEOUT: "Please try again.",
    TECHNICAL_REASON: "Please try again.",
    TECHNICAL_REASON_ERROR: "Please try again.",
    widgetUrlParameterPart: "#ThumbsignId",
    widgetUrlParameterSeparator: "----",
    desktop: {
      REFRESH_MSG: "QR Code expired.<br/> Click to regenerate.",
      INTRO_MSG: "Scan the QR code above using the ThumbSignIn app on your phone.",
      INITIATED: "QR Code Scanned.",
      TOGGLE_MSG1: "Have app on this phone?",
      TOGGLE_MSG2: "Open app",
    },
    mobile: {
      REFRESH_MSG: "Click on refresh icon <br/> and try again.",
      INTRO_MSG: "",
      INITIATED: "Authentication Initiated.",
      TOGGLE_MSG1: "Have app on a different phone?",
      TOGGLE_MSG2: "Show QR Code",
    },
  };

  // Rules weigh as little as an element's name, so that any class of the page wins over them; what must hold weighs more.
  const STYLE = `
:where(.ts-content, .ts-modal) {
  --ts-card: #fff; --ts-ink: #1a1a39; --ts-muted: #565d6b; --ts-line: #d5d9df; --ts-control: #77808c;
  --ts-link: #0b6f93; --ts-accent: #19b2e6; --ts-accent-ink: #06262a; --ts-good: #48d2a0; --ts-tick: #5cb85c;
  --ts-veil: rgb(255 255 255 / .95);
  --ts-font: 400 14px/1.45 Montserrat, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :where(.ts-content, .ts-modal) {
    --ts-card: #1a2327; --ts-ink: #e8eeee; --ts-muted: #a8b6bb; --ts-line: #38464c; --ts-control: #7b8c93; --ts-link: #6fd0f2;
    --ts-veil: rgb(26 35 39 / .97);
  }
}
.ts-content.hidden, .ts-content .hidden { display: none; }
:where(.ts-content, .ts-modal) :where(*) { box-sizing: border-box; }
:where(.ts-content, .ts-modal) :focus-visible { outline: 3px solid var(--ts-link); outline-offset: 2px; }
div:where(.ts-content) {
  box-sizing: border-box; width: 270px; max-width: 100%; padding: 16px; border-radius: 12px; background: var(--ts-card);
  color: var(--ts-ink); font: var(--ts-font); text-align: center; transition: opacity .2s;
}
div:where(.ts-content.ts-closing) { opacity: 0; }
p:where(.ts-content *) { margin: 0; overflow-wrap: anywhere; }
p:where(.ts-intro-msg) { text-wrap: balance; }
p:where(.ts-initiated) { min-height: 1.45em; margin-bottom: 8px; font-weight: 600; }
a:where(.ts-content *) { color: var(--ts-link); cursor: pointer; }
div:where(.ts-content .item) {
  position: relative; display: grid; place-items: center; align-content: center; gap: 12px; min-height: 216px;
}
div:where(.ts-qrcode [data-type="desktop"]) {
  position: relative; padding: 8px; border-radius: 8px; background: #fff; forced-color-adjust: none;
}
img:where(.ts-content #openQR) {
  display: block; width: auto; max-width: 100%; height: 200px; margin: 0 auto; image-rendering: pixelated;
}
div:where(.ts-logo-icon) { position: absolute; inset: 0; width: 30px; height: 30px; margin: auto; pointer-events: none; }
div:where(.ts-leaving) { opacity: 0; transition: opacity .6s; }
img:where(.ts-app-icon) { display: block; width: 60px; height: 60px; margin: 0 auto 12px; }
a:where(.ts-content .deeplink) {
  display: inline-block; padding: 12px 16px; border-radius: 8px; background: var(--ts-accent); color: var(--ts-accent-ink);
  font-weight: 600; text-decoration: none;
}
button:where(.ts-overlay) {
  position: absolute; inset: 0; z-index: 1; display: flex; flex-direction: column; align-items: center; justify-content: center;
  gap: 12px; width: 100%; padding: 8px; border: 1px solid var(--ts-line); border-radius: 8px;
  background: var(--ts-veil); color: inherit; font: inherit; font-weight: 600; cursor: pointer;
}
span:where(.ts-refresh-img) {
  position: relative; width: 40px; height: 40px; border: 4px solid #ffc23a; border-right-color: transparent; border-radius: 50%;
}
span:where(.ts-refresh-img)::after {
  content: ""; position: absolute; top: -3px; right: -3px; border: 7px solid #ffc23a; border-bottom-color: transparent;
  border-left-color: transparent;
}
div:where(.ts-circle-loader) {
  width: 72px; height: 72px; border: 5px solid var(--ts-line); border-left-color: var(--ts-accent); border-radius: 50%;
  animation: ts-turn 1.2s linear infinite;
}
div:where(.ts-circle-loader.load-complete) { border-color: var(--ts-good); animation: none; }
div:where(.ts-checkmark) { display: none; }
div:where(.load-complete .ts-checkmark) { display: block; }
div:where(.ts-checkmark)::after {
  content: ""; display: block; width: 18px; height: 34px; margin: 8px auto 0; border: solid var(--ts-tick);
  border-width: 0 5px 5px 0; transform: rotate(45deg);
}
div:where(.ts-sucess-msg) { order: 1; font-weight: 600; }
div:where(.ts-intro-conatiner) { margin-top: 12px; color: var(--ts-muted); }
p:where(.ts-toggle-view) { margin-top: 8px; }
a:where(.ts-toggle-view *) { display: inline-block; min-height: 24px; text-decoration: underline; }
div:where(.ts-module-wrapper) > div { margin-top: 12px; padding-top: 12px; border-top: 1px solid var(--ts-line); }
p:where(.ts-content .more-info2) { margin-bottom: 8px; }
div:where(.ts-content .db-b) { display: flex; gap: 8px; }
input:where(.ts-content #phone) {
  flex: 1; min-width: 0; height: 40px; margin: 0; padding: 0 10px; border: 1px solid var(--ts-control); border-radius: 8px;
  background: var(--ts-card); color: inherit; font: inherit;
}
input:where(.ts-content #phone)::placeholder { color: var(--ts-muted); opacity: 1; }
button:where(.ts-content .d-arrow-b) {
  width: 44px; height: 40px; padding: 0; border: 0; border-radius: 8px; background: var(--ts-accent);
  color: var(--ts-accent-ink); cursor: pointer;
}
button:where(.ts-content .d-arrow-b)::before {
  content: ""; display: inline-block; border: 8px solid transparent; border-right: 0; border-left: 13px solid currentColor;
}
p:where(.ts-content #sms_result):not(:empty) { margin-bottom: 8px; }
div:where(.ts-logo-wrapper) { font-size: 13px; }
button:where(.ts-logo-wrapper #get_link_by_sms) {
  min-height: 24px; padding: 0; border: 0; background: none; color: var(--ts-link); font: inherit; font-weight: 600;
  text-decoration: underline; cursor: pointer;
}
p:where(.ts-logo-wrapper .icons) { display: flex; justify-content: center; gap: 8px; margin-top: 8px; }
img:where(.ts-logo-wrapper *) { display: block; height: 30px; }
dialog:where(.ts-modal) {
  position: fixed; inset: 0; width: 100%; max-width: none; height: 100%; max-height: none; margin: 0; padding: 0; border: 0;
  overflow: auto; background: rgb(0 0 0 / .5);
}
.ts-modal[open] { display: flex; align-items: flex-start; justify-content: center; }
.ts-modal .modal-content {
  position: relative; flex: none; width: auto; max-width: 100%; margin: 10vh 0; padding: 20px; border: 1px solid var(--ts-line);
  border-radius: 12px; background: var(--ts-card); color: var(--ts-ink);
  font: var(--ts-font);
}
h4:where(.ts-modal *) { margin: 0 44px 12px; font-size: 18px; text-align: center; }
button:where(.ts-modal .close) {
  position: absolute; top: 8px; right: 8px; width: 44px; height: 44px; padding: 0; border: 0; border-radius: 8px;
  background: none; color: inherit; font: 700 26px/1 system-ui, sans-serif; opacity: 1; cursor: pointer;
}
@keyframes ts-turn { to { transform: rotate(1turn); } }
@media (prefers-reduced-motion: reduce) {
  .ts-content, .ts-content * { transition: none; animation: none; }
}
`;

  // ---- Small tools --------------------------------------------------------------------------------------------------------

  /** An object as `{}` or JSON make them, of whichever frame. */
  const isPlain = (value) => {
    if (value === null || typeof value !== "object") return false;
    const parent = Object.getPrototypeOf(value);
    return parent === null || Object.getPrototypeOf(parent) === null;
  };

  /** A new object with the members of both, plain objects among them merged as well. `undefined` and `null` say nothing. */
  const merge = (base, over) => {
    const merged = { ...base };
    for (const [key, value] of Object.entries(over ?? {})) {
      if (value === undefined || value === null || key === "__proto__") continue;
      merged[key] = isPlain(value) ? merge(isPlain(merged[key]) ? merged[key] : {}, value) : value;
    }
    return merged;
  };

  /** A configuration with its introduction under one name: older pages spell the key in two other ways. */
  const withIntro = (config) => {
    const known = merge({}, config);
    for (const texts of [known.desktop, known.mobile].filter(isPlain)) {
      const intro = texts.INTRO_MSG ?? texts['INTRO_MSG"'] ?? texts["intro-msg"];
      if (intro !== undefined) texts.INTRO_MSG = intro;
    }
    return known;
  };

  const el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  const show = (node, isShown) => node.classList.toggle("hidden", !isShown);

  /** Sets a text, and leaves one that is there already alone: a screen reader would read it once more. */
  const say = (node, text) => {
    const words = text === undefined || text === null ? "" : String(text);
    if (node.textContent !== words) node.textContent = words;
  };

  /** Sets a text in which `<br>` begins a line; other tags are characters. */
  const sayLines = (node, text) => {
    const lines = String(text ?? "").split(/<br\s*\/?>/i).map((line) => line.trim());
    node.replaceChildren(...lines.flatMap((line, at) => (at === 0 ? [line] : [el("br"), line])));
  };

  const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

  const report = (error) => {
    if (page.reportError) page.reportError(error);
    else console.error(error);
  };

  /** Calls what belongs to the page. Where it fails, the page hears of it as of an error of its own, and nothing here stops. */
  const attempt = (fn, scope, ...values) => {
    try {
      fn.apply(scope, values);
    } catch (error) {
      report(error);
    }
  };

  const whenParsed = () => new Promise((resolve) => {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => resolve(), { once: true });
    else resolve();
  });

  const adopted = new Set();
  /** Adds a style sheet: by script, which the page's policy does not stop; in an old browser as an element with our nonce. */
  const addStyle = (text) => {
    if (typeof text !== "string" || adopted.has(text)) return;
    adopted.add(text);
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(text);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    } catch {
      const style = el("style", {}, text);
      style.nonce = NONCE;
      document.head.prepend(style);
    }
  };

  /** Links a style sheet of the page, once. */
  const addStyleSheet = (href) => {
    if (adopted.has(href)) return;
    adopted.add(href);
    const link = el("link", { rel: "stylesheet", href });
    link.nonce = NONCE;
    document.head.append(link);
  };

  const TAG = /<[a-z](?:"[^"]*"|'[^']*'|[^'">])*>/gi;
  const QUOTED_OR_STYLE = /("[^"]*"|'[^']*')|(\s)style(?=\s*=)/gi;
  /** The nodes of a template. Its `style` attributes are set by script: a strict policy stops those that a parser meets. */
  const compile = (html) => {
    const template = el("template");
    template.innerHTML = html.replace(TAG, (tag) => tag.replace(QUOTED_OR_STYLE,
      (_all, quoted, blank) => quoted ?? `${blank}data-ts-style`));
    const content = document.importNode(template.content, true);
    for (const node of content.querySelectorAll("[data-ts-style]")) {
      node.style.cssText = node.getAttribute("data-ts-style");
      node.removeAttribute("data-ts-style");
    }
    return [...content.childNodes];
  };

  /** Pictures of modules are named from where this file came from, unless their names are addresses already. */
  const fromRoot = (name) => (/^([a-z][a-z\d+.-]*:|\/\/)/i.test(name) ? name : ROOT_URL + name);

  const runsScript = (url) => {
    try {
      return /^(javascript|vbscript|data):$/.test(new URL(url, document.baseURI).protocol);
    } catch {
      return true;
    }
  };

  /** Adds parameters to an address, before its fragment. */
  const withParameters = (url, parameters) => {
    const [, address, fragment] = /^([^#]*)(.*)$/s.exec(url);
    const joint = address.includes("?") ? (/[?&]$/.test(address) ? "" : "&") : "?";
    const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    return address + joint + pairs.join("&") + fragment;
  };

  // ---- Requests -----------------------------------------------------------------------------------------------------------

  /** An error in the shape that pages know: `error.response.status`, and no `response` where none came. */
  const failure = (message, config, response, cause) => Object.assign(new Error(message, { cause }), { config, response });

  /** One request; answers `{status, statusText, headers, data}`, the body parsed where it is JSON. */
  async function request(url, { method = "GET", headers = {}, body } = {}) {
    const config = { url, method };
    let response;
    let text;
    try {
      const isOurs = new URL(url, document.baseURI).origin === page.location.origin;
      response = await fetch(url, {
        method,
        body,
        headers: { Accept: "application/json, text/plain, */*", ...headers },
        // The cookie of the provider goes along where its own address is called; a signed request needs none.
        credentials: headers.Authorization ? "omit" : isOurs ? "same-origin" : "include",
        cache: "no-store",
      });
      text = await response.text();
    } catch (cause) {
      throw failure("Network Error", config, undefined, cause);
    }
    let data = text;
    try {
      data = JSON.parse(text);
    } catch { /* Whoever needs JSON notices. */ }
    const { status, statusText } = response;
    const answer = { status, statusText, headers: Object.fromEntries(response.headers), data };
    if (!response.ok) throw failure(`Request failed with status code ${status}`, config, answer);
    return answer;
  }

  /** The JSON object at an address. */
  async function requestObject(url, options) {
    if (typeof url !== "string" || !url) throw failure("thumbSignIn: the configuration lacks actionUrl or statusUrl", { url });
    const answer = await request(url, options);
    if (!isPlain(answer.data)) throw failure("The answer is not a JSON object", { url }, answer);
    return answer;
  }

  let turn = Promise.resolve();
  /**
   * Waits until no other transaction of this page is being asked for. The answer to the first one brings the cookie to which
   * transactions are bound: two that were asked for without it would bring one each, and the browser keeps the later one only.
   */
  async function inTurn(ask) {
    const before = turn;
    let done;
    turn = new Promise((resolve) => { done = resolve; });
    await before;
    setTimeout(done, TURN_MS);
    try {
      return await ask();
    } finally {
      done();
    }
  }

  // ---- The device ---------------------------------------------------------------------------------------------------------

  const isMobile = () => ("ontouchstart" in page || navigator.maxTouchPoints > 0) && /Mobi/.test(navigator.userAgent);

  /** A browser of iOS that leaves the page for an app; a view inside an app does not. */
  const leavesForApps = () => /iPhone|iPad|iPod/.test(navigator.userAgent) && /Safari|FxiOS/.test(navigator.userAgent);

  /** The browser's name as the app knows it. The order matters: most claim to be several. */
  const browserName = () => [
    ["ucbrowser", /UCBrowser/], ["opios", /OPiOS/], ["opera", /OPR\/|Opera/], ["msie", /MSIE|Trident/], ["crios", /CriOS/],
    ["fxios", /FxiOS/], ["firefox", /Firefox/], ["chrome", /Chrom(e|ium)/], ["safari", /Safari/],
  ].find(([, mark]) => mark.test(navigator.userAgent))?.[0];

  // ---- A little jQuery: what the modules of existing pages use ------------------------------------------------------------

  const words = (text) => String(text).split(/\s+/).filter(Boolean);
  const isNode = (value) => value.nodeType > 0 || value === value.window;
  const listeners = new WeakMap();
  const speed = (value) => ({ slow: 600, fast: 200 })[value] ?? (typeof value === "number" ? value : 400);

  const nodesOf = (what, within) => {
    if (!what) return [];
    if (isNode(what)) return [what];
    if (typeof what !== "string") return Array.from(what);
    if (what.trim().startsWith("<")) return compile(what.trim());
    const bases = within ? nodesOf(within) : [document];
    return [...new Set(bases.flatMap((base) => [...base.querySelectorAll?.(what) ?? []]))];
  };

  /** The nodes that content stands for, in `append` and `html`: there, a text without tags is a text. */
  const contentOf = (content) => content.flatMap((one) => {
    if (typeof one === "string" || typeof one === "number") return compile(String(one));
    return nodesOf(one);
  });

  function small$(what, within) {
    if (typeof what === "function") return small$(document).ready(what);
    return new Small(nodesOf(what, within));
  }

  class Small {
    constructor(nodes) {
      nodes.forEach((node, at) => { this[at] = node; });
      this.length = nodes.length;
    }

    * [Symbol.iterator]() {
      for (let at = 0; at < this.length; at += 1) yield this[at];
    }
    get(at) { return at === undefined ? [...this] : this[at < 0 ? this.length + at : at]; }
    eq(at) { return small$(this.get(at)); }
    first() { return this.eq(0); }
    each(fn) {
      [...this].forEach((node, at) => fn.call(node, at, node));
      return this;
    }
    /** Templates leave texts between their elements; these have neither classes nor styles. */
    #elements(fn) {
      [...this].filter((node) => node.nodeType === Node.ELEMENT_NODE).forEach(fn);
      return this;
    }
    find(selector) { return small$(selector, this); }
    is(selector) { return [...this].some((node) => node.matches?.(selector)); }
    ready(fn) {
      whenParsed().then(() => attempt(fn, document, small$));
      return this;
    }

    append(...content) {
      const last = this.length - 1;
      const added = contentOf(content);
      return this.each((at, node) => node.append(...(at === last ? added : added.map((one) => one.cloneNode(true)))));
    }
    empty() { return this.#elements((node) => node.replaceChildren()); }
    detach() { return this.each((_at, node) => node.remove()); }
    remove() { return this.detach(); }
    text(value) {
      if (value === undefined) return [...this].map((node) => node.textContent).join("");
      return this.#elements((node) => { node.textContent = value; });
    }
    html(value) {
      if (value === undefined) return this[0]?.innerHTML;
      return this.empty().append(value);
    }
    val(value) {
      if (value === undefined) return this[0]?.value;
      return this.#elements((node) => { node.value = value; });
    }
    attr(name, value) {
      if (isPlain(name)) Object.entries(name).forEach(([one, its]) => this.attr(one, its));
      else if (value === undefined) return this[0]?.getAttribute?.(name) ?? undefined;
      else if (name === "style") this.#elements((node) => { node.style.cssText = value; });
      else this.#elements((node) => node.setAttribute(name, value));
      return this;
    }
    removeAttr(name) { return this.#elements((node) => node.removeAttribute(name)); }
    css(name, value) {
      if (isPlain(name)) Object.entries(name).forEach(([one, its]) => this.css(one, its));
      else if (value === undefined) return this[0] && getComputedStyle(this[0]).getPropertyValue(name);
      else this.#elements((node) => node.style.setProperty(name, value));
      return this;
    }
    addClass(names) { return this.#elements((node) => node.classList.add(...words(names))); }
    removeClass(names) { return this.#elements((node) => node.classList.remove(...words(names))); }
    toggleClass(names, isOn) {
      return this.#elements((node) => words(names).forEach((name) => node.classList.toggle(name, isOn)));
    }
    hasClass(name) { return [...this].some((node) => node.classList?.contains(name)); }

    show() {
      return this.#elements((node) => {
        node.style.display = "";
        if (getComputedStyle(node).display === "none") node.style.display = "block";
      });
    }
    hide() { return this.#elements((node) => { node.style.display = "none"; }); }
    fadeIn(...how) { return this.show().#fade([0, 1], how, () => {}); }
    fadeOut(...how) { return this.#fade([1, 0], how, (node) => small$(node).hide()); }
    #fade(opacity, how, atTheEnd) {
      const duration = speed(how[0]);
      const done = how.find((one) => typeof one === "function");
      return this.#elements((node) => {
        if (!matchMedia("(prefers-reduced-motion: reduce)").matches) node.animate({ opacity }, duration);
        setTimeout(() => {
          atTheEnd(node);
          done?.call(node);
        }, duration);
      });
    }

    /** `on("click", fn)`, or `on("click", selector, fn)` for what is inside. A handler that answers `false` ends the event. */
    on(names, ...rest) {
      const fn = rest.at(-1);
      const selector = typeof rest[0] === "string" ? rest[0] : "";
      const hear = (event, node) => {
        const target = selector ? event.target.closest(selector) : node;
        if (!target || (selector && !node.contains(target))) return;
        if (fn.call(target, event) !== false) return;
        event.preventDefault();
        event.stopPropagation();
      };
      return this.each((_at, node) => words(names).forEach((full) => {
        const name = full.split(".")[0];
        const handler = (event) => hear(event, node);
        node.addEventListener(name, handler);
        listeners.set(node, [...(listeners.get(node) ?? []), { full, name, fn, handler }]);
      }));
    }
    off(names, fn) {
      return this.each((_at, node) => {
        const isNamed = (one) => !names || words(names).some((name) => name === one.full || name === one.name);
        const isMeant = (one) => isNamed(one) && (!fn || fn === one.fn);
        const known = listeners.get(node) ?? [];
        for (const { name, handler } of known.filter(isMeant)) node.removeEventListener(name, handler);
        listeners.set(node, known.filter((one) => !isMeant(one)));
      });
    }
    click(fn) { return fn ? this.on("click", fn) : this.each((_at, node) => node.click()); }
    focus() {
      this[0]?.focus();
      return this;
    }
  }
  small$.fn = Small.prototype;

  /** The page's jQuery, or what is like it; otherwise ours, which the page may use as `$` if it has none. */
  const query = () => {
    if (page.$ === undefined) page.$ = small$;
    return [page.jQuery, page.$].find((one) => typeof one === "function" && one.fn) ?? small$;
  };
  if (page.document) query();

  // ---- What is seen -------------------------------------------------------------------------------------------------------

  /** The elements. Stages: loading, waiting, initiated, over (press to begin again), leaving and done (both of a success). */
  class View {
    #config;
    #isPhone;
    #kind;
    #stage = "loading";
    #reason;
    #link = "";
    #isOffered = false;
    #hiding = 0;
    #parts;

    constructor(config, isPhone, { refresh, leave, toggle }) {
      this.#config = config;
      this.#isPhone = isPhone;
      this.#kind = isPhone ? "mobile" : "desktop";
      const parts = {
        initiated: el("p", { id: "tsInitiated", class: "ts_initiated ts-initiated", role: "status" }),
        refreshText: el("span", { id: "refreshTXT", class: "refreshTxt ts-refresh-txt" }),
        success: el("div", { class: "sucessMsg ts-sucess-msg hidden" }),
        deepLink: el("a", { class: "btn deeplink" }, String(config.DEEP_LINK)),
        code: el("img", { id: "openQR", class: "hidden", alt: config.QR_ALT }),
        loader: el("div", { class: "circle-loader ts-circle-loader" }, el("div", { class: "checkmark draw ts-checkmark" })),
        intro: el("p", { id: "intro_msg", class: "intro_msg ts-intro-msg", role: "status" }),
        toggleText: el("span", { id: "toggle_view_text" }),
        toggleLinkText: el("span", { id: "toggle_view_span_text" }),
      };
      parts.overlay = el("button", { type: "button", class: "ts-timeout overlay ts-overlay hidden" },
        el("span", { class: "refreshImg ts-refresh-img" }), parts.refreshText);
      const icon = el("img", { id: "openApp", class: "ts-app-icon", alt: "", src: fromRoot(config.logo?.appIcon ?? APP_ICON) });
      parts.mobile = el("div", { "data-type": "mobile" }, icon, el("div", { class: "open-app ts-app-link" }, parts.deepLink));
      parts.desktop = el("div", { "data-type": "desktop" }, el("div", { class: "logoIcon ts-logo-icon" }), parts.code);
      parts.offer = el("div", { id: "qrcode", class: "qrcode ts-qrcode" }, parts.mobile, parts.desktop);
      parts.item = el("div", { class: "item", "aria-live": "polite" }, parts.overlay, parts.success, parts.offer, parts.loader);
      parts.toggleLink = el("a", { id: "toggle_view_link", role: "button", tabindex: "0" }, parts.toggleLinkText);
      parts.toggle = el("p", { id: "toggle_view", class: "ts-toggle-view hidden" }, parts.toggleText, " ", parts.toggleLink);
      parts.body = el("div", { class: "tsmodal-body ts-body", tabindex: "-1" }, parts.initiated, parts.item,
        el("div", { class: "intro-conatiner ts-intro-conatiner" }, parts.intro, parts.toggle),
        el("div", { id: "module-wrapper", class: "module-wrapper ts-module-wrapper" }));
      this.root = el("div", { class: "tsmodal-content ts-content hidden" }, parts.body);
      this.#parts = parts;

      parts.overlay.addEventListener("click", refresh);
      parts.deepLink.addEventListener("click", leave);
      const turn = () => {
        this.#kind = this.#kind === "mobile" ? "desktop" : "mobile";
        this.#render();
        toggle();
      };
      parts.toggleLink.addEventListener("click", turn);
      parts.toggleLink.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        turn();
      });
    }

    open() {
      clearTimeout(this.#hiding);
      if (!this.root.classList.contains("hidden")) {
        this.root.classList.remove("ts-closing");
        return;
      }
      this.#kind = this.#isPhone ? "mobile" : "desktop";
      this.root.classList.add("ts-closing");
      this.root.classList.remove("hidden");
      void this.root.offsetWidth; // What is seen from here on fades in.
      this.root.classList.remove("ts-closing");
    }

    close() {
      this.root.classList.add("ts-closing");
      clearTimeout(this.#hiding);
      this.#hiding = setTimeout(() => this.root.classList.add("hidden"), FADE_MS);
    }

    load() {
      this.#isOffered = false;
      this.#parts.code.removeAttribute("src");
      this.#parts.offer.removeAttribute("data-deeplink-url");
      this.#become("loading");
    }

    /** Shows a code, and on a phone the link to the app where there is one. */
    offer({ qrImage, deepLinkUrl }, link) {
      this.#isOffered = true;
      this.#link = link;
      if (!link) this.#kind = "desktop";
      const { offer, code, deepLink } = this.#parts;
      offer.setAttribute("data-deeplink-url", deepLinkUrl ?? "");
      if (qrImage) code.src = `data:image/png;base64,${qrImage}`;
      show(code, Boolean(qrImage));
      if (link) deepLink.href = link;
      this.#become("waiting");
    }

    initiated() { this.#become("initiated"); }
    leave() { this.#become("leaving"); }
    done() { this.#become("done"); }

    /** It is over. Without a reason that is worth words, the introduction stays. */
    fail(reason) { this.#become("over", reason); }

    /** What the configuration says about the end of a transaction; nothing where the introduction may stay. */
    reason({ status, failureReason }) {
      const told = typeof failureReason === "string" ? failureReason : "";
      // Older servers tell the reason as the status.
      const reason = told || (status === "COMPLETED_FAILURE" ? "" : String(status ?? ""));
      if (reason === "TIMEOUT") return this.#config[this.#kind].TIMEOUT;
      const key = reason || "COMPLETED_FAILURE";
      const text = Object.hasOwn(this.#config, key) ? this.#config[key] : reason;
      return (typeof text === "string" ? text : reason) || undefined;
    }

    #become(stage, reason) {
      this.#stage = stage;
      this.#reason = reason;
      this.#render();
    }

    #render() {
      const parts = this.#parts;
      const stage = this.#stage;
      const texts = this.#config[this.#kind];
      const isOver = stage === "over";
      const isDone = stage === "done";
      const isSuccess = isDone || stage === "leaving";
      // The button that had the focus goes: the focus stays beside it.
      if (!isOver && parts.overlay.matches(":focus")) parts.body.focus({ preventScroll: true });
      parts.item.setAttribute("aria-busy", String(stage === "loading"));
      say(parts.initiated, stage === "initiated" ? texts.INITIATED : "");
      sayLines(parts.refreshText, texts.REFRESH_MSG);
      show(parts.overlay, isOver);
      show(parts.offer, this.#isOffered && !isDone);
      parts.offer.inert = isOver;
      parts.offer.classList.toggle("ts-leaving", stage === "leaving");
      show(parts.mobile, this.#kind === "mobile");
      show(parts.desktop, this.#kind === "desktop");
      show(parts.loader, isDone || (!this.#isOffered && !isOver));
      parts.loader.classList.toggle("load-complete", isDone);
      show(parts.success, isDone);
      say(parts.success, isDone ? this.#config.COMPLETED_SUCCESSFUL : "");
      say(parts.intro, isSuccess ? "" : this.#reason ?? texts.INTRO_MSG);
      say(parts.toggleText, texts.TOGGLE_MSG1);
      say(parts.toggleLinkText, texts.TOGGLE_MSG2);
      show(parts.toggle, this.#isOffered && Boolean(this.#link) && !isOver && !isSuccess);
    }
  }

  // ---- The widget ---------------------------------------------------------------------------------------------------------

  /** Transactions that have ended: the fragment of the address may still name one. */
  const ended = new Set();
  const modules = new Map();
  const plugins = new Map();
  /** What a widget has in the page outside of its own elements. */
  const elsewhere = new WeakMap();
  const configs = new Map();
  let defaultConfig;

  class Widget {
    static #made = new Map();

    #config;
    #isPhone = isMobile();
    #view;
    #container;
    #gone = new AbortController();
    /** What is waited for: its id, whether it is polled, how often it was asked for, the cancel of `close()` once sent. */
    #live = null;
    #timer = 0;
    /** Raised by whatever makes the answer of an earlier actionUrl stale. */
    #round = 0;
    #isFetching = false;
    /** From the answer that brings a success until SUCCESS is told. */
    #isLeaving = false;
    #isOpen = false;
    #opened = Promise.resolve();

    constructor({ name, configId, config, container, require }) {
      if (name !== undefined) {
        Widget.#made.get(name)?.#dispose();
        Widget.#made.set(name, this);
      }
      this.id = configId;
      this.events = {};
      this.plugins = {};
      this.require = require;
      this.#config = config;
      this.#container = container;
      this.#view = new View(config, this.#isPhone, {
        refresh: () => this.refresh(),
        leave: () => this.#pause(),
        toggle: () => this.#wake(),
      });
      this.DOM = query()(this.#view.root);
      plugins.forEach((fn, id) => this.addPlugin(id, fn));
      this.initBuilder();
      if (this.#isPhone) this.#awaitReturn();
      else [...new Set([...require, "sms", "logo"])].forEach((one) => this.#loadModule(one));
    }

    /** Puts the widget's elements into its container, if they are nowhere. */
    initBuilder() {
      if (!this.#view.root.isConnected) this.#container.append(this.#view.root);
      return this;
    }

    /** Keeps a function as `plugins[id]`; it runs with the widget as `this`. */
    addPlugin(id, fn) {
      if (typeof fn === "function") this.plugins[id] = fn.bind(this);
    }

    /** One listener an event; the last one stays. */
    registerEvent(name, fn, scope) {
      if (typeof fn === "function") this.events[name] = { fn, scope };
    }

    /** Shows the widget and has a transaction begun, or follows the one that the app came back with. */
    open(callback) {
      const isBusy = this.#isOpen && (this.#isFetching || this.#isLeaving || this.#isFollowed());
      this.#isOpen = true;
      this.#view.open();
      if (!isBusy) {
        const returned = this.#returned();
        this.#opened = returned ? this.#resume(returned) : this.#fetch();
      }
      if (typeof callback === "function") attempt(callback);
      return this.#opened;
    }

    /** Hides the widget. What is waited for is cancelled, and the answer counts as that of a poll: FAILURE is told. */
    close(callback) {
      this.#isOpen = false;
      this.#isFetching = false;
      this.#round += 1;
      this.#view.close();
      clearTimeout(this.#timer);
      const transaction = this.#live;
      if (transaction && !transaction.closing) {
        transaction.isPolled = false;
        transaction.isPaused = false;
        transaction.closing = this.#ask(transaction, true);
      }
      if (typeof callback === "function") attempt(callback);
      return transaction?.closing ?? Promise.resolve();
    }

    /** Has another transaction begun. The one before is cancelled, and nobody waits for the answer to that. */
    refresh() {
      this.#opened = this.#fetch();
      return this.#opened;
    }

    /** Cancels what is waited for; the answer counts as that of a poll. */
    terminateTransaction() {
      const transaction = this.#live;
      if (!transaction) return Promise.resolve();
      clearTimeout(this.#timer);
      return transaction.closing ?? this.#ask(transaction, true);
    }

    async #fetch() {
      this.#leave();
      const round = this.#round;
      this.#isFetching = true;
      this.#view.load();
      let body;
      try {
        body = await this.#act(round);
      } catch (error) {
        if (round !== this.#round) return;
        this.#isFetching = false;
        this.#view.fail(error.response?.status === 401 ? this.#config.TIMEOUT : this.#config.TECHNICAL_REASON_ERROR);
        this.#emit("FETCH_DATA_ERROR", error);
        return;
      }
      if (round !== this.#round) {
        this.#forget(body.transactionId);
        return;
      }
      this.#isFetching = false;
      this.#view.offer(body, this.#deepLink(body));
      this.#follow(body.transactionId);
      this.#emit("DATA_FETCHED", body);
    }

    /** What actionUrl answers. A page may have asked already: `actionResponse` is used once. */
    async #act(round) {
      const { actionUrl, actionResponse } = this.#config;
      delete this.#config.actionResponse;
      let answer = { status: 200, data: actionResponse };
      if (typeof actionResponse === "string") answer.data = JSON.parse(actionResponse);
      if (!isPlain(answer.data)) {
        answer = await inTurn(() => {
          if (round !== this.#round) throw failure("thumbSignIn: nobody waits for it any more", { url: actionUrl });
          return requestObject(actionUrl);
        });
      }
      if (!answer.data.transactionId) throw failure("The answer names no transaction", { url: actionUrl }, answer);
      return answer.data;
    }

    /** Follows a transaction that began elsewhere: there is no code to show. */
    #resume(id) {
      this.#leave(id);
      this.#view.load();
      return this.#follow(id);
    }

    #follow(id) {
      this.#live = { id: String(id), isPolled: true, isPaused: false, asked: 0, closing: null };
      return this.#ask(this.#live);
    }

    /**
     * Turns away from what there was: its answers are stale from now on, and the site hears that nobody waits for it, unless it
     * is what is followed `next`.
     */
    #leave(next) {
      const transaction = this.#live;
      clearTimeout(this.#timer);
      this.#live = null;
      this.#round += 1;
      this.#isFetching = false;
      if (transaction && !transaction.closing && transaction.id !== next) this.#forget(transaction.id);
    }

    #forget(id) {
      this.#status(id, true).catch(() => {});
    }

    #status(id, isCancelled) {
      const { statusUrl, authHeader, xTsDate } = this.#config;
      if (!statusUrl) return requestObject(undefined);
      const address = statusUrl + encodeURIComponent(id);
      // A page of the Gluu kind asks the service itself, with a signature of its server, which covers the other three headers.
      const headers = authHeader ? {
        Accept: "application/json", "Content-Type": "application/json", Authorization: authHeader, "X-Ts-Date": xTsDate ?? "",
      } : {};
      return requestObject(isCancelled ? withParameters(address, { cancelled: "true" }) : address, { headers });
    }

    /** Asks how a transaction stands, and acts on it. Never fails: what goes wrong is an event. */
    async #ask(transaction, isCancelled = false) {
      transaction.asked += 1;
      const { asked } = transaction;
      let body;
      try {
        body = (await this.#status(transaction.id, isCancelled)).data;
      } catch (error) {
        if (this.#isStale(transaction, isCancelled)) return;
        // A later request tells more. iOS ends the connections of a page that is left for the app: coming back asks again.
        if (asked !== transaction.asked || (transaction.isPaused && !error.response)) return;
        transaction.isPolled = false;
        transaction.isPaused = false;
        // The site does not know it: the fragment is not tried again.
        if (error.response?.status < 500) ended.add(transaction.id);
        this.#view.fail(this.#config.TECHNICAL_REASON_ERROR);
        this.#emit("ERROR", error);
        return;
      }
      if (body.status === "PENDING" || body.status === "INITIATED") {
        if (this.#isStale(transaction, isCancelled)) return;
        this.#schedule(transaction);
        if (body.status === "INITIATED") this.#view.initiated();
        this.#emit(body.status, body);
        return;
      }
      if (transaction !== this.#live) return;
      this.#live = null;
      clearTimeout(this.#timer);
      ended.add(transaction.id);
      if (body.status === "COMPLETED_SUCCESSFUL") {
        this.#succeed(body);
      } else {
        this.#view.fail(this.#view.reason(body));
        this.#emit("FAILURE", body);
      }
    }

    /** Whether somebody asks how the transaction stands, or will when the app comes back; after a failed poll nobody does. */
    #isFollowed() { return Boolean(this.#live?.isPolled || this.#live?.isPaused); }

    /** Once `close()` has sent its cancel, only the answer to that counts, or a poll that was on its way and brings the end. */
    #isStale(transaction, isCancelled) {
      return transaction !== this.#live || (Boolean(transaction.closing) && !isCancelled);
    }

    #schedule(transaction) {
      clearTimeout(this.#timer);
      if (transaction.isPolled) this.#timer = setTimeout(() => this.#ask(transaction), POLL_MS);
    }

    async #succeed(body) {
      const round = this.#round;
      this.#isLeaving = true;
      this.#view.leave();
      await wait(LEAVE_MS);
      if (round === this.#round) this.#view.done();
      await wait(TICK_MS);
      this.#isLeaving = false;
      this.#emit("SUCCESS", body);
    }

    #emit(name, payload) {
      const listener = this.events[name];
      if (listener) attempt(listener.fn, listener.scope, payload);
    }

    /**
     * The link to the app, with what it needs to lead back here; none where the service's own would run a script. The query of
     * actionUrl, such as a login's state, is no business of the app.
     */
    #deepLink({ deepLinkUrl, transactionId }) {
      if (!this.#isPhone || typeof deepLinkUrl !== "string" || !deepLinkUrl || runsScript(deepLinkUrl)) return "";
      const { actionUrl, statusUrl, widgetUrlParameterSeparator } = this.#config;
      const returnurl = page.location.href.split("#")[0];
      return withParameters(deepLinkUrl, {
        transactionId, browser: browserName(), actionUrl: actionUrl?.split(/[?#]/)[0], statusUrl, widgetUrlParameterSeparator,
        returnurl,
      });
    }

    /** The transaction that the app came back with, unless it has ended here. */
    #returned() {
      const { widgetUrlParameterPart, widgetUrlParameterSeparator } = this.#config;
      const start = widgetUrlParameterPart + widgetUrlParameterSeparator;
      const { hash } = page.location;
      let id = hash.startsWith(start) ? hash.slice(start.length) : "";
      try {
        id = decodeURIComponent(id);
      } catch {
        return "";
      }
      // Anybody can write a fragment: what is no id would lead the poll to another address.
      return /^[\w.~-]+$/.test(id) && !/^\.+$/.test(id) && !ended.has(id) ? id : "";
    }

    #awaitReturn() {
      const { signal } = this.#gone;
      const comeBack = () => {
        const id = this.#returned();
        const isFollowed = id === this.#live?.id && this.#isFollowed();
        if (this.#isOpen && id && !isFollowed) this.#opened = this.#resume(id);
        else this.#wake();
      };
      page.addEventListener("hashchange", comeBack, { signal });
      document.addEventListener("visibilitychange", () => { if (!document.hidden) comeBack(); }, { signal });
    }

    /** The page is left for the app, which may come back to another copy of it. */
    #pause() {
      if (!this.#live?.isPolled || !leavesForApps()) return;
      clearTimeout(this.#timer);
      this.#live.isPolled = false;
      this.#live.isPaused = true;
    }

    #wake() {
      if (!this.#live?.isPaused) return;
      this.#live.isPaused = false;
      this.#live.isPolled = true;
      this.#ask(this.#live);
    }

    #loadModule(name) {
      const module = modules.get(name);
      if (!module) {
        console.warn(`thumbSignIn: there is no module ${name}`);
        return;
      }
      try {
        this.#config[name] = merge(module.config, this.#config[name]);
        const { elem, style } = module.getElem?.(this.#config, ROOT_URL) ?? {};
        addStyle(style);
        module.run.call(this, query()(typeof elem === "string" ? compile(elem.trim()) : nodesOf(elem)), this.#config);
      } catch (error) {
        report(error);
        // Once whoever awaits init() had the time to listen.
        setTimeout(() => this.#emit("ERROR", error));
      }
    }

    /** Another widget takes its name. */
    #dispose() {
      this.#leave();
      this.#gone.abort();
      this.#view.root.remove();
      elsewhere.get(this)?.forEach((node) => node.remove());
    }
  }

  // ---- The global ---------------------------------------------------------------------------------------------------------

  /** What `init` is told. Older pages say `name`, `id` and `rootID` for `id`, `config` and `container`. */
  const current = ({ id, name, config, container, rootID, require, style }) => {
    const [global, configuration] = config === undefined ? [name ?? id, id] : [id ?? name, config];
    return { name: global, config: configuration, container: container ?? rootID, require, style };
  };

  /** An id, an element, or an element in a jQuery object. */
  const containerOf = (container) => {
    if (typeof container === "string") return document.getElementById(container);
    return nodesOf(container)[0];
  };

  async function init(options = {}) {
    const { name, config, container, require = [], style } = current(options);
    if (name !== undefined) page[name] = {};
    addStyle(STYLE);
    if (style) addStyleSheet(style);
    await (containerOf(container) ? null : whenParsed());
    const place = containerOf(container);
    if (!place) throw new Error(`thumbSignIn: there is no element with the id ${container}`);
    const own = isPlain(config) ? config : configs.get(config) ?? configs.get(defaultConfig);
    if (!own) throw new Error(`thumbSignIn: there is no configuration ${config}; addConfig comes before init`);
    const widget = new Widget({
      name,
      configId: config,
      config: [configs.get(defaultConfig), own].map(withIntro).reduce(merge, DEFAULTS),
      container: place,
      require: [].concat(require),
    });
    if (name !== undefined) page[name] = widget;
    return widget;
  }

  const api = {
    /** Keeps a configuration for `init`. */
    addConfig(id, config) {
      if (config !== null && typeof config === "object") configs.set(id, config);
    },
    /** Makes a stored configuration the default: widgets made from now on have what their own does not say from it. */
    setConfig(id) {
      if (configs.has(id)) defaultConfig = id;
    },
    addModule(name, definition, run) {
      if (typeof run === "function") modules.set(name, { ...definition, run });
    },
    /** Gives every widget made from now on a plugin. */
    addPlugin(id, fn) {
      if (typeof fn === "function") plugins.set(id, fn);
    },
    init,
  };

  // ---- Modules that are always there --------------------------------------------------------------------------------------

  /** A number with its country: ten digits alone are of the United States or Canada. */
  const internationalNumber = (typed) => {
    const digits = typed.replace(/[\s().\/\u2010-\u2015-]/g, "");
    if (/^\d{10}$/.test(digits)) return `+1${digits}`;
    return /^\+[1-9]\d{7,14}$/.test(digits) ? digits : "";
  };

  api.addModule("sms", {
    config: {
      smsContent: "",
      smsTitle: "Or get link via SMS",
      smsPhone: "Phone number",
      smsSend: "Send",
      smsSent: "SMS sent to your mobile",
      smsFailed: "Something wrong happened",
      smsInvalid: "Please provide 10 digit phone number",
    },
    getElem: ({ sms }) => ({
      elem: el("div", { class: "tsmodal-footer" },
        el("p", { class: "more-info more-info2" }, sms.smsTitle),
        el("div", { class: "more-info" }, el("div", { class: "d-box" },
          el("p", { id: "sms_result", class: "more-info", role: "status" }),
          el("div", { class: "db-b" },
            el("input", {
              type: "tel", id: "phone", placeholder: "123 456 7890", autocomplete: "tel", "aria-label": sms.smsPhone,
            }),
            el("button", { type: "button", class: "d-arrow-b", "aria-label": sms.smsSend }))))),
    }),
  }, function smsModule(dom, config) {
    const { sms } = config;
    const box = dom[0];
    const [input, result] = ["#phone", "#sms_result"].map((one) => box.querySelector(one));
    let isSending = false;
    const send = async () => {
      if (isSending) return;
      const to = internationalNumber(input.value);
      input.setAttribute("aria-invalid", String(!to));
      if (!to) {
        say(result, sms.smsInvalid);
        input.focus();
        return;
      }
      const link = this.DOM.find("#qrcode").attr("data-deeplink-url");
      const message = sms.smsContent || (link ? `Please download App from ${link}` : "");
      isSending = true;
      say(result, "");
      try {
        // Before the first code there is nothing to send.
        if (!message) throw new Error("no link");
        await request(sms.smsUrl ?? config.smsUrl ?? "/sendSMS", {
          method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ to, message }),
        });
        say(result, sms.smsSent);
      } catch {
        say(result, sms.smsFailed);
      }
      isSending = false;
    };
    box.querySelector("button").addEventListener("click", send);
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // The page's own form, if it is around the widget, is not meant.
      send();
    });
    this.DOM.find("#module-wrapper").append(dom);
  });

  api.addModule("logo", {
    config: {
      appIcon: APP_ICON,
      playStoreIcon: badge("Google Play"),
      playStoreURL: "https://play.google.com/store/apps/details?id=com.pramati.thumbsignin.app",
      appStoreIcon: badge("App Store"),
      appStoreURL: "https://itunes.apple.com/us/app/thumbsignin/id1122364132",
      question: "Don't have the app yet?",
      getItNow: "Get it now",
    },
    getElem: ({ logo }) => {
      const store = (href, src, alt) => el("a", { href, target: "_blank", rel: "noopener noreferrer" },
        el("img", { src: fromRoot(src), alt, width: "90", height: "30" }));
      return {
        elem: el("div", { class: "ts-logo-wrapper" },
          el("p", {}, logo.question, " ", el("button", { type: "button", id: "get_link_by_sms" }, logo.getItNow)),
          el("p", { class: "icons" },
            el("img", { src: fromRoot(logo.appIcon), alt: "", width: "30", height: "30" }),
            store(logo.appStoreURL, logo.appStoreIcon, "App Store"),
            store(logo.playStoreURL, logo.playStoreIcon, "Google Play"))),
      };
    },
  }, function logoModule(dom) {
    dom[0].querySelector("button").addEventListener("click", () => this.DOM[0].querySelector("#phone")?.focus());
    this.DOM.find("#module-wrapper").append(dom);
  });

  api.addModule("tsModal", {
    config: { modalTitle: "Scan the QR Code", modalOpen: "Open Modal", modalClose: "Close" },
    getElem: ({ tsModal }) => ({
      elem: [
        el("button", { type: "button", id: "tsModalBtn" }, tsModal.modalOpen),
        el("dialog", { id: "tsModal", class: "modal ts-modal", "aria-label": tsModal.modalTitle },
          el("div", { class: "modal-content" },
            el("h4", { class: "text-center" }, tsModal.modalTitle),
            el("button", { type: "button", class: "close", "aria-label": tsModal.modalClose }, "\u00d7"),
            el("div", { class: "modal-content-wrapper" }))),
      ],
    }),
  }, function modalModule(dom) {
    const [button, modal] = dom.get();
    modal.querySelector(".modal-content-wrapper").append(this.DOM[0]);
    document.body.append(button, modal);
    elsewhere.set(this, [button, modal]);
    button.addEventListener("click", () => {
      modal.showModal();
      this.open();
    });
    modal.querySelector(".close").addEventListener("click", () => modal.close());
    // Only a press that began on the backdrop: whoever marks the text of a field may end there.
    let pressed;
    modal.addEventListener("pointerdown", (event) => { pressed = event.target; });
    modal.addEventListener("click", (event) => {
      if (event.target === modal && pressed === modal) modal.close();
    });
    // Escape comes here as well.
    modal.addEventListener("close", () => this.close());
  });

  if (typeof module === "object" && module?.exports) {
    module.exports = api;
  } else if (typeof define === "function" && define.amd) {
    // A loader names what it asked for; in an element of the page's own, a definition without a name would upset the loader.
    if (script?.hasAttribute("data-requiremodule")) define([], () => api);
    else define("thumbSignIn", [], () => api);
  }
  page.thumbSignIn = api;
})();
