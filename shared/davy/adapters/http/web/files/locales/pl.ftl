# Słowa Davy po polsku.

## Navigation
nav = Strony
nav-wall = Ściana kamer
nav-alarms = Alarmy
nav-events = Zdarzenia
nav-edges = Węzły brzegowe
nav-models = Modele
nav-samples = Próbki
nav-training = Trening
nav-enhance = Popraw obraz
nav-users = Użytkownicy
nav-journal = Dziennik
nav-api = Interfejs REST
nav-manual = Podręcznik
language = Język
sign-out = Wyloguj
role-viewer = obserwator
role-operator = operator
role-engineer = inżynier
role-admin = administrator
role-edge = węzeł brzegowy
role-enhancer = usługa poprawy
role-trainer = usługa treningu
role-aggregator = agregator
role-monitor = monitor
role-owner = właściciel
role-anonymous = anonimowy
time-zone = czas strefy { $zone }

## Console
console-title = { $site } · Konsola Davy
site-line = { $site } · { $online } z { $all } węzłów online
connecting = Łączenie
connection-lost = Utracono połączenie z agregatorem: obrazy nie są na żywo. Ponowne łączenie.
connection-lost-because = Utracono połączenie z agregatorem ({ $reason }): obrazy nie są na żywo. Ponowne łączenie.
tally =
    .aria-label = Kamery według stanu
tally-live = na żywo
tally-stale = nieaktualne
tally-offline = offline
tally-waiting = oczekujące
health-ready = Wszystko działa
health-degraded = Ograniczone działanie
health-lost = Utracono połączenie
health-offline =
    { $count ->
        [one] { $count } kamera offline
        [few] { $count } kamery offline
        [many] { $count } kamer offline
       *[other] { $count } kamery offline
    }
health-silent =
    { $count ->
        [one] { $count } kamera bez obrazu na żywo
        [few] { $count } kamery bez obrazu na żywo
        [many] { $count } kamer bez obrazu na żywo
       *[other] { $count } kamery bez obrazu na żywo
    }
health-alarms =
    { $count ->
        [one] { $count } alarm
        [few] { $count } alarmy
        [many] { $count } alarmów
       *[other] { $count } alarmu
    }
available = dostępne
cameras =
    .aria-label = Kamery
h-cameras = Kamery
no-cameras = Nie skonfigurowano kamer.
close = Zamknij

## Picture
mode =
    .aria-label = Obraz
mode-enhanced = Poprawiony
mode-split = Podzielony
mode-raw = Surowy
divider = { $camera }: surowy po lewej, poprawiony po prawej
divider-value = { $percent } % surowy, reszta poprawiona
tile-open = { $camera }: pokaż samą lub znów wszystkie
tile-menu = Strony kamery { $camera }
tile-move = Przeciągnij, aby przenieść, lub naciśnij Alt i strzałkę na obrazie
camera-live = Na żywo
camera-stale = Nieaktualna
camera-offline = Offline
camera-waiting = Brak obrazu
veil-stale = sprzed { $age }
veil-offline = Offline
veil-waiting = Jeszcze brak obrazu
not-live = nie na żywo: ostatni odebrany obraz
last-frame = ostatnia klatka { $time }
figure-age = wiek
figure-fps = kl./s
figure-dropped = odrzucone
figure-size = rozmiar
figure-model = model
figure-clock = zegar
drops-unknown = węzeł nie wysłał jeszcze statystyk
drops-known = z { $captured } przechwyconych przez węzeł; agregator odebrał { $received }
clock-slow = spóźniony o { $time }
clock-fast = spieszy się o { $time }
clock-wrong = zegar węzła jest błędny; wiek jest prawidłowy
duration-ms = { $count } ms
duration-s = { $count } s
duration-min = { $count } min
duration-h = { $count } h

## View
view = Widok
columns = Kolumny
per-page = Kamer na stronę
tour = Następna strona po
group = Grupy
auto = automatycznie
all = wszystkie
off = wył.
no-groups = brak
district = według oddziałów
edge = według węzłów
group-none = Bez oddziału
layouts = Zapisane układy
layouts-choose = wybierz
layout-name = Nazwa
layout-name-form =
    .title = a do z, 0 do 9 i -
save = Zapisz
delete = Usuń
save-wall = Zapisz dla ekranu
keys-hint = Klawisze: 1–9 jedna kamera, strzałki następna kamera, + - 0 powiększenie, F pełny ekran, Esc powrót.
page-before =
    .aria-label = Poprzednia strona
page-after =
    .aria-label = Następna strona
page-of = { $page } z { $pages }
full-screen =
    .aria-label = Pełny ekran
wall = Ściana kamer
wall-title = { $name } · Ściana Davy
wall-link-title =
    .aria-label = Odnośnik ekranu
wall-link-text = Otwórz ten odnośnik na ekranie. Loguje jako obserwator i jest pokazany tylko raz. Aby go unieważnić, usuń jego token na stronie Użytkownicy.

## Events
events = Zdarzenia
events-panel =
    .aria-label = Zdarzenia
