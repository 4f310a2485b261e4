# Davy's words in English. Every catalogue has the same messages, attributes and variables; a test compares them.

## Navigation
nav = Pages
nav-wall = Camera wall
nav-alarms = Alarms
nav-events = Events
nav-edges = Edges
nav-models = Models
nav-samples = Samples
nav-training = Training
nav-enhance = Enhance an image
nav-users = Users
nav-journal = Journal
nav-api = REST interface
nav-manual = Manual
language = Language
sign-out = Sign out
role-viewer = viewer
role-operator = operator
role-engineer = engineer
role-admin = administrator
role-edge = edge
role-enhancer = enhancer
role-trainer = trainer
role-aggregator = aggregator
role-monitor = monitor
role-owner = owner
role-anonymous = anonymous
time-zone = time of { $zone }

## Console
console-title = { $site } · Davy console
site-line = { $site } · { $online } of { $all } edges online
connecting = Connecting
connection-lost = Connection to the aggregator lost: pictures are not live. Reconnecting.
connection-lost-because = Connection to the aggregator lost ({ $reason }): pictures are not live. Reconnecting.
tally =
    .aria-label = Cameras by state
tally-live = live
tally-stale = stale
tally-offline = offline
tally-waiting = waiting
health-ready = All systems ready
health-degraded = Degraded
health-lost = Connection lost
health-offline =
    { $count ->
        [one] { $count } camera offline
       *[other] { $count } cameras offline
    }
health-silent =
    { $count ->
        [one] { $count } camera without live pictures
       *[other] { $count } cameras without live pictures
    }
health-alarms =
    { $count ->
        [one] { $count } alarm
       *[other] { $count } alarms
    }
available = available
cameras =
    .aria-label = Cameras
h-cameras = Cameras
no-cameras = No cameras are configured.
close = Close

## Picture
mode =
    .aria-label = Picture
mode-enhanced = Enhanced
mode-split = Split
mode-raw = Raw
divider = { $camera }: raw to the left, enhanced to the right
divider-value = { $percent } % raw, the rest enhanced
tile-open = { $camera }: show alone, or all again
tile-menu = Pages of { $camera }
tile-move = Drag to move, or press Alt and an arrow key on the picture
camera-live = Live
camera-stale = Stale
camera-offline = Offline
camera-waiting = No frames
veil-stale = { $age } old
veil-offline = Offline
veil-waiting = No frames yet
not-live = not live: last received picture
last-frame = last frame { $time }
figure-age = age
figure-fps = fps
figure-dropped = dropped
figure-size = size
figure-model = model
figure-clock = clock
drops-unknown = the edge has sent no stats yet
drops-known = of { $captured } captured by the edge; { $received } received by the aggregator
clock-slow = { $time } slow
clock-fast = { $time } fast
clock-wrong = the clock of the camera's edge is wrong; the ages are right
duration-ms = { $count } ms
duration-s = { $count } s
duration-min = { $count } min
duration-h = { $count } h

## View
view = View
columns = Columns
per-page = Cameras per page
tour = Next page after
group = Groups
auto = automatic
all = all
off = off
no-groups = none
district = by district
edge = by edge
group-none = Without a district
layouts = Saved layouts
layouts-choose = choose
layout-name = Name
layout-name-form =
    .title = a to z, 0 to 9 and -
save = Save
delete = Delete
save-wall = Save for a screen
keys-hint = Keys: 1 to 9 one camera, arrows next camera, + - 0 zoom, F full screen, Esc back.
page-before =
    .aria-label = Page before
page-after =
    .aria-label = Next page
page-of = { $page } of { $pages }
full-screen =
    .aria-label = Full screen
wall = Camera wall
wall-title = { $name } · Davy wall
wall-link-title =
    .aria-label = Link of a screen
wall-link-text = Open this link on the screen. It signs in as a viewer and is shown this once. To revoke it, delete its token on the page Users.

## Events
events = Events
events-panel =
    .aria-label = Events
