#!/bin/bash
# Health check of a container: probe URL [CA] succeeds where the service answers 200. Bash speaks HTTP, and openssl TLS: checks
# every two seconds must not start a Python interpreter each time.
set -euo pipefail
url=$1 ca=${2:-}
address=${url#*://} scheme=${url%%://*}
place=${address%%/*} path=/${address#*/}
host=${place%:*} port=${place##*:}
request=$(printf 'GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n_' "$path" "$place")
if [ "$scheme" = https ]; then
  answer=$(printf %s "${request%_}" | timeout 4 openssl s_client -quiet -connect "$place" -servername "$host" \
    -verify_return_error -verify_hostname "$host" -CAfile "$ca" 2>/dev/null || true) # a server may end without a farewell
else
  exec 3<>"/dev/tcp/$host/$port"
  printf %s "${request%_}" >&3
  IFS= read -r -t 4 answer <&3
fi
[[ $answer == "HTTP/1."?" 200"* ]]