at-least = co najmniej
no-events = Jeszcze brak zdarzeń.
severity-info = informacja
severity-warning = ostrzeżenie
severity-alarm = alarm
keyframe =
    .aria-label = Klatka zdarzenia
keyframe-of = Klatka zdarzenia: { $message }

# Kinds of events; others are shown as they are.
kind-motion = ruch
kind-motion-over = koniec ruchu
kind-person = osoba
kind-lens-blocked = zasłonięty obiektyw
kind-lens-dirty = brudny obiektyw
kind-dark = ciemno
kind-illumination-change = zmiana oświetlenia
kind-camera-offline = kamera offline
kind-camera-online = kamera online
kind-camera-stalled = kamera zawieszona
kind-edge-offline = węzeł offline
kind-edge-online = węzeł online
kind-drift = dryf
kind-person-in-zone = osoba w strefie
kind-config-changed = zmieniono konfigurację

## Pages
models-subtitle = modele i wdrożenia
users-subtitle = użytkownicy i tokeny
journal-subtitle = dziennik audytu
samples-subtitle = próbki do treningu
edges-subtitle = węzły brzegowe i ich kamery
training-subtitle = trening
rollout-none = Jeszcze brak wdrożenia.
waves =
    .aria-label = Fale
candidates-note = Żaden węzeł nie wczytuje kandydata. Podpisuje go człowiek: davy models sign.
ask-dialog =
    .aria-label = Rozpocznij wdrożenie
report-dialog =
    .aria-label = Raport kandydata
title-models = Modele Davy
th-edge = węzeł
th-state = stan
th-runs = działa
th-epoch = epoka
th-frames = klatki
th-lost = utracone
    .title = Klatki utracone przy zamianie
th-reason = powód
th-candidate = kandydat
th-id-in-frames = id w klatkach
th-kind = rodzaj
model-kind-enhancer = poprawianie
model-kind-detector = detektor
th-proposed = zgłoszono
th-by = przez
th-cause = przyczyna
th-checks = sprawdzenia
th-figures = wartości
th-model = model
th-created = utworzono
th-tags = etykiety
th-run = przebieg
th-runs-on = działa na
th-started = początek
th-confirmed-by = potwierdził
th-edges = węzły
h-rollout = Wdrożenie
h-edges = Węzły brzegowe
h-candidates = Kandydaci
h-models = Modele
h-earlier-rollouts = Wcześniejsze wdrożenia
do-cancel = Anuluj
do-roll-out = Wdróż
do-close = Zamknij
users-note = Osoby, które mogą się logować. Zmiana kończy ich sesje.
tokens-note = Dla programów i maszyn:
token-shown = Skopiuj ten token teraz, jest pokazany tylko raz:
token-edge =
    .placeholder = dla roli węzła
title-users = Użytkownicy Davy
th-actions = działania
th-name = nazwa
th-role = rola
th-signs-in-by = loguje się przez
th-since = od
th-made-by = utworzył
th-expires = wygasa
h-users = Użytkownicy
h-tokens = Tokeny
label-name = nazwa
label-role = rola
label-password = hasło
label-edge = węzeł
label-days = dni
do-add-user = Dodaj użytkownika
do-make-token = Utwórz token
journal-note = Każda zmiana i każda odrzucona próba. To polecenie sprawdza łańcuch:
th-address = skąd
title-journal = Dziennik Davy
th-time = czas
th-who = kto
th-operation = operacja
th-change = zmiana
th-answer = odpowiedź
h-journal = Dziennik
label-who = kto
label-operation-contains = operacja zawiera
label-from = od
label-to = do
do-show = Pokaż
do-clear = Wyczyść
do-older-entries = Starsze wpisy
reason-dark = ciemna
reason-uneven = nierówna
reason-over-exposed = prześwietlona
reason-new-scene = nowa scena
any = dowolny
use-train = trening
use-validation = walidacja
use-excluded = wykluczona
export = Eksportuj
samples-none = Brak próbek. Węzły wysyłają surowe obrazy nowych scen i światła, które model poprawia źle.
title-samples = Próbki Davy
th-camera = kamera
th-drift = dryf
    .title = Największy składnik; 1 to wyraźna zmiana
th-components = składniki
h-drift = Dryf
h-samples = Próbki
label-camera = kamera
label-reason = powód
label-use = użycie
do-more = Więcej
author =
    .placeholder = autor
    .aria-label = Autor
reason-field =
    .placeholder = powód
    .aria-label = Powód
history = Historia
title-edges = Węzły Davy
th-label = etykieta
th-source = źródło
th-fps = kl./s
    .title = Maksimum klatek na sekundę
th-width = szerokość
    .title = Piksele; puste: rozmiar źródła
th-height = wysokość
    .title = Piksele; puste: rozmiar źródła
th-strength = siła
    .title = 0 pozostawia obraz bez zmian
th-quality = jakość
    .title = Maksymalna jakość JPEG
th-max-age = maks. wiek
    .title = Starsze klatki są odrzucane, ms
th-timeout = limit czasu
    .title = Cisza, po której kamera jest otwierana ponownie, s
