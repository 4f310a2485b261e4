// The WebSocket to /v1/console: pairs of pictures in, acknowledgements out.

const RETRY_MS = [500, 1000, 2000, 4000];
const SILENCE_MS = 4000; // the server tells its state twice a second: silence means the line is dead, whatever TCP thinks

export class Stream {
  #socket = null;
  #attempt = 0;
  #wish = { cameras: null, fps: 0, raw: true };
  #heardMs = 0;
  #offsets = []; // [performance.now() of receipt - server's clock at sending], newest last

  constructor({ onState, onFrame, onUp, onDown }) {
    Object.assign(this, { onState, onFrame, onUp, onDown });
    this.#connect();
    setInterval(() => this.#checkSilence(), 1000);
  }

  wish(change) {
    Object.assign(this.#wish, change);
    this.#send(this.#wish);
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
      this.#heardMs = performance.now();
      this.#send(this.#wish);
      this.onUp();
    };
    socket.onmessage = ({ data }) => {
      this.#heardMs = performance.now();
      if (typeof data === "string") this.onState(JSON.parse(data));
      else this.#take(data);
    };
    socket.onclose = ({ reason }) => {
      if (this.#socket !== socket) return;
      this.onDown(reason);
      const wait = RETRY_MS[Math.min(this.#attempt++, RETRY_MS.length - 1)];
      setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
    };
    this.#socket = socket;
  }

  #checkSilence() {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN && performance.now() - this.#heardMs > SILENCE_MS) {
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
    // A frame that waited in a buffer on the way is as much older: its travel beyond the quickest one counts.
    const offset = now - head.sent_ms;
    this.#offsets.push(offset);
    if (this.#offsets.length > 600) this.#offsets.shift();
    const delayed = offset - Math.min(...this.#offsets);
    head.bornMs = now - head.age_ms - delayed; // when it was captured, on this page's clock
    this.onFrame(head, enhanced, raw);
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
