// The camera that is shown large, by WebRTC: its pictures go to the tile. Where it does not work, the JPEGs stay.

import { Backoff } from "/static/retry.js";

const SILENCE_MS = 3000; // without a picture the connection counts as lost
const TIMING_MS = 15_000; // clocks drift
const TICKS_PER_MS = 90; // RTP's time stamps of video

export class Player {
  #tile = null;
  #session = null;
  #backoff = new Backoff();
  #timer = 0;
  #changed;

  // changed(): a tile gets its pictures from elsewhere now.
  constructor(changed) {
    this.#changed = changed;
    document.addEventListener("visibilitychange", () => this.#restart());
  }

  // Play the camera of a tile; null plays none.
  follow(tile) {
    const wanted = tile?.mode === "enhanced" && tile.camera?.video ? tile : null;
    if (wanted === this.#tile) return;
    this.#stop();
    this.#tile = wanted;
    this.#backoff.reset();
    this.#restart();
  }

  #restart() {
    this.#stop();
    if (this.#tile && !document.hidden && window.RTCPeerConnection) this.#start(this.#tile);
  }

  #start(tile) {
    this.#session = new Session(tile.id, tile.canvas, {
      onPicture: (video, bornMs) => {
        this.#backoff.reset();
        if (!tile.plays) this.#switch(tile, true);
        tile.play(video, bornMs);
      },
      onLost: () => {
        this.#stop();
        this.#timer = setTimeout(() => this.#restart(), this.#backoff.next());
      },
    });
    this.#session.open();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#session?.close();
    this.#session = null;
    if (this.#tile?.plays) this.#switch(this.#tile, false);
  }

  #switch(tile, plays) {
    tile.plays = plays;
    tile.root.dataset.video = String(plays);
    this.#changed();
  }
}

// One connection, by WHEP. It is used once.
class Session {
  #connection = new RTCPeerConnection();
  #video = document.createElement("video");
  #path;
  #location = "";
  #base = null; // { rtp, bornMs } of one packet
  #lastMs = performance.now();
  #timers = [];
  #closed = false;

  // canvas: where pictures are drawn. The video lies behind it: browsers decode what is in view.
  constructor(id, canvas, { onPicture, onLost }) {
    canvas.before(this.#video);
    this.#path = `/v1/cameras/${encodeURIComponent(id)}/whep`;
    Object.assign(this, { onPicture, onLost });
  }

  async open() {
    const connection = this.#connection;
    Object.assign(this.#video, { muted: true, autoplay: true, playsInline: true });
    connection.onconnectionstatechange = () => connection.connectionState === "failed" && this.#lose();
    connection.ontrack = ({ track, receiver }) => {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0; // pictures of now, not smooth ones
      this.#video.srcObject = new MediaStream([track]);
      this.#video.requestVideoFrameCallback((_, frame) => this.#take(frame));
    };
    this.#timers.push(setInterval(() => performance.now() - this.#lastMs > SILENCE_MS && this.#lose(), SILENCE_MS / 3));
    this.#timers.push(setInterval(() => this.#readTiming(), TIMING_MS));
    try {
      connection.addTransceiver("video", { direction: "recvonly" });
      await connection.setLocalDescription(await connection.createOffer());
      const headers = { "Content-Type": "application/sdp" };
      const answer = await fetch(this.#path, { method: "POST", headers, body: connection.localDescription.sdp });
      if (!answer.ok) return this.#lose();
      this.#location = answer.headers.get("Location");
      if (this.#closed) return this.#end();
      this.#lastMs = performance.now();
      await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    } catch {
      this.#lose();
    }
    return undefined;
  }

  async #take(frame) {
    if (this.#closed) return;
    this.#video.requestVideoFrameCallback((_, next) => this.#take(next));
    this.#lastMs = performance.now();
    if (!this.#base) await this.#readTiming();
    if (!this.#base || this.#closed) return;
    const bornMs = this.#base.bornMs + ((frame.rtpTimestamp - this.#base.rtp) | 0) / TICKS_PER_MS;
    const { videoWidth: width, videoHeight: height } = this.#video;
    this.onPicture(Object.assign(this.#video, { width, height }), bornMs);
  }

  // Learn when the newest packet was captured. The request's own delay counts as age, so that no picture looks younger than it is.
  async #readTiming() {
    if (!this.#location || this.#closed) return;
    const askedMs = performance.now();
    const answer = await fetch(this.#location).catch(() => null);
    if (answer?.status !== 200) return;
    const { rtp_timestamp: rtp, age_ms: ageMs } = await answer.json();
    this.#base = { rtp, bornMs: askedMs - ageMs };
  }

  #lose() {
    if (this.#closed) return;
    this.close();
    this.onLost();
  }

  close() {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#video.srcObject = null;
    this.#video.remove();
    this.#end();
  }

  async #end() {
    const location = this.#location;
    this.#location = "";
    if (location) await fetch(location, { method: "DELETE", keepalive: true }).catch(() => null);
    this.#connection.close();
  }
}