at-least = at least
no-events = No events yet.
severity-info = info
severity-warning = warning
severity-alarm = alarm
keyframe =
    .aria-label = Keyframe
keyframe-of = Keyframe: { $message }

# Kinds of events; others are shown as they are.
kind-motion = motion
kind-motion-over = motion over
kind-person = person
kind-lens-blocked = lens blocked
kind-lens-dirty = lens dirty
kind-dark = dark
kind-illumination-change = illumination change
kind-camera-offline = camera offline
kind-camera-online = camera online
kind-camera-stalled = camera stalled
kind-edge-offline = edge offline
kind-edge-online = edge online
kind-drift = drift
kind-person-in-zone = person in a zone
kind-config-changed = configuration changed

## Pages
models-subtitle = models and rollouts
users-subtitle = users and tokens
journal-subtitle = audit journal
samples-subtitle = samples for training
edges-subtitle = edges and their cameras
training-subtitle = training
rollout-none = No rollout yet.
waves =
    .aria-label = Waves
candidates-note = No edge loads a candidate. A person signs it: davy models sign.
ask-dialog =
    .aria-label = Start a rollout
report-dialog =
    .aria-label = Report of a candidate
title-models = Davy models
th-edge = edge
th-state = state
th-runs = runs
th-epoch = epoch
th-frames = frames
th-lost = lost
    .title = Frames lost by the swap
th-reason = reason
th-candidate = candidate
th-id-in-frames = id in frames
th-kind = kind
model-kind-enhancer = enhancer
model-kind-detector = detector
th-proposed = proposed
th-by = by
th-cause = cause
th-checks = checks
th-figures = figures
th-model = model
th-created = created
th-tags = tags
th-run = run
th-runs-on = runs on
th-started = started
th-confirmed-by = confirmed by
th-edges = edges
h-rollout = Rollout
h-edges = Edges
h-candidates = Candidates
h-models = Models
h-earlier-rollouts = Earlier rollouts
do-cancel = Cancel
do-roll-out = Roll out
do-close = Close
users-note = People who may sign in. A change ends their sessions.
tokens-note = For programs and machines:
token-shown = Copy this token now, it is shown once:
token-edge =
    .placeholder = for role edge
title-users = Davy users
th-actions = actions
th-name = name
th-role = role
th-signs-in-by = signs in by
th-since = since
th-made-by = made by
th-expires = expires
h-users = Users
h-tokens = Tokens
label-name = name
label-role = role
label-password = password
label-edge = edge
label-days = days
do-add-user = Add user
do-make-token = Make token
journal-note = Every change and every refused attempt. This command checks the chain:
th-address = from
title-journal = Davy journal
th-time = time
th-who = who
th-operation = operation
th-change = change
th-answer = answer
h-journal = Journal
label-who = who
label-operation-contains = operation contains
label-from = from
label-to = to
do-show = Show
do-clear = Clear
do-older-entries = Older entries
reason-dark = dark
reason-uneven = uneven
reason-over-exposed = over-exposed
reason-new-scene = new-scene
any = any
use-train = train
use-validation = validation
use-excluded = excluded
export = Export
samples-none = No samples. Edges send raw pictures of new scenes, and of light that the model enhances badly.
title-samples = Davy samples
th-camera = camera
th-drift = drift
    .title = The largest component; 1 is a clear change
th-components = components
h-drift = Drift
h-samples = Samples
label-camera = camera
label-reason = reason
label-use = use
do-more = More
author =
    .placeholder = author
    .aria-label = Author
reason-field =
    .placeholder = reason
    .aria-label = Reason
history = History
title-edges = Davy edges
th-label = label
th-source = source
th-fps = fps
    .title = Maximum frames per second
th-width = width
    .title = Pixels; empty: size of the source
th-height = height
    .title = Pixels; empty: size of the source
th-strength = strength
    .title = 0 leaves the picture unchanged
th-quality = quality
    .title = Maximum JPEG quality
th-max-age = max age
    .title = Older frames are dropped, ms
th-timeout = timeout
    .title = Silence after which the camera is reopened, s
