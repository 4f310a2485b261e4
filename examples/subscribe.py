"""Receive enhanced frames over MQTT and write the newest of each camera.

davy demo                                                  # in another terminal
. .davy/access.env                                         # MQTT_URL: the broker, with the login of a viewer
python examples/subscribe.py --frames 20 --out frames      # needs paho-mqtt, which Davy installs with an edge
"""

import argparse
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default=os.environ.get("MQTT_URL", "mqtt://127.0.0.1:1883"))
    parser.add_argument("--out", type=Path, default=Path("frames"), help="folder of the newest frames")
    parser.add_argument("--frames", type=int, default=0, help="stop after this number; 0: never")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    received = 0

    def on_connect(client: mqtt.Client, _: object, __: object, reason: mqtt.ReasonCode, ___: object) -> None:
        if reason.is_failure:
            sys.exit(f"the broker refuses: {reason}")
        client.subscribe("davy/v1/+/+/cam/+/frame", qos=0)  # here, so that it is subscribed again after a reconnection

    def on_message(client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        nonlocal received
        _, _, site, edge, _, camera, _ = message.topic.split("/")
        facts = dict(message.properties.UserProperty)  # seq, captured_ns, boot_id, width, height, model, traceparent
        age_ms = (time.time_ns() - int(facts["captured_ns"])) / 1e6  # of clocks that agree
        (options.out / f"{site}.{edge}.{camera}.jpg").write_bytes(message.payload)  # a JPEG and nothing else
        print(f"{edge}/{camera} seq {facts['seq']} {len(message.payload):,} bytes, {age_ms:.0f} ms old")
        received += 1
        if received == options.frames:
            client.disconnect()

    broker = urlsplit(options.broker)
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_connect, client.on_message = on_connect, on_message
    if broker.username:
        client.username_pw_set(broker.username, broker.password)
    client.connect(broker.hostname or "127.0.0.1", broker.port or 1883)
    client.loop_forever()


if __name__ == "__main__":
    main()