th-raw = surowy
    .title = Wysyłaj też surowy obraz
th-configuration = konfiguracja
th-author = autor
do-apply = Zastosuj
do-discard = Odrzuć
login-title = Zaloguj się do Davy
login-hint = Administrator dodaje użytkowników na stronie Użytkownicy lub przez davy users add.
title-login = Davy: logowanie
label-name-capital = Nazwa
label-password-capital = Hasło
do-sign-in = Zaloguj
kind-prompts = podpowiedzi
kind-retrain = ponowny trening
kind-people = detektor ludzi
progress =
    .aria-label = Postęp
sheet =
    .alt = Najnowszy arkusz tego przebiegu
runs-none = Jeszcze brak przebiegów.
title-training = Trening Davy
th-figure = wartość
th-running-model = działający model
th-new = nowy
th-difference = różnica
th-status = status
h-embedding-drift = Dryf osadzeń
h-runs = Przebiegi
label-kind = rodzaj
do-start-a-run = Rozpocznij przebieg
do-resume = Wznów

## Users and tokens
never = nigdy
proxy = serwer pośredniczący
proxy-names = zaufany serwer pośredniczący wskazuje tę osobę
role-of = Rola użytkownika { $name }
enable = Włącz
disable = Wyłącz
delete-user = Usunąć użytkownika { $name }?
revoke = Unieważnij
revoke-token = Unieważnić token { $name }?
users-none = Brak użytkowników.
tokens-none = Brak tokenów.
sign-in-with = Zaloguj przez { $provider }
provider-refused = Logowanie u dostawcy anulowano lub odrzucono.
provider-error = Dostawca zgłasza błąd: spróbuj ponownie lub zapytaj administratora.

## Journal
journal-row = wiersz { $row }, żądanie { $request }
journal-fill = { $size } z { $most } MB
no-identity = bez tożsamości
entries-none = Brak wpisów.

## Samples and drift
use-as-train = Trening
use-as-validation = Walidacja
use-as-excluded = Wyklucz
use-of = Użycie próbki { $sample }
sample-raw = surowy: { $dark } ciemny, { $clipped } prześwietlony
sample-enhanced = poprawiony: { $dark }, { $clipped }
not-enhanced = niepoprawiony w węźle
samples-store = { $count } z { $most } próbek, { $size } z { $bytes }; trening: { $train }, walidacja: { $validation }, wykluczone: { $excluded }
drifted = Odbiegają od odniesienia: { $cameras }.
drift-none = Brak dryfu; odniesienie ma { $known } z { $all } kamer.
drift-unknown = nieznany
drift-settling = ustala się
drift-fits = zgodny
drift-drifted = odbiega
no-answer = Brak poprawnej odpowiedzi agregatora: { $reason }. Ponawianie.

## Edges
add-camera = Dodaj kamerę
epoch-by = epoka { $epoch }, { $who }
from-site-file = z site.yaml
signed-by = podpisał { $who }
edge-rejected = Węzeł odrzucił tę konfigurację i zachowuje poprzednią: { $reason }
edge-still-runs = Węzeł nadal używa { $id }; jeszcze nie zgłosił.
camera-id = id: a-z, 0-9, -
new-camera = nowa kamera
field-of = { $field }: { $camera }
remove-camera = Usuń { $name }
not-configured = Węzła { $edge } nie skonfigurowano: { $reason }
not-run-yet = Węzeł nie używa jeszcze tej kamery
runs-value = działa { $value }
own-of-source = wartość źródła
roll-back-to = Wróć do tej
state-waiting = oczekuje
state-applying = stosowanie
state-applied = zastosowana
state-rejected = odrzucona
state-offline = offline

## Models and rollouts
do-confirm = Potwierdź
do-pause = Wstrzymaj
do-abort = Przerwij
do-download = Pobierz
do-report = Raport
report-none = Brak raportu.
as-installed = zainstalowany
rollout-model = { $kind } { $model } · początek
by = { $who }
confirmed-by = potwierdził { $who }
waits-for-second = czeka na drugą osobę
another-confirms = Potwierdza inny inżynier lub administrator.
rollout-terms = { $frames } klatek w cieniu, { $seconds } s próby, błędy do { $failures } %; progi: { $gates }
canary = kanarek: { $done } z { $all }
wave = fala { $wave }: { $done } z { $all }
edge-enhancer = { $edge } (usługa poprawy)
edge-analysis = analiza
rejected-model = odrzucono { $model }:
edges-none = Żaden węzeł tego zakładu nie używa modeli.
edges-online = { $online } z { $all } online
registry-empty = Rejestr jest pusty: dodaj model przez davy models add.
models-count = w rejestrze: { $count }
none = Brak.
ask-rollout = Wdrożyć model { $model } ({ $name }) w węzłach i usługach poprawy? Najpierw kanarek porównuje go z działającym modelem. Jeśli jest gorszy lub wolniejszy, wdrożenie cofa się, zanim dotrze dalej.
ask-rollout-detector = Wdrożyć detektor { $model } ({ $name }) w analizie? Najpierw ogląda te same obrazy co działający. Jeśli nie widzi ludzi, jest wolniejszy lub zawodzi, analiza zachowuje swój detektor.
state-unconfirmed = niepotwierdzone
state-running = w toku
state-paused = wstrzymane
state-done = zakończone
state-rolled-back = cofnięte
state-aborted = przerwane
state-downloading = pobieranie
state-verifying = weryfikacja
state-shadow = w cieniu
state-probation = na próbie
state-active = aktywny
state-failed = niepowodzenie

