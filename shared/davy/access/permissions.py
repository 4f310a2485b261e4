"""The permission that each operation needs, on every wire. What stands in no table is denied.

REST operations are written "METHOD path" with the path's template; WebSockets have the method WS. A template that ends in
{path:path} covers everything below it. gRPC operations are full method names.
"""

from collections.abc import Mapping
from typing import Final

from davy.access.roles import Permission as P  # noqa: N817  # 90 lines of a table read better so

_HEALTH: Final[Mapping[str, P]] = {
    "GET /healthz": P.PUBLIC,
    "GET /readyz": P.PUBLIC,
    "GET /metrics": P.METRICS,
    "GET /openapi.json": P.SIGNED_IN,
    "GET /docs": P.SIGNED_IN,
    "GET /v1/navigation": P.SIGNED_IN,
    "GET /web/{path:path}": P.PUBLIC,  # words, styles and scripts that the pages share
}

AGGREGATOR: Final[Mapping[str, P]] = {
    **_HEALTH,
    # pages
    "GET /login": P.PUBLIC,
    "GET /static/{path:path}": P.PUBLIC,
    "GET /": P.VIEW,
    "GET /wall/{name}": P.VIEW,
    "GET /models": P.VIEW,
    "GET /edges": P.VIEW,
    "GET /places": P.VIEW,
    "GET /add-camera": P.CONFIGURE,
    "GET /samples": P.VIEW,
    "GET /alarms": P.VIEW,
    "GET /events": P.VIEW,
    "GET /timeline": P.VIEW,
    "GET /users": P.ADMINISTER,
    "GET /journal": P.ADMINISTER,
    "GET /training": P.VIEW,
    "GET /enhance": P.VIEW,
    "GET /company": P.VIEW,
    "GET /manual": P.SIGNED_IN,
    "GET /manual/{path:path}": P.SIGNED_IN,
    # identities
    "POST /v1/session": P.PUBLIC,
    "GET /v1/session": P.SIGNED_IN,
    "DELETE /v1/session": P.SIGNED_IN,
    "GET /v1/session/methods": P.PUBLIC,
    "GET /v1/session/oidc": P.PUBLIC,
    "POST /v1/session/introspect": P.ASK_IDENTITY,
    "PUT /v1/session/password": P.SIGNED_IN,
    "GET /v1/users": P.ADMINISTER,
    "PUT /v1/users/{name}": P.ADMINISTER,
    "DELETE /v1/users/{name}": P.ADMINISTER,
    "GET /v1/tokens": P.ADMINISTER,
    "POST /v1/tokens": P.ADMINISTER,
    "DELETE /v1/tokens/{token_id}": P.ADMINISTER,
    "GET /v1/journal": P.ADMINISTER,
    # certificates: a token is the identity of who enrols, a certificate of who renews
    "GET /v1/identities/ca": P.PUBLIC,
    "GET /v1/identities/crl": P.PUBLIC,
    "POST /v1/identities/enroll": P.PUBLIC,
    "POST /v1/identities/renew": P.PUBLIC,
    # pictures and states
    "GET /v1/site": P.VIEW,
    "GET /v1/edges": P.VIEW,
    "GET /v1/cameras": P.VIEW,
    "GET /v1/cameras/{camera_id}": P.VIEW,
    "GET /v1/cameras/{camera_id}/latest.jpg": P.VIEW,
    "GET /v1/cameras/{camera_id}/live.mjpeg": P.VIEW,
    # video: a session of WebRTC belongs to who knows its id
    "POST /v1/cameras/{camera_id}/whep": P.VIEW,
    "GET /v1/cameras/{camera_id}/whep/{session}": P.VIEW,
    "DELETE /v1/cameras/{camera_id}/whep/{session}": P.VIEW,
    "GET /v1/cameras/{camera_id}/live.m3u8": P.VIEW,
    "GET /v1/cameras/{camera_id}/hls/{name}": P.VIEW,
    "POST /v1/cameras/{camera_id}/links": P.ADJUST,  # lets somebody view without an account
    "WS /v1/console": P.VIEW,
    "GET /v1/layouts": P.VIEW,
    "GET /v1/layouts/{name}": P.VIEW,
    "PUT /v1/layouts/{name}": P.VIEW,  # one's own
    "DELETE /v1/layouts/{name}": P.VIEW,
    "GET /v1/walls": P.VIEW,
    "GET /v1/walls/{name}": P.VIEW,
    "PUT /v1/walls/{name}": P.CONFIGURE,
    "DELETE /v1/walls/{name}": P.CONFIGURE,
    "POST /v1/walls/{name}/link": P.CONFIGURE,  # makes a token of role viewer
    "GET /v1/events": P.VIEW,
    "GET /v1/events/stream": P.VIEW,
    "GET /v1/events/{event_id}/keyframe.jpg": P.VIEW,
    "GET /v1/events/export.csv": P.VIEW,
    "GET /v1/events/export.json": P.VIEW,
    # recordings
    "GET /v1/recordings": P.VIEW,
    "GET /v1/cameras/{camera_id}/recording.mp4": P.VIEW,
    "GET /v1/cameras/{camera_id}/recording.jpg": P.VIEW,
    "DELETE /v1/cameras/{camera_id}/recording": P.CONFIGURE,
    "POST /v1/recordings/export": P.KEEP,
    "GET /v1/clips": P.VIEW,
    "POST /v1/clips": P.KEEP,
    "GET /v1/clips/{clip_id}": P.VIEW,
    "PUT /v1/clips/{clip_id}/hold": P.KEEP,
    "DELETE /v1/clips/{clip_id}": P.CONFIGURE,
    "GET /v1/drift": P.VIEW,
    # alarms: who may adjust a picture may answer
    "GET /v1/alarms": P.VIEW,
    "GET /v1/alarms/counts": P.VIEW,
    "GET /v1/alarms/history": P.VIEW,
    "POST /v1/alarms/acknowledge": P.ADJUST,
    "WS /v1/alarms/watch": P.VIEW,
    "GET /v1/alarms/{alarm_id}": P.VIEW,
    "POST /v1/alarms/{alarm_id}/acknowledge": P.ADJUST,
    "POST /v1/alarms/{alarm_id}/shelve": P.ADJUST,
    "POST /v1/alarms/{alarm_id}/unshelve": P.ADJUST,
    "GET /v1/alarm-rules": P.VIEW,
    "PUT /v1/alarm-rules": P.CONFIGURE,
    "GET /v1/alarm-rules/history": P.VIEW,
    "GET /v1/alarm-notices": P.VIEW,
    # samples
    "GET /v1/samples": P.VIEW,
    "GET /v1/samples/export.zip": P.READ_SAMPLES,
    "GET /v1/samples/{sample_id}": P.VIEW,
    "GET /v1/samples/{sample_id}/picture.jpg": P.VIEW,
    "PUT /v1/samples/{sample_id}/use": P.CURATE,
    # models
    "GET /v1/models": P.VIEW,
    "POST /v1/models": P.PROPOSE_MODEL,
    "DELETE /v1/models": P.CURATE,
    "GET /v1/models/compare": P.VIEW,
    "GET /v1/models/{name}": P.VIEW,
    "GET /v1/models/{name}/package.zip": P.FETCH_MODEL,
    "PUT /v1/models/{name}/tags/{tag}": P.CURATE,
    "DELETE /v1/models/{name}/tags/{tag}": P.CURATE,
    "DELETE /v1/models/{name}": P.CURATE,
    # candidates: packages without a signature
    "GET /v1/candidates": P.VIEW,
    "POST /v1/candidates": P.PROPOSE_MODEL,
    "GET /v1/candidates/{name}": P.VIEW,
    "GET /v1/candidates/{name}/package.zip": P.CURATE,
    "DELETE /v1/candidates/{name}": P.CURATE,
    "GET /v1/fleet": P.VIEW,
    "GET /v1/rollouts": P.VIEW,
    "POST /v1/rollouts": P.ROLL_OUT,
    "GET /v1/rollouts/{rollout_id}": P.VIEW,
    "POST /v1/rollouts/{rollout_id}/confirm": P.CONFIRM,
    "POST /v1/rollouts/{rollout_id}/pause": P.HOLD,
    "POST /v1/rollouts/{rollout_id}/resume": P.ROLL_OUT,
    "POST /v1/rollouts/{rollout_id}/abort": P.HOLD,
    "GET /v1/rollouts/{rollout_id}/watch": P.VIEW,
    # configurations; a change that touches more than strength and dials needs CONFIGURE
    "GET /v1/configs": P.VIEW,
    "GET /v1/dials": P.VIEW,
    "GET /v1/edges/{edge}/config": P.VIEW,
    "PUT /v1/edges/{edge}/config": P.ADJUST,
    "GET /v1/edges/{edge}/config/history": P.VIEW,
    "POST /v1/edges/{edge}/config/rollback": P.CONFIGURE,
    # tasks for an edge: what it finds and sees on the network of its cameras
    "POST /v1/edges/{edge}/camera-search": P.CONFIGURE,
    "POST /v1/edges/{edge}/source-test": P.CONFIGURE,
}

