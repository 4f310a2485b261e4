// Receive enhanced frames over MQTT and write the newest of each camera.
//
//   davy demo                                         in another terminal
//   . .davy/access.env                                MQTT_URL: the broker, with the login of a viewer
//   npm install mqtt
//   node examples/subscribe.mjs "$MQTT_URL" 20
import { mkdir, writeFile } from "node:fs/promises";
import mqtt from "mqtt";

const [broker = process.env.MQTT_URL ?? "mqtt://127.0.0.1:1883", frames = "0"] = process.argv.slice(2); // 0 frames: until Ctrl-C
const client = mqtt.connect(broker, { protocolVersion: 5 });
let received = 0;

await mkdir("frames", { recursive: true });
client.on("connect", () => client.subscribe("davy/v1/+/+/cam/+/frame", { qos: 0 }));
client.on("error", (error) => console.error(error.message));
client.on("message", async (topic, jpeg, packet) => {
  const [, , site, edge, , camera] = topic.split("/");
  const { seq, captured_ns: captured } = packet.properties.userProperties; // boot_id, width, height, model, too
  const age = Date.now() - Number(BigInt(captured) / 1_000_000n); // of clocks that agree
  console.log(`${edge}/${camera} seq ${seq} ${jpeg.length} bytes, ${age} ms old`);
  await writeFile(`frames/${site}.${edge}.${camera}.jpg`, jpeg);
  if (++received === Number(frames)) client.end();
});
