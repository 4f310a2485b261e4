// The WebSocket to /v1/console: pictures at the size of the tiles, states and events in; what is shown and acknowledgements out.

import { signIn } from "/static/page.js";
import { Backoff } from "/static/retry.js";

const SILENCE_MS = 4000; // the server sends its state twice a second, so that silence means a dead connection
const WATCH_MS = 1000;

export class Stream {
  #socket = null;
  #backoff = new Backoff();
  #up = false;
  #shown = "{}"; // what the server shall send, as JSON
  #lastEvent = null;
  #lastMessageMs = 0;
  #edges = {}; // status by edge, which a state names when it changes
  #offsets = []; // performance.now() of receipt - server clock at sending, newest last

  // Callbacks: onState(state), where state.cameras are all of them (state.whole) or those that changed or are shown, and
  // state.gone are the ids of removed ones; onFrame(head, enhanced, raw), onEvent(event), onUp(), onDown(reason).
  constructor(callbacks) {
    Object.assign(this, callbacks);
    this.#connect();
    setInterval(() => this.#checkSilence(), WATCH_MS);
  }

  // cameras: id to { kind, width, fps }.
  show(cameras) {
    const wanted = JSON.stringify(cameras);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.#sendShown();
  }

  ack(head) {
    this.#send(`{"type":"ack","id":${JSON.stringify(head.id)},"seq":${head.seq}}`);
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/console`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#offsets = [];
      this.#lastMessageMs = performance.now();
      this.#sendShown();
      this.#send(JSON.stringify({ type: "events", after: this.#lastEvent }));
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ reason }) => {
      if (this.#socket !== socket) return;
      this.#up = false;
      this.onDown(reason);
      this.#checkSession();
      setTimeout(() => this.#connect(), this.#backoff.next());
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
      socket.onclose({ reason: "" });
      socket.onclose = socket.onmessage = null;
      socket.close();
    }
  }

  #receive(data) {
    this.#lastMessageMs = performance.now();
    if (typeof data !== "string") return this.#take(data);
    const message = JSON.parse(data);
    if (message.type === "event") {
      this.#lastEvent = message.event.id;
      this.onEvent(message.event);
    } else if (message.type === "state" || message.type === "state-change") {
      if (!this.#up) this.onUp(); // the server has accepted this window, which an open socket does not yet say
      this.#up = true;
      this.#backoff.reset();
      this.#edges = message.edges ?? this.#edges;
      this.onState({ ...message, edges: this.#edges, whole: message.type === "state" });
    } else {
      document.dispatchEvent(new CustomEvent(`davy:${message.type}`, { detail: message }));
    }
    return undefined;
  }

  #take(data) {
    const now = performance.now();
    const headBytes = new DataView(data).getUint32(0);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, headBytes)));
    const start = 4 + headBytes;
    const enhanced = head.enhanced_bytes ? new Uint8Array(data, start, head.enhanced_bytes) : null;
    const raw = head.raw_bytes ? new Uint8Array(data, start + head.enhanced_bytes, head.raw_bytes) : null;
    // Network buffering ages a frame: add its delay beyond the fastest one.
    const offset = now - head.sent_ms;
    this.#offsets.push(offset);
    if (this.#offsets.length > 600) this.#offsets.shift();
    const delayed = offset - Math.min(...this.#offsets);
    head.bornMs = now - head.age_ms - delayed; // time of capture on this page's clock
    this.onFrame(head, enhanced, raw);
  }

  #sendShown() {
    this.#send(`{"type":"show","cameras":${this.#shown}}`);
  }

  #send(text) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }
}