## Training
state-cancelled = anulowane
state-cancelling = anulowanie
phase-collect = zbieranie
phase-train = trening
phase-evaluate = ocena
phase-register = rejestracja
phase-rollout = wdrożenie
range = { $low } do { $high }
step = krok { $step }
progress-of = { $stage }: { $step } z { $total }
run-cameras = kamery { $cameras }
run-reason = Powód: { $reason }
requested = na żądanie
run-kills = wznowiono po przerwaniach: { $count }
result-model = model { $model } ({ $name } w klatkach)
result-parent = pochodzi od { $model }
result-rollout = wdrożenie { $rollout }
run-starts-at = przebieg zaczyna się przy { $score }
drift-new-camera = { $score } · nowa kamera, nie zaczyna przebiegu
trainer-standby = rezerwa: aktywna jest inna usługa
service-silent = usługa nie odpowiada: { $reason }

## Enhance an image
title-enhance = Davy: popraw obraz
enhance-subtitle = popraw obraz
enhance-strength = Siła
enhance-format = Zapisz jako
enhance-format-same = format wejścia
enhance-choose = Wybierz obraz
enhance-drop = Upuść tutaj ciemny obraz
enhance-drop-note = lub kliknij, aby wybrać: JPEG, PNG lub WebP. Odbiera go tylko ta usługa; nie przechowuje obrazów.
enhance-divider =
    .aria-label = Podział między surowym a poprawionym
enhance-raw =
    .alt = surowy
enhance-enhanced =
    .alt = poprawiony
enhance-none = Jeszcze brak obrazu.
enhance-busy = Poprawianie…
enhance-figures = { $file }: { $width } × { $height }, { $kind }, { $size } kB, model { $model }, { $time } ms ({ $steps })

## REST interface
title-docs = Davy: interfejs REST
docs-subtitle = interfejs REST
docs-body = Treść
docs-file = Plik
docs-send = Wyślij
docs-answer = Odpowiedź
docs-download = Zapisz odpowiedź
docs-needs = wymagane
docs-default = domyślnie { $value }

## Dials of one large camera
dials = Obraz
dials-panel =
    .aria-label = Obraz tej kamery
dials-preset = ustawienie
dials-no-preset = brak
dials-neutral = Neutralnie
dials-hint = Węzeł stosuje zmianę między dwiema klatkami.
dials-why = ustawienia w konsoli
dial-strength = siła
dial-brightness = jasność
dial-local-contrast = kontrast lokalny
dial-noise = redukcja szumu
dial-colour = kolor

## Alarms
alarms = Alarmy
alarms-unanswered =
    { $count ->
        [one] { $count } alarm bez odpowiedzi
        [few] { $count } alarmy bez odpowiedzi
        [many] { $count } alarmów bez odpowiedzi
       *[other] { $count } alarmu bez odpowiedzi
    }
alarms-answered =
    { $count ->
        [one] { $count } potwierdzony
        [few] { $count } potwierdzone
        [many] { $count } potwierdzonych
       *[other] { $count } potwierdzonego
    }
alarms-unknown = Utracono połączenie: alarmy nie są na żywo. Ponowne łączenie.
alarm-all = Wszystkie alarmy
alarm-acknowledge = Potwierdź
alarm-shelve = Odłóż
alarm-unshelve = Przywróć
alarm-shelve-for = Na
alarm-words = Uwagi (opcjonalnie)
alarm-reason = Powód
alarm-consequence = Skutek
alarm-response = Co robić
alarm-silence = Wycisz
alarm-sound-on = Dźwięk włączony
alarm-sound-off = Dźwięk wyłączony
alarm-sound-gesture = Dźwięk: kliknij tutaj
alarm-sound-hint = Przeglądarka odtwarza dźwięk dopiero po kliknięciu lub naciśnięciu klawisza w tym oknie.
alarm-notify = Powiadomienia
alarm-chattering = migoczący
alarm-escalated = eskalowany
alarm-by = potwierdził { $who }
alarm-shelved-by = odłożył { $who }
alarm-several =
    { $count ->
        [one] { $count } alarm
        [few] { $count } alarmy
        [many] { $count } alarmów
       *[other] { $count } alarmu
    }
alarm-more =
    { $count ->
        [one] i { $count } kolejny
        [few] i { $count } kolejne
        [many] i { $count } kolejnych
       *[other] i { $count } kolejnego
    }
alarm-group = { $title } × { $count }
alarm-said = Alarm: { $title }, { $where }: { $message }
alarms-said =
    { $count ->
        [one] { $count } nowy alarm
        [few] { $count } nowe alarmy
        [many] { $count } nowych alarmów
       *[other] { $count } nowego alarmu
    }
