// Which page is open: follows the address, closes the old page, opens the new one, keeps its place.

import { PAGES } from "../pages/index.js";
import { address, parse } from "../routes.js";
import { make } from "../shared/dom.js";

export class Router {
  #root;
  #site;
  #open = {};

  constructor(root, nav, slot, site) {
    this.#root = root;
    this.#site = site;
    this.slot = slot;
    this.links = PAGES.filter(({ hidden }) => !hidden).map(({ page, title }) => [page, make("a", { href: address(page) }, title)]);
    nav.append(...this.links.map(([, link]) => link));
    addEventListener("hashchange", () => this.show());
  }

  /** Open what the address says. */
  show() {
    if (!location.hash.startsWith("#/") && location.hash) return; // a place within the page
    const route = parse(location.hash);
    const found = PAGES.find(({ page }) => page === route.page);
    this.#open.close?.();
    this.slot.replaceChildren();
    this.#root.replaceChildren();
    this.#root.className = `page page-${route.page || "overview"}`;
    document.title = `${[route.id, found?.title ?? "No such page"].filter(Boolean).join(" · ")} · Beatwire`;
    for (const [page, link] of this.links) link.toggleAttribute("aria-current", page === route.page);
    this.#open = found ? found.module.open(this.#root, { ...this.#site, slot: this.slot }, route) : this.#nowhere(route);
  }

  /** Call what the open page wants to be called for. */
  call(what, ...args) {
    this.#open[what]?.(...args);
  }

  #nowhere({ page }) {
    this.#root.append(make("h1", {}, "No such page"), make("p", {}, `There is no page ${JSON.stringify(page)}.`));
    return {};
  }
}