th-raw = raw
    .title = Also send the raw picture
th-configuration = configuration
th-author = author
do-apply = Apply
do-discard = Discard
login-title = Sign in to Davy
login-hint = An administrator adds users on the page Users, or with davy users add.
title-login = Davy: sign in
label-name-capital = Name
label-password-capital = Password
do-sign-in = Sign in
kind-prompts = prompts
kind-retrain = retrain
kind-people = detector of people
progress =
    .aria-label = Progress
sheet =
    .alt = The newest sheet of this run
runs-none = No run yet.
title-training = Davy training
th-figure = figure
th-running-model = running model
th-new = new
th-difference = difference
th-status = status
h-embedding-drift = Embedding drift
h-runs = Runs
label-kind = kind
do-start-a-run = Start a run
do-resume = Resume

## Users and tokens
never = never
proxy = proxy
proxy-names = a trusted proxy names this person
role-of = Role of { $name }
enable = Enable
disable = Disable
delete-user = Delete the user { $name }?
revoke = Revoke
revoke-token = Revoke the token { $name }?
users-none = No users.
tokens-none = No tokens.
sign-in-with = Sign in with { $provider }
provider-refused = The sign-in at the provider was cancelled or refused.
provider-error = The provider reports an error: try again, or ask an administrator of this site.

## Journal
journal-row = row { $row }, request { $request }
journal-fill = { $size } of { $most } MB
no-identity = no identity
entries-none = No entries.

## Samples and drift
use-as-train = Train
use-as-validation = Validation
use-as-excluded = Exclude
use-of = Use of sample { $sample }
sample-raw = raw: { $dark } dark, { $clipped } clipped
sample-enhanced = enhanced: { $dark }, { $clipped }
not-enhanced = not enhanced at the edge
samples-store = { $count } of { $most } samples, { $size } of { $bytes }; { $train } for training, { $validation } for validation, { $excluded } excluded
drifted = Drifted from their reference: { $cameras }.
drift-none = No drift; { $known } of { $all } cameras have a reference.
drift-unknown = unknown
drift-settling = settling
drift-fits = fits
drift-drifted = drifted
no-answer = No valid answer from the aggregator: { $reason }. Trying again.

## Edges
add-camera = Add a camera
epoch-by = epoch { $epoch } by { $who }
from-site-file = from site.yaml
signed-by = signed by { $who }
edge-rejected = The edge rejected this configuration and keeps the previous one: { $reason }
edge-still-runs = The edge still runs { $id }; it has not reported yet.
camera-id = id: a-z 0-9 -
new-camera = the new camera
field-of = { $field } of { $camera }
remove-camera = Remove { $name }
not-configured = Edge { $edge } was not configured: { $reason }
not-run-yet = The edge does not run this camera yet
runs-value = runs { $value }
own-of-source = the source's own
roll-back-to = Roll back to this
state-waiting = waiting
state-applying = applying
state-applied = applied
state-rejected = rejected
state-offline = offline

## Models and rollouts
do-confirm = Confirm
do-pause = Pause
do-abort = Abort
do-download = Download
do-report = Report
report-none = No report.
as-installed = as installed
rollout-model = { $kind } { $model } · started
by = by { $who }
confirmed-by = confirmed by { $who }
waits-for-second = waits for a second person
another-confirms = Another engineer or administrator confirms it.
rollout-terms = { $frames } frames in shadow, { $seconds } s of probation, failures up to { $failures } %; gates: { $gates }
canary = canary: { $done } of { $all }
wave = wave { $wave }: { $done } of { $all }
edge-enhancer = { $edge } (enhancer)
edge-analysis = analysis
rejected-model = rejected { $model }:
edges-none = No edge of this site runs models.
edges-online = { $online } of { $all } online
registry-empty = The registry is empty: add a model with davy models add.
models-count = { $count } in the registry
none = None.
ask-rollout = Roll model { $model } ({ $name }) out to the edges and the enhancer pool? A canary compares it with its running model first. If it is worse or slower, the rollout rolls back before any other device gets it.
ask-rollout-detector = Roll detector { $model } ({ $name }) out to the analysis? It looks at the same pictures as the running one first. If it misses people, is slower or fails, the analysis keeps its detector.
state-unconfirmed = unconfirmed
state-running = running
state-paused = paused
state-done = done
state-rolled-back = rolled back
state-aborted = aborted
state-downloading = downloading
state-verifying = verifying
state-shadow = shadow
state-probation = probation
state-active = active
state-failed = failed