alarm-state-normal = normalny
alarm-state-unacknowledged = niepotwierdzony
alarm-state-acknowledged = potwierdzony
alarm-state-returned = warunek ustąpił
alarm-state-shelved = odłożony
alarm-state-suppressed = wstrzymany
alarm-state-out-of-service = wyłączony z użycia
minutes =
    { $count ->
        [one] { $count } minuta
        [few] { $count } minuty
        [many] { $count } minut
       *[other] { $count } minuty
    }
hours =
    { $count ->
        [one] { $count } godzina
        [few] { $count } godziny
        [many] { $count } godzin
       *[other] { $count } godziny
    }
cancel = Anuluj
alarms-now = Teraz
alarm-show = Pokaż
alarm-show-standing = alarmy trwające
alarm-show-hidden = odłożone i wstrzymane
no-alarms = Brak alarmów.
alarm-history = Historia
alarm-transition = Zmiana
alarm-transition-raised = zgłoszony
alarm-transition-acknowledged = potwierdzony
alarm-transition-returned = warunek ustąpił
alarm-transition-cleared = zamknięty
alarm-transition-shelved = odłożony
alarm-transition-unshelved = przywrócony
alarm-transition-suppressed = wstrzymany
alarm-transition-unsuppressed = już niewstrzymany
alarm-transition-disabled = wyłączony z użycia
alarm-transition-enabled = włączony do użycia
alarm-transition-chattering = migocze
alarm-transition-escalated = eskalowany
alarm-rules = Reguły
alarm-enabled = W użyciu
on-delay = Opóźnienie włączenia (s)
off-delay = Opóźnienie wyłączenia (s)
latching = Z podtrzymaniem
needs-answer = Wymaga odpowiedzi
rules-by = Zmienił { $who }, { $at }: { $why }
rules-of-file = Reguły z pliku zakładu
escalation = Eskalacja
escalation-note = Kogo powiadomiono, bo nikt nie odpowiedział.
escalation-steps = Stopnie eskalacji
escalation-after = Sekundy bez odpowiedzi
escalation-to = Odbiorcy
escalation-add = Dodaj stopień
escalation-remove = Usuń
escalation-none = Alarmy bez odpowiedzi nie są nigdzie wysyłane.
escalation-no-targets = Plik zakładu nie wymienia odbiorców (alarms: targets:), więc nie można dodać stopnia.
escalation-unknown = nie ma w pliku zakładu
escalation-nobody = Wybierz co najmniej jednego odbiorcę.
target = Cel
delivered = Dostarczono
not-yet = jeszcze nie
attempts = Niepowodzenia
error = Błąd
alarm = Alarm
severity = Waga
who = Kto
words = Uwagi

## Search
camera = Kamera
kind = Rodzaj
source = Źródło
from = Od
to = Do
text = Tekst
time = Czas
search = Szukaj
clear = Wyczyść
older = Starsze
picture = obraz
nothing-found = Nic nie znaleziono.
show-motion = Pokaż ruch
export-csv = Eksportuj CSV
export-json = Eksportuj JSON
to-camera = Do kamery
events-shown =
    { $count ->
        [one] pokazano { $count }
        [few] pokazano { $count }
        [many] pokazano { $count }
       *[other] pokazano { $count }
    }

## Zones and rules
nav-places = Strefy i reguły
title-places = Strefy i reguły Davy
places-subtitle = strefy i reguły
places-picture =
    .alt = Najnowszy obraz kamery
places-hint = Przeciągnij narożnik lub przesuń go strzałkami. Insert dodaje narożnik, Delete usuwa.
places-shapes = Strefy i linie
places-rules = Reguły miejsc
add-zone = Dodaj strefę
add-line = Dodaj linię
add-rule = Dodaj regułę
edit-shape = Edytuj { $name }
saved = Zapisano.
corner = Narożnik { $number } z { $name }, { $left } % od lewej, { $top } % od góry
place-zone = strefa
place-line = linia
place-name = nazwa
place-kind = rodzaj
place-severity = waga
place-direction = kierunek
place-for-s = przez, s
place-hold-s = utrzymaj, s
place-motion = ruch
place-most = najwyżej
place-least = co najmniej
place-share = udział
place-contrast = kontrast
place-texture = tekstura
rule-person-in-zone = osoba w strefie
rule-person-on-belt = osoba na ruchomym taśmociągu
rule-loitering = przebywanie
rule-crowd = tłum
rule-nobody-there = nikogo nie ma
rule-line-crossed = przekroczono linię
rule-object-left = pozostawiony przedmiot
rule-helmet-missing = brak kasku
rule-smoke = dym lub pył
rule-belt-stopped = taśmociąg stoi
rule-belt-empty = taśmociąg jedzie pusty
rule-alarm = alarm
rule-warning = ostrzeżenie
rule-info = informacja
rule-both = w obie strony
rule-in = do środka
rule-out = na zewnątrz

