"use strict";
// Keeps an open page of a channel, thread or forum current. The server renders: after a change that the page shows, it is
// loaded again, and the parts that differ are replaced. All tabs of a community share one stream.
(() => {
  const main = document.getElementById("content");
  const { events, channel, parent } = main.dataset;
  const forum = "forum" in main.dataset;
  const HIDDEN_MS = 60_000, POLL_MS = 15_000, POLLS = 4, BOTTOM = 80;
  const bus = window.BroadcastChannel && new BroadcastChannel(events);
  // Messages that changed since the page was loaded, and channels that are not on it.
  const changed = new Set(), foreign = new Set();
  let last = "", text = "", unread = 0, first = null, opened = false, over = false;

  // ---- the page
  const list = () => document.getElementById("list");
  const isNewest = () => !main.querySelector(".pager a[rel=next]");
  const isAtBottom = () => list().getBoundingClientRect().bottom <= innerHeight + BOTTOM;
  const articles = (of) => [...of.querySelectorAll("article")];

  // Whether two nodes are the same to a reader, who may have opened some parts.
  const plain = (node) => {
    const copy = node.cloneNode(true);
    for (const spoiler of copy.querySelectorAll(".shown")) spoiler.classList.remove("shown");
    for (const details of copy.querySelectorAll("details")) details.open = false;
    return copy;
  };
  const isSame = (one, other) => plain(one).isEqualNode(plain(other));

  // Makes the children of `old` those of `fresh` after the first `kept` ones; nodes that did not change stay.
  function merge(old, fresh, kept = 0) {
    const key = (node) => node.id || node.textContent;
    const known = new Map([...old.children].slice(kept).map((node) => [key(node), node]));
    let before = kept ? old.children[kept - 1] : null;
    for (const node of [...fresh.children]) {
      const same = known.get(key(node));
      const put = same && isSame(same, node) ? same : node;
      if (put === same) known.delete(key(node));
      const next = before ? before.nextElementSibling : old.firstElementChild;
      if (put !== next) old.insertBefore(put, next);
      before = put;
    }
    for (const node of known.values()) node.remove();
  }

  function replace(id, page) {
    const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (old && fresh && !isSame(old, fresh)) old.replaceWith(fresh);
  }

  // Shows the messages of a loaded page. A reader at the end follows it; for another one nothing above moves.
  function show(page) {
    const old = list(), fresh = page.getElementById("list");
    const follows = isNewest() && isAtBottom(), height = old.scrollHeight;
    const known = new Set(articles(old).map((node) => node.id));
    const start = articles(fresh)[0];
    const kept = follows || !start ? 0 : [...old.children].findIndex((node) => node.id === start.id);
    if (kept < 0 && known.size) {
      // So many are new that there would be a gap.
      return announce(articles(fresh).length, null);
    }
    if (kept > 1) {
      // A page begins with a date and an author, also where the message before it has the same.
      if (fresh.firstElementChild !== start) fresh.firstElementChild.remove();
      if (!changed.has(start.id)) start.replaceWith(document.getElementById(start.id).cloneNode(true));
    }
    merge(old, fresh, kept > 1 ? kept : 0);
    if (kept < 2) replace("above", page);
    replace("below", page);
    const added = articles(old).filter((node) => !known.has(node.id));
    // A page that is loaded again without a change stays where it is: the reader may be about to click.
    if (follows) {
      if (old.scrollHeight !== height) old.lastElementChild?.scrollIntoView({ block: "end" });
    } else if (added.length && known.size) announce(added.length, added[0]);
    for (const id of changed) {
      const late = document.getElementById(id);
      if (late && !added.includes(late) && [...old.children].indexOf(late) < kept) single(id);
    }
    changed.clear();
  }

  // Shows the posts of a loaded page.
  function posts(fresh) {
    const [old, cards] = [main, fresh].map((of) => of.querySelector("ul.cards"));
    merge(old, cards);
    cards.replaceWith(old.cloneNode(true));
    merge(main, fresh);
  }

  function parsed(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    window.localTimes?.(page);
    return page;
  }

  // Loads one message that is above the loaded page.
  async function single(id) {
    const link = document.querySelector(`#${id} a[href$="/${id.slice(1)}"]`);
    const answer = link && (await fetch(link.href));
    if (!answer?.ok) return;
    const page = parsed(await answer.text());
    const fresh = page.getElementById(id);
    fresh?.classList.remove("target");
    if (fresh) document.getElementById(id)?.replaceWith(fresh);
  }

  const news = document.createElement("div");
  news.className = "news";
  news.setAttribute("role", "status");
  main.append(news);

  function announce(count, node) {
    unread = node ? unread + count : count;
    first ??= node;
    const button = document.createElement("button");
    button.textContent = `${unread}${node ? "" : "+"} new message${unread === 1 ? "" : "s"}`;
    button.onclick = () => {
      if (!first?.isConnected) return location.reload();
      first.scrollIntoView({ block: "start" });
      seen();
    };
    news.replaceChildren(button);
  }

  function seen() {
    [unread, first] = [0, null];
    news.replaceChildren();
  }
  addEventListener("scroll", () => unread && first && isAtBottom() && seen(), { passive: true });

  // ---- loading
  let timer = 0, loading = false, again = false, from = 0;

  // Loads the page again soon: at most once a second, and less often from a server that is slow.
  function refresh() {
    if (document.hidden) return void (again = true);
    if (loading) return void (again = true);
    if (!timer && !over) timer = setTimeout(load, Math.max(from - Date.now(), Math.random() * 100));
  }

  async function load() {
    [timer, loading, again] = [0, true, false];
    const start = Date.now();
    let wait = 1_000;
    try {
      const answer = await fetch(location.pathname + location.search, { cache: "no-cache" });
      if (answer.ok || answer.status === 404 || answer.status === 410) apply(await answer.text(), answer.ok);
      else {
        wait = Math.max(5, Number(answer.headers.get("Retry-After"))) * 1_000;
        again = true;
      }
    } catch {
      // The next change, or the next poll, loads it.
    }
    loading = false;
    from = Date.now() + Math.max(wait, 10 * (Date.now() - start));
    if (again) refresh();
  }

  function apply(html, ok) {
    if (html === text) return;
    text = html;
    const page = parsed(html);
    const fresh = page.getElementById("content");
    if (!ok) {
      over = true;
      pause();
      main.replaceChildren(...fresh.childNodes);
    } else {
      // An age-gated channel that the reader has opened stays open.
      const [gate, loaded] = [main, fresh].map((of) => of.querySelector("details.gate"));
      if (gate && loaded) loaded.open = gate.open;
      if (forum) posts(fresh);
      else show(page);
    }
    if (!news.isConnected) main.append(news);
  }

  // ---- the stream
  const isShown = (id) => id === channel || main.querySelector(`[data-channel="${id}"]`);

  function hear({ type, id, data }) {
    last = id || last;
    if (type === "open") opened = true;
    if (type === "open" || type === "reset") return refresh();
    const object = JSON.parse(data);
    const of = object.channel_id ?? object.id;
    if (of === channel && type.startsWith("message.")) {
      changed.add(`m${object.id}`);
      if (type === "message.deleted") document.getElementById(`m${object.id}`)?.remove();
    }
    if (isShown(of) || (object.gone && of === parent)) refresh();
    else if (forum && (object.parent_id === channel || (type === "message.created" && !foreign.has(of)))) {
      // A post that moves to the first page; any other channel is not looked for twice.
      if (object.parent_id !== channel) foreign.add(of);
      refresh();
    }
  }
  if (bus) bus.onmessage = ({ data }) => hear(data);

  let controller = null, release = null, sleep = 0, polls = 0;

  function lead() {
    return new Promise((done) => {
      const source = new EventSource(events + (last && `?last_event_id=${encodeURIComponent(last)}`));
      const tell = (message) => (hear(message), bus?.postMessage(message));
      release = () => (source.close(), done());
      source.onopen = () => tell({ type: "open" });
      for (const type of ["message.created", "message.updated", "message.deleted", "channel.updated", "reset"])
        source.addEventListener(type, (event) => tell({ type, id: event.lastEventId, data: event.data }));
      source.onerror = () => {
        if (source.readyState !== EventSource.CLOSED) return;
        // No stream is to be had: the page is loaded at intervals, and the stream is tried again.
        pause();
        poll();
      };
    });
  }

  function start() {
    if (controller || over) return;
    controller = new AbortController();
    const { signal } = controller;
    if (navigator.locks) navigator.locks.request(events, { signal }, () => (signal.aborted ? null : lead())).catch(() => {});
    else lead();
  }

  function pause() {
    controller?.abort();
    release?.();
    controller = release = null;
  }

  function poll() {
    refresh();
    polls += 1;
    const next = () => document.hidden || (polls % POLLS ? poll() : start());
    setTimeout(next, POLL_MS + Math.random() * 1_000);
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(sleep);
    if (document.hidden) return void (sleep = setTimeout(pause, HIDDEN_MS));
    const slept = !controller;
    start();
    if (slept || again) refresh();
  });
  addEventListener("pagehide", pause);
  addEventListener("pageshow", (event) => event.persisted && (start(), refresh()));

  if (!document.hidden) start();
  // Another tab has the stream, whose beginning this one has missed.
  setTimeout(() => opened || refresh(), 1_000);
})();