ENHANCER: Final[Mapping[str, P]] = {
    **_HEALTH,
    "GET /": P.ENHANCE,
    "GET /static/{path:path}": P.PUBLIC,
    "POST /v1/enhance": P.ENHANCE,
    "GET /v1/model": P.SIGNED_IN,
    "POST /v1/jobs": P.ENHANCE,
    "GET /v1/jobs/{job_id}": P.ENHANCE,
    "DELETE /v1/jobs/{job_id}": P.ENHANCE,
    "GET /v1/jobs/{job_id}/events": P.ENHANCE,
    "GET /v1/jobs/{job_id}/result": P.ENHANCE,
}

TRAINER: Final[Mapping[str, P]] = {
    **_HEALTH,
    "GET /": P.VIEW,
    "GET /training": P.VIEW,
    "GET /static/{path:path}": P.PUBLIC,
    "GET /v1/embedding-drift": P.VIEW,
    "GET /v1/training-runs": P.VIEW,
    "POST /v1/training-runs": P.TRAIN,
    "GET /v1/training-runs/{run}": P.VIEW,
    "POST /v1/training-runs/{run}/cancel": P.HOLD,
    "POST /v1/training-runs/{run}/resume": P.TRAIN,
    "GET /v1/training-runs/{run}/sheet.jpg": P.VIEW,
    "GET /v1/training-runs/{run}/events": P.VIEW,
}