## Training
state-cancelled = cancelled
state-cancelling = cancelling
phase-collect = collect
phase-train = train
phase-evaluate = evaluate
phase-register = register
phase-rollout = rollout
range = { $low } to { $high }
step = step { $step }
progress-of = { $stage }: { $step } of { $total }
run-cameras = cameras { $cameras }
run-reason = Reason: { $reason }
requested = requested
run-kills = resumed after { $count } kills
result-model = model { $model } ({ $name } in frames)
result-parent = parent { $model }
result-rollout = rollout { $rollout }
run-starts-at = a run starts at { $score }
drift-new-camera = { $score } · new camera, starts no run
trainer-standby = standby: another service is active
service-silent = the service does not respond: { $reason }

## Enhance an image
title-enhance = Davy: enhance an image
enhance-subtitle = enhance an image
enhance-strength = Strength
enhance-format = Save as
enhance-format-same = format of the input
enhance-choose = Choose an image
enhance-drop = Drop a dark image here
enhance-drop-note = or click to choose one: JPEG, PNG or WebP. Only this service receives it; it stores no image.
enhance-divider =
    .aria-label = Divider between raw and enhanced
enhance-raw =
    .alt = raw
enhance-enhanced =
    .alt = enhanced
enhance-none = No image yet.
enhance-busy = Enhancing…
enhance-figures = { $file }: { $width } × { $height }, { $kind } of { $size } kB, model { $model }, { $time } ms ({ $steps })

## REST interface
title-docs = Davy: REST interface
docs-subtitle = REST interface
docs-body = Body
docs-file = File
docs-send = Send
docs-answer = Answer
docs-download = Save the answer
docs-needs = required
docs-default = default { $value }

## Dials of one large camera
dials = Picture
dials-panel =
    .aria-label = Picture of this camera
dials-preset = preset
dials-no-preset = none
dials-neutral = Neutral
dials-hint = The edge applies a change between two frames.
dials-why = dials in the console
dial-strength = strength
dial-brightness = brightness
dial-local-contrast = local contrast
dial-noise = noise reduction
dial-colour = colour

## Alarms
alarms = Alarms
alarms-unanswered =
    { $count ->
        [one] { $count } alarm unanswered
       *[other] { $count } alarms unanswered
    }
alarms-answered =
    { $count ->
        [one] { $count } acknowledged
       *[other] { $count } acknowledged
    }
alarms-unknown = Connection lost: alarms are not live. Reconnecting.
alarm-all = All alarms
alarm-acknowledge = Acknowledge
alarm-shelve = Shelve
alarm-unshelve = Unshelve
alarm-shelve-for = For
alarm-words = Words (optional)
alarm-reason = Reason
alarm-consequence = Consequence
alarm-response = What to do
alarm-silence = Silence
alarm-sound-on = Sound on
alarm-sound-off = Sound off
alarm-sound-gesture = Sound: click here
alarm-sound-hint = A browser plays a sound only after a click or a key in this window.
alarm-notify = Notifications
alarm-chattering = chattering
alarm-escalated = escalated
alarm-by = acknowledged by { $who }
alarm-shelved-by = shelved by { $who }
alarm-several =
    { $count ->
        [one] { $count } alarm
       *[other] { $count } alarms
    }
alarm-more =
    { $count ->
        [one] and { $count } more
       *[other] and { $count } more
    }
alarm-group = { $title } × { $count }
alarm-said = Alarm: { $title }, { $where }: { $message }
alarms-said =
    { $count ->
        [one] { $count } new alarm
       *[other] { $count } new alarms
    }
