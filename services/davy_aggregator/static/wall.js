// The wall: which tiles are shown, in which order and size, and which of them the server sends.

import { t } from "/web/words.js";
import { complete } from "/static/layout.js";
import { element, Tile } from "/static/tile.js";

const GAP_PX = 8;
const CAPTION_PX = 63; // border, and what stands below the picture, until it is measured
const NARROW_CAPTION_PX = 36; // of a tile without figures
const NARROW_TILE_PX = 340; // console.css hides the figures of a narrower one
export const MIN_PICTURE_PX = 120; // nobody recognises a person in a lower one
const MIN_TILE_PX = Math.ceil(((MIN_PICTURE_PX + 1) * 16) / 9) + 2; // with its border
const SCROLLED_TILE_PX = 240; // at least, where the wall scrolls
const FEW = 4;
const SOME = 16;
const RATE_OF_SOME = 10;
const RATE_OF_MANY = 5;
const RATE_OF_RESERVE = 1; // of a camera whose video is played
const SETTLE_MS = 80; // of scrolling, before the selection is sent

export class Wall {
  tiles = new Map();
  single = null;
  page = 0;
  layout = complete({});
  #visible = new Set();
  #watching;
  #timer = 0;
  #tour = 0;
  #fixed;
  #captions = { wide: CAPTION_PX, narrow: NARROW_CAPTION_PX };

  // changed(): layout, page or single tile are others. fixed: a screen without controls.
  constructor(grid, stream, changed, fixed = false) {
    Object.assign(this, { grid, stream, changed });
    this.#fixed = fixed;
    this.#watching = new IntersectionObserver((entries) => this.#see(entries), { threshold: 0 });
    grid.dataset.empty = t("no-cameras");
    new ResizeObserver(() => this.layOut()).observe(grid);
    document.addEventListener("visibilitychange", () => this.select());
  }

  offer(head, enhanced, raw) {
    const tile = this.tiles.get(head.id);
    if (tile) tile.offer(head, enhanced, raw);
    else this.stream.ack(head);
  }

  // Take a state of the stream.
  update({ cameras, whole, gone = [] }) {
    let rearranged = false;
    for (const camera of cameras) {
      const tile = this.tiles.get(camera.id) ?? this.#add(camera.id);
      rearranged ||= !tile.camera || tile.camera.district !== camera.district;
      tile.update(camera);
    }
    const present = new Set(cameras.map(({ id }) => id));
    for (const id of whole ? [...this.tiles.keys()].filter((each) => !present.has(each)) : gone) {
      const tile = this.tiles.get(id);
      if (!tile) continue;
      if (this.single === tile) this.show(null);
      this.#watching.unobserve(tile.root);
      this.#visible.delete(tile);
      tile.close();
      this.tiles.delete(id);
      rearranged = true;
    }
    this.grid.classList.toggle("empty", this.tiles.size === 0);
    if (!rearranged) return;
    this.arrange();
    this.changed();
  }