COMPANY: Final[Mapping[str, P]] = {
    **_HEALTH,
    "GET /": P.VIEW,
    "GET /static/{path:path}": P.PUBLIC,
    "GET /v1/sites": P.VIEW,
    "GET /v1/alarms": P.VIEW,
}

REST: Final[Mapping[str, Mapping[str, P]]] = {
    "aggregator": AGGREGATOR,
    "enhancer": ENHANCER,
    "trainer": TRAINER,
    "company": COMPANY,
}

GRPC: Final[Mapping[str, P]] = {
    "/davy.v1.IngestService/PushFrames": P.PUSH,
    "/davy.v1.IngestService/PushVideo": P.PUSH,
    "/davy.v1.IngestService/ReportEvents": P.PUSH,
    "/davy.v1.SampleService/PushSamples": P.PUSH,
    "/davy.v1.RecordingService/PushSegments": P.PUSH,
    "/davy.v1.EdgeService/AttachEdge": P.PUSH,  # results of tasks that the aggregator gives one's own edge
    "/davy.v1.FrameService/SubscribeFrames": P.VIEW,
    "/davy.v1.FrameService/SubscribeVideo": P.VIEW,
    "/davy.v1.AlarmService/ListAlarms": P.VIEW,
    "/davy.v1.AlarmService/ListAlarmChanges": P.VIEW,
    "/davy.v1.AlarmService/WatchAlarms": P.VIEW,
    "/davy.v1.AlarmService/AcknowledgeAlarm": P.ADJUST,
    "/davy.v1.AlarmService/ShelveAlarm": P.ADJUST,
    "/davy.v1.AlarmService/UnshelveAlarm": P.ADJUST,
    "/davy.v1.ModelService/ListModels": P.FETCH_MODEL,
    "/davy.v1.ModelService/GetModel": P.FETCH_MODEL,
    "/davy.v1.ModelService/DownloadModel": P.FETCH_MODEL,
    "/davy.v1.ModelService/ListCandidates": P.VIEW,
    "/davy.v1.RolloutService/CreateRollout": P.ROLL_OUT,
    "/davy.v1.RolloutService/ConfirmRollout": P.CONFIRM,
    "/davy.v1.RolloutService/ListRollouts": P.VIEW,
    "/davy.v1.RolloutService/GetRollout": P.VIEW,
    "/davy.v1.RolloutService/PauseRollout": P.HOLD,
    "/davy.v1.RolloutService/ResumeRollout": P.ROLL_OUT,
    "/davy.v1.RolloutService/AbortRollout": P.HOLD,
    "/davy.v1.RolloutService/WatchRollout": P.VIEW,
    "/davy.v1.EnhancerService/Enhance": P.ENHANCE,
    "/davy.v1.EnhancerService/EnhanceStream": P.ENHANCE,
    "/davy.v1.TrainerService/StartTrainingRun": P.TRAIN,
    "/davy.v1.TrainerService/ListTrainingRuns": P.VIEW,
    "/davy.v1.TrainerService/GetTrainingRun": P.VIEW,
    "/davy.v1.TrainerService/CancelTrainingRun": P.HOLD,
    "/davy.v1.TrainerService/ResumeTrainingRun": P.TRAIN,
    "/davy.v1.TrainerService/WatchTrainingRun": P.VIEW,
    "/grpc.health.v1.Health/Check": P.PUBLIC,
    "/grpc.health.v1.Health/List": P.PUBLIC,
    "/grpc.health.v1.Health/Watch": P.PUBLIC,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": P.SIGNED_IN,
}