alarm-state-normal = normal
alarm-state-unacknowledged = unanswered
alarm-state-acknowledged = acknowledged
alarm-state-returned = condition over
alarm-state-shelved = shelved
alarm-state-suppressed = suppressed
alarm-state-out-of-service = out of service
minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
hours =
    { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    }
cancel = Cancel
alarms-now = Now
alarm-show = Show
alarm-show-standing = standing alarms
alarm-show-hidden = shelved and suppressed
no-alarms = No alarms.
alarm-history = History
alarm-transition = Change
alarm-transition-raised = raised
alarm-transition-acknowledged = acknowledged
alarm-transition-returned = condition over
alarm-transition-cleared = cleared
alarm-transition-shelved = shelved
alarm-transition-unshelved = unshelved
alarm-transition-suppressed = suppressed
alarm-transition-unsuppressed = no longer suppressed
alarm-transition-disabled = taken out of service
alarm-transition-enabled = put into service
alarm-transition-chattering = chatters
alarm-transition-escalated = escalated
alarm-rules = Rules
alarm-enabled = In service
on-delay = On delay (s)
off-delay = Off delay (s)
latching = Latching
needs-answer = Needs an answer
rules-by = Changed by { $who }, { $at }: { $why }
rules-of-file = Rules of the site's file
escalation = Escalation
escalation-note = Who was told because nobody answered.
escalation-steps = Steps of escalation
escalation-after = Seconds without an answer
escalation-to = Receivers
escalation-add = Add a step
escalation-remove = Remove
escalation-none = Unanswered alarms are sent nowhere.
escalation-no-targets = The site's file names no receivers (alarms: targets:), so that no step can be added.
escalation-unknown = not in the site's file
escalation-nobody = Choose at least one receiver.
target = Target
delivered = Delivered
not-yet = not yet
attempts = Failures
error = Error
alarm = Alarm
severity = Severity
who = Who
words = Words

## Search
camera = Camera
kind = Kind
source = Source
from = From
to = To
text = Text
time = Time
search = Search
clear = Clear
older = Older
picture = picture
nothing-found = Nothing found.
show-motion = Show motion
export-csv = Export CSV
export-json = Export JSON
to-camera = To the camera
events-shown =
    { $count ->
        [one] { $count } shown
       *[other] { $count } shown
    }

## Zones and rules
nav-places = Zones and rules
title-places = Davy zones and rules
places-subtitle = zones and rules
places-picture =
    .alt = Newest picture of the camera
places-hint = Drag a corner, or move it by the arrow keys. Insert adds a corner, Delete removes it.
places-shapes = Zones and lines
places-rules = Rules of places
add-zone = Add a zone
add-line = Add a line
add-rule = Add a rule
edit-shape = Edit { $name }
saved = Saved.
corner = Corner { $number } of { $name }, { $left } % from the left, { $top } % from the top
place-zone = zone
place-line = line
place-name = name
place-kind = kind
place-severity = severity
place-direction = direction
place-for-s = for, s
place-hold-s = hold, s
place-motion = motion
place-most = at most
place-least = at least
place-share = share
place-contrast = contrast
place-texture = texture
rule-person-in-zone = person in a zone
rule-person-on-belt = person on the running belt
rule-loitering = loitering
rule-crowd = crowd
rule-nobody-there = nobody there
rule-line-crossed = line crossed
rule-object-left = object left behind
rule-helmet-missing = helmet missing
rule-smoke = smoke or dust
rule-belt-stopped = belt stopped
rule-belt-empty = belt runs empty
rule-alarm = alarm
rule-warning = warning
rule-info = info
rule-both = both ways
rule-in = in
rule-out = out