  #add(id) {
    const tile = new Tile(id, {
      onOpen: (each) => this.#open(each),
      onDone: (head) => this.stream.ack(head),
      onZoom: () => this.select(),
    });
    tile.setMode(this.layout.mode);
    this.tiles.set(id, tile);
    this.#watching.observe(tile.root);
    this.#makeMovable(tile);
    return tile;
  }

  set(change) {
    this.layout = complete({ ...this.layout, ...change });
    for (const tile of this.tiles.values()) tile.setMode(this.layout.mode);
    this.#startTour();
    this.arrange();
    this.changed();
  }

  // Tiles in the order of the wall.
  ordered() {
    const place = new Map(this.layout.order.map((id, index) => [id, index]));
    const all = [...this.tiles.values()].map((tile, index) => [this.groupOf(tile), place.get(tile.id) ?? 1e6 + index, tile]);
    return all.sort((a, b) => a[0].localeCompare(b[0]) || a[1] - b[1]).map(([, , tile]) => tile);
  }

  groupOf(tile) {
    return this.layout.group === "none" ? "" : tile.camera?.[this.layout.group] || "";
  }

  get pages() {
    return this.layout.per_page ? Math.max(1, Math.ceil(this.tiles.size / this.layout.per_page)) : 1;
  }

  // Tiles of this page.
  onPage() {
    const all = this.ordered();
    this.page = Math.min(this.page, this.pages - 1);
    const { per_page: count } = this.layout;
    return count ? all.slice(this.page * count, (this.page + 1) * count) : all;
  }

  arrange() {
    const shown = this.onPage();
    const wanted = [];
    let group = "";
    for (const tile of shown) {
      const own = this.groupOf(tile);
      if (this.layout.group !== "none" && (own !== group || !wanted.length)) wanted.push(this.#heading(own));
      group = own;
      wanted.push(tile.root);
    }
    const here = [...this.grid.children];
    if (here.length !== wanted.length || here.some((node, index) => node !== wanted[index])) this.grid.replaceChildren(...wanted);
    this.layOut();
  }

  #heading(name) {
    const known = this.grid.querySelector(`.group[data-name="${CSS.escape(name)}"]`);
    const heading = known ?? element("h2", "group", name || t("group-none"));
    heading.dataset.name = name;
    return heading;
  }

  // Choose the number of columns with the largest pictures. The wall scrolls where the smallest legible ones do not fit.
  layOut() {
    const shown = this.single ? 1 : this.onPage().length;
    if (!shown || !this.grid.clientWidth) return;
    const width = this.grid.clientWidth - 2 * GAP_PX;
    const height = this.grid.clientHeight - 2 * GAP_PX;
    const most = Math.max(1, Math.floor((width + GAP_PX) / (MIN_TILE_PX + GAP_PX)));
    const fitted = this.#fitted(shown, width, height, most);
    const forced = !this.single && this.layout.columns ? Math.min(this.layout.columns, most) : 0;
    const scrolls = forced || this.#bodyScrolls() || fitted.tile < MIN_TILE_PX || (this.layout.group !== "none" && !this.single);
    const filling = Math.max(1, Math.floor((width + GAP_PX) / (SCROLLED_TILE_PX + GAP_PX)));
    const columns = this.single ? 1 : forced || (scrolls ? Math.min(filling, Math.max(shown, 2)) : fitted.columns);
    this.grid.style.setProperty("--columns", columns);
    this.grid.style.gridTemplateColumns = scrolls ? "" : `repeat(${columns}, ${Math.floor(fitted.tile)}px)`;
    this.grid.style.alignContent = scrolls ? "start" : "center";
    const tile = scrolls ? (width - (columns - 1) * GAP_PX) / columns : fitted.tile;
    for (const each of this.tiles.values()) each.compact = tile < NARROW_TILE_PX && each !== this.single;
    if (!scrolls && this.#measure()) this.layOut();
    this.select();
  }

  // Fonts differ: learn how much a tile adds to its picture. Return whether that is more than was thought.
  #measure() {
    const { root, canvas } = this.single ?? this.onPage()[0];
    const box = root.getBoundingClientRect();
    const kind = box.width < NARROW_TILE_PX ? "narrow" : "wide";
    const added = Math.ceil(box.height - canvas.getBoundingClientRect().height);
    if (this.#fixed || added <= this.#captions[kind]) return false;
    this.#captions[kind] = added;
    return true;
  }

  #bodyScrolls() {
    return getComputedStyle(this.grid).overflowY === "visible";
  }

  #fitted(shown, width, height, most) {
    let best = { columns: 1, tile: 0 };
    for (let columns = 1; columns <= Math.min(shown, most); columns += 1) {
      const rows = Math.ceil(shown / columns);
      const byWidth = (width - (columns - 1) * GAP_PX) / columns;
      const room = (height - (rows - 1) * GAP_PX) / rows;
      const { wide, narrow } = this.#captions;
      const caption = this.#fixed ? 2 : (room - wide) * (16 / 9) < NARROW_TILE_PX || byWidth < NARROW_TILE_PX ? narrow : wide;
      const tile = Math.min(byWidth, (room - caption) * (16 / 9) + 2);
      if (tile > best.tile) best = { columns, tile };
    }
    return best;
  }

  #open(tile) {
    this.show(this.single === tile ? null : tile);
  }

  // Show one camera large; null shows all again.
  show(tile) {
    const before = this.single;
    before?.root.classList.remove("single");
    before?.zoom.reset();
    this.single = tile;
    if (tile && !tile.root.isConnected) this.#turnTo(tile);
    tile?.root.classList.add("single");
    this.grid.classList.toggle("has-single", Boolean(tile));
    this.layOut();
    (tile ?? before)?.openButton.focus({ preventScroll: Boolean(tile), focusVisible: false });
    this.changed();
  }

  #turnTo(tile) {
    this.page = Math.floor(this.ordered().indexOf(tile) / this.layout.per_page);
    this.arrange();
  }

  // The camera before or after the one that is shown large.
  step(by) {
    const all = this.ordered();
    const next = all[(all.indexOf(this.single) + by + all.length) % all.length];
    if (next) this.show(next);
  }

  turn(by) {
    this.page = (this.page + by + this.pages) % this.pages;
    this.arrange();
    this.grid.scrollTop = 0;
    this.changed();
  }

  #startTour() {
    clearInterval(this.#tour);
    const { tour_s: seconds, per_page: count } = this.layout;
    if (seconds && count) this.#tour = setInterval(() => !this.single && !document.hidden && this.turn(1), seconds * 1000);
  }

  #see(entries) {
    for (const { target, isIntersecting } of entries) {
      const tile = this.tiles.get(target.dataset.camera);
      if (isIntersecting && tile) this.#visible.add(tile);
      else this.#visible.delete(tile);
    }
    this.select();
  }

  // The server sends visible tiles alone, each at its size; a hidden page gets no pictures.
  select() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#selectNow(), SETTLE_MS);
  }

  #selectNow() {
    const shown = document.hidden ? [] : [...this.#visible].filter((tile) => tile.canvas.clientWidth);
    const rate = this.layout.fps || (shown.length <= FEW ? 0 : shown.length <= SOME ? RATE_OF_SOME : RATE_OF_MANY);
    for (const tile of this.tiles.values()) tile.watched = shown.includes(tile);
    this.stream.show(Object.fromEntries(shown.map((tile) => [tile.id, { ...tile.wanted(), fps: tile.plays ? RATE_OF_RESERVE : rate }])));
  }

  // By hand: drag the caption, or press Alt and an arrow key on the picture.
  #makeMovable(tile) {
    if (this.#fixed) return;
    tile.caption.draggable = true;
    tile.caption.title = t("tile-move");
    tile.caption.addEventListener("dragstart", (event) => {
      event.dataTransfer.setData("text/plain", tile.id);
      event.dataTransfer.effectAllowed = "move";
    });
    tile.root.addEventListener("dragover", (event) => event.preventDefault());
    tile.root.addEventListener("drop", (event) => {
      event.preventDefault();
      const moved = this.tiles.get(event.dataTransfer.getData("text/plain"));
      if (moved && moved !== tile) this.move(moved, this.ordered().indexOf(tile));
    });
    tile.openButton.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!event.altKey || !by) return;
      event.preventDefault();
      this.move(tile, this.ordered().indexOf(tile) + by);
      tile.openButton.focus();
    });
  }

  move(tile, to) {
    const ids = this.ordered().map(({ id }) => id);
    const from = ids.indexOf(tile.id);
    ids.splice(from, 1);
    ids.splice(Math.min(ids.length, Math.max(0, to)), 0, tile.id);
    this.set({ order: ids });
  }
}
