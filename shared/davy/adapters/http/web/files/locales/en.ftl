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
tile-move = Drag to move, or press Alt and an arrow key on the picture
state-live = Live
state-stale = Stale
state-offline = Offline
state-waiting = No frames
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