# recordings
nav-timeline = Recordings
title-timeline = Davy recordings
recordings = recordings
playback = Playback
play = Play
pause = Pause
step-back = Frame back
step-forward = Frame forward
speed = speed
timeline = Timeline
timeline-choose = Choose a camera below.
timeline-gap = Nothing is recorded at this time
timeline-range = { $from } to { $to }
timeline-keep = Export or keep
time-shown = shown
length-minutes = 10 minutes
length-hour = 1 hour
length-hours = 6 hours
length-day = 1 day
length-week = 7 days
length-month = 30 days
earlier = Earlier
later = Later
newest = Newest
keep-reason = reason, for the manifest and the journal
keep-pictures = also a JPEG every so many seconds (0: none)
keep-raw = also the raw video
keep-clip = Keep as a clip
keep-export = Export
keep-working = The recording is being prepared …
kind-recording-failed = recording failed
kind-recording-damaged = recording damaged
to-recording = Recording
timeline-position =
    .aria-label = Position in the timeline

nav-add-camera = Add a camera
title-add-camera = Davy add a camera
add-camera-subtitle = add a camera
add-search = Search the network
add-search-note = The edge searches the networks that it is on, for ONVIF cameras.
add-host = one camera's address, or empty
add-known = is camera { $name } of this edge
add-do-search = Search
add-searching =
    .aria-label = Searching
add-searching-note = Searching for about ten seconds.
add-found = { $count ->
    [0] No camera answered. Write its address below.
    [one] One camera answered.
   *[other] { $count } cameras answered.
}
add-login-needed = asks for a user and a password
add-do-choose = Choose
add-choose = Choose { $name }
add-fps = { $fps } fps
add-test = Take a test picture
add-user = user
add-do-read = Read its profiles
add-profile = profile
add-source = address
add-tls = certificate: verify, insecure, or sha256: and the fingerprint
add-do-test = Test picture
add-testing =
    .aria-label = Asking the camera
add-raw = Raw
add-raw-picture =
    .alt = Test picture, raw
add-enhanced = Enhanced
add-enhanced-picture =
    .alt = Test picture, enhanced
add-tested = { $width } × { $height } pixels, { $fps } frames per second
add-add = Add it to the edge
add-id = id: a-z, 0-9 and -
add-label = name in the console
add-do-add = Add the camera
add-taken = There is a camera { $name } on this edge: choose another id.
add-applying = The edge applies { $name }.
add-offline = The edge is offline. It gets { $name } as soon as it is back.
add-added = Camera { $name } is added.
add-live = Open it on the camera wall
add-live-picture =
    .alt = Newest picture of the new camera