# recordings
nav-timeline = Nagrania
title-timeline = Nagrania Davy
recordings = nagrania
playback = Odtwarzanie
play = Odtwórz
pause = Pauza
step-back = Klatka wstecz
step-forward = Klatka dalej
speed = prędkość
timeline = Oś czasu
timeline-choose = Wybierz kamerę poniżej.
timeline-gap = W tym czasie nic nie nagrano
timeline-range = od { $from } do { $to }
timeline-keep = Eksportuj lub zachowaj
time-shown = zakres
length-minutes = 10 minut
length-hour = 1 godzina
length-hours = 6 godzin
length-day = 1 dzień
length-week = 7 dni
length-month = 30 dni
earlier = Wcześniej
later = Później
newest = Najnowsze
keep-reason = powód, do manifestu i dziennika
keep-pictures = także JPEG co tyle sekund (0: bez)
keep-raw = także surowe wideo
keep-clip = Zachowaj jako klip
keep-export = Eksportuj
keep-working = Nagranie jest przygotowywane …
kind-recording-failed = błąd nagrywania
kind-recording-damaged = uszkodzone nagranie
to-recording = Nagranie
timeline-position =
    .aria-label = Pozycja na osi czasu

nav-add-camera = Dodaj kamerę
title-add-camera = Davy: dodaj kamerę
add-camera-subtitle = dodaj kamerę
add-search = Przeszukaj sieć
add-search-note = Węzeł szuka kamer ONVIF w sieciach, do których jest podłączony.
add-host = adres jednej kamery albo puste
add-known = to kamera { $name } tego węzła
add-do-search = Szukaj
add-searching =
    .aria-label = Wyszukiwanie
add-searching-note = Wyszukiwanie trwa około dziesięciu sekund.
add-found = { $count ->
    [0] Żadna kamera nie odpowiedziała. Wpisz jej adres poniżej.
    [one] Odpowiedziała jedna kamera.
    [few] Odpowiedziały { $count } kamery.
    [many] Odpowiedziało { $count } kamer.
   *[other] Odpowiedziało { $count } kamery.
}
add-login-needed = wymaga użytkownika i hasła
add-do-choose = Wybierz
add-choose = Wybierz { $name }
add-fps = { $fps } kl./s
add-test = Zrób zdjęcie próbne
add-user = użytkownik
add-do-read = Odczytaj profile
add-profile = profil
add-source = adres
add-tls = certyfikat: verify, insecure lub sha256: i odcisk
add-do-test = Zdjęcie próbne
add-testing =
    .aria-label = Odpytywanie kamery
add-raw = Surowe
add-raw-picture =
    .alt = Zdjęcie próbne, surowe
add-enhanced = Poprawione
add-enhanced-picture =
    .alt = Zdjęcie próbne, poprawione
add-tested = { $width } × { $height } pikseli, { $fps } klatek na sekundę
add-add = Dodaj ją do węzła
add-id = id: a-z, 0-9 i -
add-label = nazwa w konsoli
add-do-add = Dodaj kamerę
add-taken = Ten węzeł ma już kamerę { $name }: wybierz inny id.
add-applying = Węzeł wprowadza { $name }.
add-offline = Węzeł jest odłączony. Otrzyma { $name }, gdy tylko wróci.
add-added = Kamera { $name } jest dodana.
add-live = Otwórz ją na ścianie kamer
add-live-picture =
    .alt = Najnowszy obraz nowej kamery

