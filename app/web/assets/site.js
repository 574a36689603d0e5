"use strict";
// What the pages have in addition with a script: the theme's switch, a tree that remembers, a viewer of pictures, spoilers
// that stay open, times of the reader's zone, and keys.
(() => {
  const root = document.documentElement;
  const all = (selector, of = document) => [...of.querySelectorAll(selector)];
  // Storage can be forbidden, and then nothing is remembered.
  const recall = (key) => {
    try {
      return localStorage[key];
    } catch {
      return undefined;
    }
  };
  const remember = (key, value) => {
    try {
      localStorage[key] = value;
    } catch {
      // It lasts as long as the page.
    }
  };

  // ---- the theme
  const switcher = document.querySelector("button.theme");
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "")) === "dark";
  const state = () => switcher.setAttribute("aria-pressed", isDark());
  switcher.onclick = () => {
    remember("theme", (root.dataset.theme = isDark() ? "light" : "dark"));
    state();
  };
  state();

  // ---- the tree of channels
  const nav = document.querySelector("nav.channels");
  if (nav) {
    const key = `folds:${nav.dataset.folds}`;
    const folds = JSON.parse(recall(key) || "{}");
    for (const group of all("details[data-fold]", nav)) {
      const id = group.dataset.fold;
      group.open = folds[id] ?? group.open;
      group.firstElementChild.addEventListener("click", () => {
        folds[id] = !group.open;
        remember(key, JSON.stringify(folds));
      });
    }
    const here = nav.querySelector("[aria-current]");
    if (here) nav.scrollTop = here.offsetTop - nav.clientHeight / 2;
  }

  // ---- times: those of the server are in UTC
  const two = (number) => String(number).padStart(2, "0");
  const FULL = /^\d+ \S+ \d+ at \d\d:\d\d UTC$/, CLOCK = /^\d\d:\d\d( UTC)?$/;
  window.localTimes = (of) => {
    for (const time of all("time[datetime]", of)) {
      const text = time.textContent;
      const at = new Date(time.dateTime);
      if (!(FULL.test(text) || CLOCK.test(text)) || isNaN(at)) continue;
      const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
      const day = () => `${at.getDate()} ${at.toLocaleString("en", { month: "long" })} ${at.getFullYear()}`;
      time.title ||= text;
      time.textContent = FULL.test(text) ? `${day()} at ${clock}` : clock;
    }
  };
  window.localTimes(document);

  // ---- pictures
  let viewer = null, links = [], at = 0;
  function show(index) {
    at = (index + links.length) % links.length;
    const [picture] = all("img", links[at]);
    const [large] = all("img", viewer);
    [large.src, large.alt] = [links[at].href, picture.alt];
    all("p", viewer)[0].textContent = links.length > 1 ? `${at + 1} / ${links.length}` : "";
  }
  function build() {
    viewer = document.createElement("dialog");
    viewer.className = "viewer";
    viewer.setAttribute("aria-label", "Picture");
    viewer.innerHTML =
      '<button class="shut" aria-label="Close">×</button><button class="back" aria-label="Previous picture">‹</button>' +
      '<img alt=""><button class="on" aria-label="Next picture">›</button><p role="status"></p>';
    const step = { ArrowLeft: -1, ArrowRight: 1 };
    let from = 0;
    viewer.addEventListener("keydown", (event) => step[event.key] && show(at + step[event.key]));
    // Two fingers enlarge the picture.
    const start = ({ touches }) => (from = touches.length > 1 ? NaN : touches[0].clientX);
    viewer.addEventListener("touchstart", start, { passive: true });
    viewer.addEventListener("touchend", (event) => {
      const moved = event.changedTouches[0].clientX - from;
      if (Math.abs(moved) > 40) show(at - Math.sign(moved));
    });
    viewer.onclick = ({ target }) => {
      if (target.className === "back") show(at - 1);
      else if (target.className === "on") show(at + 1);
      else if (target.tagName !== "IMG") viewer.close();
    };
    document.body.append(viewer);
  }
  function open(link) {
    if (!viewer) build();
    links = all("a:has(> img.picture)", link.closest("article") ?? document).filter((one) => one.offsetParent);
    viewer.classList.toggle("single", links.length < 2);
    show(links.indexOf(link));
    viewer.showModal();
  }

  // ---- clicks and keys
  const isPlain = (event) => !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
  document.addEventListener("click", (event) => {
    if (!isPlain(event) || event.button) return;
    const { target } = event;
    const spoiler = target.closest(".spoiler");
    if (spoiler && !(target.closest("a") && spoiler.classList.contains("shown"))) {
      spoiler.classList.toggle("shown");
      return event.preventDefault();
    }
    const link = target.closest("a");
    if (link?.querySelector(":scope > img.picture")) {
      event.preventDefault();
      open(link);
    } else if (link?.closest(".reply")) {
      // The original may be on the page.
      const id = `m${link.pathname.split("/").pop()}`;
      if (document.getElementById(id)) {
        event.preventDefault();
        location.hash = "";
        location.hash = id;
        document.getElementById(id).focus({ preventScroll: true });
      }
    }
  });

  const ITEMS = "main article, main .cards h2 a, main .hit a.open";
  function move(by) {
    const items = all(ITEMS).filter((one) => one.offsetParent);
    const now = items.findIndex((one) => one.contains(document.activeElement));
    const top = parseFloat(getComputedStyle(root).scrollPaddingTop) || 0;
    const seen = items.findIndex((one) => one.getBoundingClientRect().top >= top - 1);
    const next = items[now < 0 ? Math.max(seen, 0) : now + by];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (!isPlain(event) || target.closest("input, textarea, select, [contenteditable], dialog")) return;
    if (key === "/") {
      const box = document.querySelector("input[type=search]");
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.select();
    } else if (key === "j" || key === "k") move(key === "j" ? 1 : -1);
    else if ((key === "Enter" || key === " ") && target.matches(".spoiler")) {
      event.preventDefault();
      target.classList.toggle("shown");
    }
  });
})();