# What the server says in English, in the words of the page: see words.js. The English texts are those of the server.
alarm-title-edge-offline = Edge offline
alarm-consequence-edge-offline = All cameras of the edge send no pictures.
alarm-response-edge-offline = Check the power and the network of the edge. Inform the electrician underground.
alarm-title-enhancer-offline = Enhancer offline
alarm-consequence-enhancer-offline = The pool enhances with one less; cameras without edge compute may lose frames.
alarm-response-enhancer-offline = Restart the enhancer.
alarm-title-camera-offline = Camera offline
alarm-consequence-camera-offline = Nobody sees this place.
alarm-response-camera-offline = Check the power and the cable of the camera. Ask somebody on site about the place.
alarm-title-camera-stale = Picture stale
alarm-consequence-camera-stale = The picture shows the past.
alarm-response-camera-stale = Do not rely on the picture. Check the network if the state lasts.
alarm-title-lens-blocked = Lens blocked
alarm-consequence-lens-blocked = Nobody sees this place.
alarm-response-lens-blocked = Send somebody to look at the camera and to clean it.
alarm-title-lens-dirty = Lens dirty
alarm-consequence-lens-dirty = Details are lost; people are found later.
alarm-response-lens-dirty = Have the lens cleaned in this shift.
alarm-title-dark = Place dark
alarm-consequence-dark = The picture holds nothing that enhancement can show.
alarm-response-dark = Check the lighting of the place.
alarm-title-illumination-change = Light changed
alarm-consequence-illumination-change = A lamp may have failed or moved.
alarm-response-illumination-change = Compare the picture with an earlier one.
alarm-title-person-in-zone = Person in a forbidden place
alarm-consequence-person-in-zone = A person may be hurt by a machine.
alarm-response-person-in-zone = Stop the machine of the zone. Call the person out.
alarm-title-person-on-belt = Person on a running belt
alarm-consequence-person-on-belt = A person may be carried into the transfer point.
alarm-response-person-on-belt = Stop the belt. Call the person off.
alarm-title-loitering = Person stays too long
alarm-consequence-loitering = A person may be hurt or ill.
alarm-response-loitering = Call the person. Send somebody if nobody answers.
alarm-title-crowd = Too many people
alarm-consequence-crowd = The way out is too narrow for everybody.
alarm-response-crowd = Call the shift foreman.
alarm-title-nobody-there = Nobody at a post
alarm-consequence-nobody-there = Nobody watches the machine of this post.
alarm-response-nobody-there = Call the person who has to be there.
alarm-title-line-crossed = Line crossed
alarm-consequence-line-crossed = A person enters a place that is closed.
alarm-response-line-crossed = Look at the camera. Call the person back.
alarm-title-object-left = Object left behind
alarm-consequence-object-left = The object may block the way or the belt.
alarm-response-object-left = Send somebody to remove it.
alarm-title-helmet-missing = Helmet missing
alarm-consequence-helmet-missing = A falling stone may kill.
alarm-response-helmet-missing = Call the person.
alarm-title-smoke = Smoke or dust
alarm-consequence-smoke = A fire, or dust that may explode.
alarm-response-smoke = Look at the camera and at the gas readings. Follow the fire plan.
alarm-title-belt-stopped = Belt stopped
alarm-consequence-belt-stopped = Coal piles up at the transfer point.
alarm-response-belt-stopped = Call the belt attendant.
alarm-title-belt-empty = Belt runs empty
alarm-consequence-belt-empty = The belt wears without use.
alarm-response-belt-empty = Ask the face whether cutting goes on.
alarm-title-drift = Light drifted from the model
alarm-consequence-drift = The enhanced picture becomes worse.
alarm-response-drift = Tell the engineer: the model needs training.
alarm-title-model-rolled-back = Model rolled back on an edge
alarm-consequence-model-rolled-back = The edge runs its previous model.
alarm-response-model-rolled-back = Tell the engineer who rolled the model out.
alarm-title-enhancer-model-rolled-back = Model rolled back on an enhancer
alarm-consequence-enhancer-model-rolled-back = The enhancer runs its previous model.
alarm-response-enhancer-model-rolled-back = Tell the engineer who rolled the model out.
alarm-title-detector-rolled-back = Detector rolled back
alarm-consequence-detector-rolled-back = The analysis looks for people with its previous detector.
alarm-response-detector-rolled-back = Read the reason on the page of the models. Tell the engineer.
alarm-title-rollout-rolled-back = Rollout rolled back
alarm-consequence-rollout-rolled-back = All edges run the previous model.
alarm-response-rollout-rolled-back = Tell the engineer who started the rollout.
alarm-title-spool-full = Disk of an edge full
alarm-consequence-spool-full = Events of this edge are lost.
alarm-response-spool-full = Tell the engineer: free space on the edge's disk.
alarm-title-disk-low = Disk of the aggregator nearly full
alarm-consequence-disk-low = Events, alarms and samples cannot be stored any more.
alarm-response-disk-low = Free space on the disk of the aggregator, or lower its limits.
alarm-title-certificate-expiring = Certificate expires soon
alarm-consequence-certificate-expiring = Connections are refused after its end.
alarm-response-certificate-expiring = Tell the engineer: renew it with davy identity rotate.
alarm-title-certificate-expired = Certificate expired
alarm-consequence-certificate-expired = Connections are refused.
alarm-response-certificate-expired = Renew it with davy identity rotate.
alarm-title-clock-skew = Clock of an edge wrong
alarm-consequence-clock-skew = Times of its events are wrong.
alarm-response-clock-skew = Synchronise the clock of the edge (NTP).
alarm-title-service-degraded = Part of the system fails
alarm-consequence-service-degraded = The message names the part and what it means.
alarm-response-service-degraded = Tell the engineer; start the named service.
alarm-consequence-other = Unknown: the event describes the condition.
alarm-response-other = Read the message, and look at the camera.
said-lens-covered = the lens is covered, or there is no light
said-lens-clear = the lens is clear
said-lens-dirty = the image has only { $share } of its usual sharpness
said-lens-sharp = the image is sharp again
said-dark = the picture is dark
said-dark-over = the picture shows something again
said-light-changed = the light has changed: mean { $mean } and uniformity { $uniformity } of the reference
said-light-back = the light is back at the reference
said-motion = motion in view
said-motion-over = no more motion
said-person = a person is in view
said-people = { $count } people are in view
said-people-over = no more people in view
said-detected = { $count } x { $label } in view
said-detected-over = no { $label } in view any more
said-person-in-zone = a person is in zone { $zone }
said-people-in-zone = { $count } people are in zone { $zone }
said-objects-in-zone = { $count } x { $label } in zone { $zone }
said-on-belt = a person is on the running belt { $zone }
said-loitering = a { $label } stays in zone { $zone } for { $seconds } s
said-crowd = { $count } people in zone { $zone }; at most { $most } are allowed
said-nobody-there = { $count } of { $least } required people in zone { $zone }
said-line-crossed = a { $label } crosses line { $line }
said-object-left = something lies in zone { $zone }
said-helmet-missing = a person is without a helmet
said-helmets-missing = { $count } people are without a helmet
said-smoke = smoke or dust: { $share } of the usual contrast
said-belt-stopped = belt { $zone } stands still
said-belt-empty = belt { $zone } runs empty
said-rule-over = rule { $rule }: the condition is over
said-edge-offline = edge { $edge } is offline; its cameras send no frames
said-enhancer-offline = enhancer { $edge } is offline; the pool enhances with one less
said-edge-online = edge { $edge } is online again
said-enhancer-online = enhancer { $edge } is online again
said-camera-online = camera { $camera } sends frames
said-camera-stalled = camera { $camera } sends no frames: { $reason }
said-camera-unreachable = camera { $camera } is unreachable: { $reason }
said-camera = camera { $camera }: { $reason }
said-drift = the light of camera { $camera } differs from the reference of model { $model }
said-clock-behind = the clock of edge { $edge } is { $seconds } s behind this one
said-clock-ahead = the clock of edge { $edge } is { $seconds } s ahead of this one
said-disk-low = { $free } GB of { $total } GB are free on the disk of { $path }
said-disk-room = there is room again
said-rollout-edges = { $model } rolls out to { $count } edges in { $waves } waves
said-rollout-analysis = { $model } rolls out to the analysis in { $waves } waves
said-rollout-wave = wave { $wave } of { $waves }: { $count } edges
said-rollout-done = model { $model }: every edge runs the model
said-rollout-analysed = model { $model }: the analysis runs the model
said-rollout-late = model { $model }: { $count } edges are offline and will follow
said-rollout-aborted = model { $model }: aborted by an operator
mail-many = { $count } unanswered alarms, the first: { $title }
mail-more = ... and { $count } more. The console shows them all.
mail-raised = Raised { $at }, unanswered for { $seconds } s.
kind-over = { $kind }: over

## Company
nav-company = Company
company-subtitle = company
title-company = Davy company
company-alarms = Unanswered alarms
company-calm = No alarm waits for an answer.
company-sites = Sites
company-live = live cameras
company-unanswered = unanswered alarms
company-edges = edges
company-answered = answered
company-total = { $sites } sites, { $live } of { $cameras } cameras live
company-news = { $count } alarms wait for an answer
company-lost = The company view does not answer: { $reason }
site-state-waiting = waiting
site-state-ready = ready
site-state-degraded = degraded
site-state-unreachable = unreachable
th-site = site
th-alarm = alarm
th-raised = raised
th-severity = severity