# What the server says in English, in the words of the page: see words.js. The English texts are those of the server.
alarm-title-edge-offline = Węzeł offline
alarm-consequence-edge-offline = Żadna kamera węzła nie wysyła obrazu.
alarm-response-edge-offline = Sprawdź zasilanie i sieć węzła. Powiadom elektryka pod ziemią.
alarm-title-enhancer-offline = Usługa poprawy offline
alarm-consequence-enhancer-offline = Pula poprawia bez jednej usługi; kamery bez obliczeń mogą tracić klatki.
alarm-response-enhancer-offline = Uruchom usługę poprawy ponownie.
alarm-title-camera-offline = Kamera offline
alarm-consequence-camera-offline = Nikt nie widzi tego miejsca.
alarm-response-camera-offline = Sprawdź zasilanie i kabel kamery. Zapytaj kogoś na miejscu.
alarm-title-camera-stale = Obraz nieaktualny
alarm-consequence-camera-stale = Obraz pokazuje przeszłość.
alarm-response-camera-stale = Nie polegaj na obrazie. Sprawdź sieć, jeśli stan trwa.
alarm-title-lens-blocked = Zasłonięty obiektyw
alarm-consequence-lens-blocked = Nikt nie widzi tego miejsca.
alarm-response-lens-blocked = Wyślij kogoś, aby obejrzał i oczyścił kamerę.
alarm-title-lens-dirty = Brudny obiektyw
alarm-consequence-lens-dirty = Giną szczegóły; ludzie są wykrywani później.
alarm-response-lens-dirty = Zleć czyszczenie obiektywu na tej zmianie.
alarm-title-dark = Ciemne miejsce
alarm-consequence-dark = W obrazie nie ma nic, co poprawa mogłaby pokazać.
alarm-response-dark = Sprawdź oświetlenie miejsca.
alarm-title-illumination-change = Zmiana światła
alarm-consequence-illumination-change = Lampa mogła zgasnąć lub zostać przesunięta.
alarm-response-illumination-change = Porównaj obraz z wcześniejszym.
alarm-title-person-in-zone = Osoba w miejscu zabronionym
alarm-consequence-person-in-zone = Maszyna może zranić człowieka.
alarm-response-person-in-zone = Zatrzymaj maszynę w strefie. Wezwij osobę do wyjścia.
alarm-title-person-on-belt = Osoba na jadącej taśmie
alarm-consequence-person-on-belt = Osoba może zostać wciągnięta na przesyp.
alarm-response-person-on-belt = Zatrzymaj taśmę. Wezwij osobę do zejścia.
alarm-title-loitering = Osoba zbyt długo w miejscu
alarm-consequence-loitering = Osoba może być ranna lub chora.
alarm-response-loitering = Wezwij osobę. Wyślij kogoś, jeśli nikt nie odpowiada.
alarm-title-crowd = Zbyt wiele osób
alarm-consequence-crowd = Wyjście jest za wąskie dla wszystkich.
alarm-response-crowd = Wezwij sztygara zmianowego.
alarm-title-nobody-there = Nikogo na stanowisku
alarm-consequence-nobody-there = Nikt nie pilnuje maszyny tego stanowiska.
alarm-response-nobody-there = Wezwij osobę, która ma tam być.
alarm-title-line-crossed = Przekroczona linia
alarm-consequence-line-crossed = Osoba wchodzi w zamknięte miejsce.
alarm-response-line-crossed = Popatrz na kamerę. Wezwij osobę z powrotem.
alarm-title-object-left = Pozostawiony przedmiot
alarm-consequence-object-left = Przedmiot może blokować drogę lub taśmę.
alarm-response-object-left = Wyślij kogoś, aby go usunął.
alarm-title-helmet-missing = Brak kasku
alarm-consequence-helmet-missing = Spadający kamień może zabić.
alarm-response-helmet-missing = Wezwij tę osobę.
alarm-title-smoke = Dym lub pył
alarm-consequence-smoke = Pożar lub pył, który może wybuchnąć.
alarm-response-smoke = Popatrz na kamerę i na odczyty gazu. Postępuj według planu pożarowego.
alarm-title-belt-stopped = Taśma stoi
alarm-consequence-belt-stopped = Węgiel gromadzi się na przesypie.
alarm-response-belt-stopped = Wezwij taśmowego.
alarm-title-belt-empty = Taśma jedzie pusta
alarm-consequence-belt-empty = Taśma zużywa się bez potrzeby.
alarm-response-belt-empty = Zapytaj w przodku, czy urabianie trwa.
alarm-title-drift = Światło odbiega od modelu
alarm-consequence-drift = Poprawiony obraz się pogarsza.
alarm-response-drift = Powiadom inżyniera: model wymaga treningu.
alarm-title-model-rolled-back = Model cofnięty na węźle
alarm-consequence-model-rolled-back = Węzeł używa poprzedniego modelu.
alarm-response-model-rolled-back = Powiadom inżyniera, który wdrażał model.
alarm-title-enhancer-model-rolled-back = Model cofnięty w usłudze poprawy
alarm-consequence-enhancer-model-rolled-back = Usługa poprawy używa poprzedniego modelu.
alarm-response-enhancer-model-rolled-back = Powiadom inżyniera, który wdrażał model.
alarm-title-detector-rolled-back = Detektor cofnięty
alarm-consequence-detector-rolled-back = Analiza szuka ludzi poprzednim detektorem.
alarm-response-detector-rolled-back = Przeczytaj powód na stronie modeli. Powiadom inżyniera.
alarm-title-rollout-rolled-back = Wdrożenie cofnięte
alarm-consequence-rollout-rolled-back = Wszystkie węzły używają poprzedniego modelu.
alarm-response-rollout-rolled-back = Powiadom inżyniera, który zaczął wdrożenie.
alarm-title-spool-full = Pełny dysk węzła
alarm-consequence-spool-full = Zdarzenia tego węzła przepadają.
alarm-response-spool-full = Powiadom inżyniera: zwolnij miejsce na dysku węzła.
alarm-title-disk-low = Dysk agregatora prawie pełny
alarm-consequence-disk-low = Zdarzeń, alarmów i próbek nie można już zapisać.
alarm-response-disk-low = Zwolnij miejsce na dysku agregatora lub obniż jego limity.
alarm-title-certificate-expiring = Certyfikat wkrótce wygaśnie
alarm-consequence-certificate-expiring = Po jego końcu połączenia są odrzucane.
alarm-response-certificate-expiring = Powiadom inżyniera: odnów go poleceniem davy identity rotate.
alarm-title-certificate-expired = Certyfikat wygasł
alarm-consequence-certificate-expired = Połączenia są odrzucane.
alarm-response-certificate-expired = Odnów go poleceniem davy identity rotate.
alarm-title-clock-skew = Zły zegar węzła
alarm-consequence-clock-skew = Czasy jego zdarzeń są błędne.
alarm-response-clock-skew = Zsynchronizuj zegar węzła (NTP).
alarm-title-service-degraded = Część systemu zawodzi
alarm-consequence-service-degraded = Komunikat nazywa część i skutek.
alarm-response-service-degraded = Powiadom inżyniera; uruchom wymienioną usługę.
alarm-consequence-other = Nieznane: zdarzenie opisuje stan.
alarm-response-other = Przeczytaj komunikat i popatrz na kamerę.
said-lens-covered = obiektyw jest zasłonięty albo nie ma światła
said-lens-clear = obiektyw jest odsłonięty
said-lens-dirty = obraz ma tylko { $share } zwykłej ostrości
said-lens-sharp = obraz znów jest ostry
said-dark = obraz jest ciemny
said-dark-over = obraz znów coś pokazuje
said-light-changed = światło się zmieniło: średnia { $mean }, równomierność { $uniformity } wzorca
said-light-back = światło wróciło do wzorca
said-motion = ruch w polu widzenia
said-motion-over = ruch ustał
said-person = osoba w polu widzenia
said-people = osoby w polu widzenia: { $count }
said-people-over = nie ma już osób w polu widzenia
said-detected = { $label } w polu widzenia: { $count }
said-detected-over = nie ma już { $label } w polu widzenia
said-person-in-zone = osoba w strefie { $zone }
said-people-in-zone = osoby w strefie { $zone }: { $count }
said-objects-in-zone = { $label } w strefie { $zone }: { $count }
said-on-belt = osoba na jadącej taśmie { $zone }
said-loitering = { $label } pozostaje w strefie { $zone } od { $seconds } s
said-crowd = osoby w strefie { $zone }: { $count }; dozwolone najwyżej { $most }
said-nobody-there = w strefie { $zone } jest { $count } z { $least } wymaganych osób
said-line-crossed = { $label } przekracza linię { $line }
said-object-left = coś leży w strefie { $zone }
said-helmet-missing = osoba bez kasku
said-helmets-missing = osoby bez kasku: { $count }
said-smoke = dym lub pył: { $share } zwykłego kontrastu
said-belt-stopped = taśma { $zone } stoi
said-belt-empty = taśma { $zone } jedzie pusta
said-rule-over = reguła { $rule }: stan minął
said-edge-offline = węzeł { $edge } jest offline; jego kamery nie wysyłają klatek
said-enhancer-offline = usługa poprawy { $edge } jest offline; pula poprawia bez niej
said-edge-online = węzeł { $edge } znów jest online
said-enhancer-online = usługa poprawy { $edge } znów jest online
said-camera-online = kamera { $camera } wysyła klatki
said-camera-stalled = kamera { $camera } nie wysyła klatek: { $reason }
said-camera-unreachable = kamera { $camera } jest nieosiągalna: { $reason }
said-camera = kamera { $camera }: { $reason }
said-drift = światło kamery { $camera } różni się od wzorca modelu { $model }
said-clock-behind = zegar węzła { $edge } spóźnia się o { $seconds } s
said-clock-ahead = zegar węzła { $edge } spieszy się o { $seconds } s
said-disk-low = na dysku { $path } wolne jest { $free } GB z { $total } GB
said-disk-room = znów jest miejsce
said-rollout-edges = { $model }: wdrożenie, węzły: { $count }, fale: { $waves }
said-rollout-analysis = { $model }: wdrożenie w analizie, fale: { $waves }
said-rollout-wave = fala { $wave } z { $waves }: węzły: { $count }
said-rollout-done = model { $model }: używa go każdy węzeł
said-rollout-analysed = model { $model }: używa go analiza
said-rollout-late = model { $model }: węzły offline, które dołączą: { $count }
said-rollout-aborted = model { $model }: przerwane przez operatora
mail-many = alarmy bez odpowiedzi: { $count }, pierwszy: { $title }
mail-more = ... i jeszcze { $count }. Konsola pokazuje wszystkie.
mail-raised = Zgłoszony { $at }, bez odpowiedzi od { $seconds } s.
kind-over = { $kind }: koniec

## Company
nav-company = Firma
company-subtitle = firma
title-company = Davy firma
company-alarms = Alarmy bez odpowiedzi
company-calm = Żaden alarm nie czeka na odpowiedź.
company-sites = Kopalnie
company-live = kamery na żywo
company-unanswered = alarmy bez odpowiedzi
company-edges = węzły brzegowe
company-answered = odpowiedź
company-total = kopalnie: { $sites }, kamery na żywo: { $live } z { $cameras }
company-news = Alarmy czekające na odpowiedź: { $count }
company-lost = Widok firmy nie odpowiada: { $reason }
site-state-waiting = oczekuje
site-state-ready = gotowa
site-state-degraded = ograniczona
site-state-unreachable = nieosiągalna
th-site = kopalnia
th-alarm = alarm
th-raised = zgłoszony
th-severity = waga
