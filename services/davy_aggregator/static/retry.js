// How long to wait before another attempt: twice as long after each failure, and a little by chance, so that windows do not
// come back all at once.

const FIRST_MS = 500;
const LAST_MS = 15_000;

export class Backoff {
  #attempt = 0;

  next() {
    const longest = Math.min(LAST_MS, FIRST_MS * 2 ** this.#attempt++);
    return longest * (0.5 + Math.random() / 2);
  }

  reset() {
    this.#attempt = 0;
  }
}
