{{- define "davy.name" -}}
{{- $release := .root.Release.Name | trunc 40 | trimSuffix "-" -}}
{{- printf "%s-%s" $release .component -}}
{{- end }}

{{- define "davy.selector" -}}
app.kubernetes.io/name: davy
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "davy.labels" -}}
{{ include "davy.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "davy.metadata" -}}
name: {{ include "davy.name" . }}
namespace: {{ .root.Release.Namespace }}
labels: {{- include "davy.labels" . | nindent 2 }}
{{- end }}

{{/* Metadata of a pod. A changed site.yaml starts it again. */}}
{{- define "davy.podMetadata" -}}
labels: {{- include "davy.labels" . | nindent 2 }}
annotations:
  checksum/site: {{ toYaml .root.Values.site | sha256sum }}
{{- end }}

{{- define "davy.image" -}}
{{- $image := .root.Values.image -}}
{{- $service := .service | default .component -}}
image: {{ with $image.registry }}{{ . }}/{{ end }}davy-{{ $service }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ with index $image.digests $service }}@{{ . }}{{ end }}
imagePullPolicy: {{ $image.pullPolicy }}
{{- end }}

{{/* No privileges: the restricted Pod Security Standard, and a read-only root. */}}
{{- define "davy.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false # Kubernetes' own DAVY_... variables of Services would be read as settings
serviceAccountName: {{ include "davy.name" (dict "root" .root "component" "services") }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "davy.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "davy.spread" -}}
{{- $context := . }}
topologySpreadConstraints:
{{- range .root.Values.spread }}
  - {{- toYaml . | nindent 4 }}
    labelSelector:
      matchLabels: {{- include "davy.selector" $context | nindent 8 }}
{{- end }}
{{- end }}

{{/* Liveness asks the process alone: an unavailable broker or database must not restart it. */}}
{{- define "davy.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: {{ .port | default "http" }}, scheme: {{ .scheme | default "HTTPS" }}}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: {{ .port | default "http" }}, scheme: {{ .scheme | default "HTTPS" }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: {{ .ready | default "/readyz" }}, port: {{ .port | default "http" }}, scheme: {{ .scheme | default "HTTPS" }}}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{/* VARIABLE, connection: the URL, or the file of its secret, which stays out of the environment. */}}
{{- define "davy.url" -}}
{{- if .connection.secret }}
- {name: {{ .variable }}_FILE, value: /run/secrets/davy/{{ .name }}/url}
{{- else if .connection.url }}
- {name: {{ .variable }}, value: {{ .connection.url | quote }}}
{{- end }}
{{- end }}

{{/* Every replica by its name: edges change over to another one, and analysers to the one that leads. */}}
{{- define "davy.aggregators" -}}
{{- $root := .root -}}
{{- $pod := include "davy.name" (dict "root" $root "component" "aggregator") -}}
{{- $endpoints := list -}}
{{- range until (int $root.Values.aggregator.replicas) -}}
{{- $endpoints = append $endpoints (printf "grpcs://%s-%d.%ss:50051" $pod . $pod) -}}
{{- end -}}
{{- toJson $endpoints -}}
{{- end }}

{{- define "davy.env" -}}
- {name: DAVY_TLS_FOLDER, value: /run/davy}
- {name: DAVY_AGGREGATORS, value: {{ include "davy.aggregators" . | quote }}}
{{- include "davy.url" (dict "variable" "DAVY_BROKER" "name" "broker" "connection" .root.Values.connections.broker) }}
{{- include "davy.url" (dict "variable" "DAVY_CACHE" "name" "cache" "connection" .root.Values.connections.cache) }}
{{- end }}

{{- define "davy.moreEnv" -}}
{{- range $name, $value := . }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "davy.s3Env" -}}
{{- with .root.Values.connections.s3 }}
{{- if .endpoint }}
- {name: AWS_ENDPOINT_URL_S3, value: {{ .endpoint | quote }}}
{{- end }}
{{- if .secret }}
- {name: AWS_SHARED_CREDENTIALS_FILE, value: /run/secrets/davy/s3/credentials}
{{- end }}
{{- end }}
{{- end }}

{{/* Files of every service: site.yaml, its identity, secrets of connections, /tmp. */}}
{{- define "davy.mounts" -}}
- {name: site, mountPath: /etc/davy/site.yaml, subPath: site.yaml, readOnly: true}
- {name: identity, mountPath: /run/davy, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .root.Values.trust.configMap }}
- {name: trust, mountPath: /etc/davy/trust, readOnly: true}
{{- end }}
{{- range $name := .secrets }}
{{- if (index $.root.Values.connections $name).secret }}
- {name: secret-{{ $name }}, mountPath: /run/secrets/davy/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}
{{- end }}

{{- define "davy.volumes" -}}
- name: site
  configMap: {name: {{ include "davy.name" (dict "root" .root "component" "site") }}}
- name: identity
  secret: {secretName: {{ .identity }}, defaultMode: 0440}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- if .root.Values.trust.configMap }}
- name: trust
  configMap: {name: {{ .root.Values.trust.configMap }}}
{{- end }}
{{- range $name := .secrets }}
{{- with (index $.root.Values.connections $name).secret }}
- name: secret-{{ $name }}
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- end }}

{{- define "davy.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .class }}
storageClassName: {{ . }}
{{- end }}
resources: {requests: {storage: {{ .size }}}}
{{- end }}
