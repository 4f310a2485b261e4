// The WebSocket to /v1/console: pairs of frames in, acknowledgements out.

import { signIn } from "/static/page.js";

const RETRY_MS = [500, 1000, 2000, 4000];
const SILENCE_MS = 4000; // the server sends its state twice a second, so that silence means a dead connection

export class Stream {
  #socket = null;
  #attempt = 0;
  #selection = { cameras: null, fps: 0, raw: true };
  #lastMessageMs = 0;
  #offsets = []; // performance.now() of receipt - server clock at sending, newest last

  constructor({ onState, onFrame, onUp, onDown }) {
    Object.assign(this, { onState, onFrame, onUp, onDown });
    this.#connect();
    setInterval(() => this.#checkSilence(), 1000);
  }

  select(change) {
    Object.assign(this.#selection, change);
    this.#send(this.#selection);
  }

  ack(head) {
    this.#send({ ack: head.id, seq: head.seq });
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/console`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#attempt = 0;
      this.#offsets = [];
      this.#lastMessageMs = performance.now();
      this.#send(this.#selection);
      this.onUp();
    };
    socket.onmessage = ({ data }) => {
      this.#lastMessageMs = performance.now();
      if (typeof data === "string") this.onState(JSON.parse(data));
      else this.#take(data);
    };
    socket.onclose = ({ reason }) => {
      if (this.#socket !== socket) return;
      this.onDown(reason);
      this.#checkSession();
      const wait = RETRY_MS[Math.min(this.#attempt++, RETRY_MS.length - 1)];
      setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
    };
    this.#socket = socket;
  }

  async #checkSession() {
    const response = await fetch("/v1/session").catch(() => null);
    if (response?.status === 401) signIn();
  }

  #checkSilence() {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN && performance.now() - this.#lastMessageMs > SILENCE_MS) {
      socket.onclose({ reason: "the server is silent" });
      socket.onclose = socket.onmessage = null;
      socket.close();
    }
  }

  #take(data) {
    const now = performance.now();
    const headBytes = new DataView(data).getUint32(0);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, headBytes)));
    const start = 4 + headBytes;
    const enhanced = new Uint8Array(data, start, head.enhanced_bytes);
    const raw = head.raw_bytes ? new Uint8Array(data, start + head.enhanced_bytes, head.raw_bytes) : null;
    // Network buffering ages a frame: add its delay beyond the fastest one.
    const offset = now - head.sent_ms;
    this.#offsets.push(offset);
    if (this.#offsets.length > 600) this.#offsets.shift();
    const delayed = offset - Math.min(...this.#offsets);
    head.bornMs = now - head.age_ms - delayed; // time of capture on this page's clock
    this.onFrame(head, enhanced, raw);
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
