# Palabras de Davy en español.

## Navigation
nav = Páginas
nav-wall = Muro de cámaras
nav-alarms = Alarmas
nav-events = Eventos
nav-edges = Equipos de borde
nav-models = Modelos
nav-samples = Muestras
nav-training = Entrenamiento
nav-enhance = Mejorar una imagen
nav-users = Usuarios
nav-journal = Diario
nav-api = Interfaz REST
nav-manual = Manual
language = Idioma
sign-out = Cerrar sesión
role-viewer = observador
role-operator = operador
role-engineer = ingeniero
role-admin = administrador
role-edge = equipo de borde
role-enhancer = mejorador
role-trainer = entrenador
role-aggregator = agregador
role-monitor = monitor
role-owner = propietario
role-anonymous = anónimo
time-zone = hora de { $zone }

## Console
console-title = { $site } · Consola Davy
site-line = { $site } · { $online } de { $all } equipos en línea
connecting = Conectando
connection-lost = Se perdió la conexión con el agregador: las imágenes no son en vivo. Reconectando.
connection-lost-because = Se perdió la conexión con el agregador ({ $reason }): las imágenes no son en vivo. Reconectando.
tally =
    .aria-label = Cámaras por estado
tally-live = en vivo
tally-stale = atrasadas
tally-offline = sin conexión
tally-waiting = en espera
health-ready = Todo en orden
health-degraded = Degradado
health-lost = Conexión perdida
health-offline =
    { $count ->
        [one] { $count } cámara sin conexión
       *[other] { $count } cámaras sin conexión
    }
health-silent =
    { $count ->
        [one] { $count } cámara sin imágenes en vivo
       *[other] { $count } cámaras sin imágenes en vivo
    }
health-alarms =
    { $count ->
        [one] { $count } alarma
       *[other] { $count } alarmas
    }
available = disponible
cameras =
    .aria-label = Cámaras
h-cameras = Cámaras
no-cameras = No hay cámaras configuradas.
close = Cerrar

## Picture
mode =
    .aria-label = Imagen
mode-enhanced = Mejorada
mode-split = Dividida
mode-raw = Original
divider = { $camera }: original a la izquierda, mejorada a la derecha
divider-value = { $percent } % original, el resto mejorada
tile-open = { $camera }: mostrar sola, o todas otra vez
tile-menu = Páginas de { $camera }
tile-move = Arrastre para mover, o pulse Alt y una flecha sobre la imagen
camera-live = En vivo
camera-stale = Atrasada
camera-offline = Sin conexión
camera-waiting = Sin imágenes
veil-stale = hace { $age }
veil-offline = Sin conexión
veil-waiting = Aún sin imágenes
not-live = no es en vivo: última imagen recibida
last-frame = última imagen { $time }
figure-age = edad
figure-fps = fps
figure-dropped = perdidas
figure-size = tamaño
figure-model = modelo
figure-clock = reloj
drops-unknown = el equipo aún no envió estadísticas
drops-known = de { $captured } captadas por el equipo; { $received } recibidas por el agregador
clock-slow = { $time } atrasado
clock-fast = { $time } adelantado
clock-wrong = el reloj del equipo está mal; las edades son correctas
duration-ms = { $count } ms
duration-s = { $count } s
duration-min = { $count } min
duration-h = { $count } h

## View
view = Vista
columns = Columnas
per-page = Cámaras por página
tour = Página siguiente tras
group = Grupos
auto = automático
all = todas
off = no
no-groups = ninguno
district = por sector
edge = por equipo
group-none = Sin sector
layouts = Vistas guardadas
layouts-choose = elegir
layout-name = Nombre
layout-name-form =
    .title = a a z, 0 a 9 y -
save = Guardar
delete = Borrar
save-wall = Guardar para una pantalla
keys-hint = Teclas: 1 a 9 una cámara, flechas cámara siguiente, + - 0 zoom, F pantalla completa, Esc volver.
page-before =
    .aria-label = Página anterior
page-after =
    .aria-label = Página siguiente
page-of = { $page } de { $pages }
full-screen =
    .aria-label = Pantalla completa
wall = Muro de cámaras
wall-title = { $name } · Muro Davy
wall-link-title =
    .aria-label = Enlace de una pantalla
wall-link-text = Abra este enlace en la pantalla. Inicia sesión como observador y se muestra una sola vez. Para revocarlo, borre su token en la página Usuarios.

## Events
events = Eventos
events-panel =
    .aria-label = Eventos
at-least = al menos
no-events = Aún no hay eventos.
severity-info = información
severity-warning = aviso
severity-alarm = alarma
keyframe =
    .aria-label = Imagen del evento
keyframe-of = Imagen del evento: { $message }

# Kinds of events; others are shown as they are.
kind-motion = movimiento
kind-motion-over = fin del movimiento
kind-person = persona
kind-lens-blocked = lente tapada
kind-lens-dirty = lente sucia
kind-dark = oscuro
kind-illumination-change = cambio de iluminación
kind-camera-offline = cámara sin conexión
kind-camera-online = cámara en línea
kind-camera-stalled = cámara detenida
kind-edge-offline = equipo sin conexión
kind-edge-online = equipo en línea
kind-drift = deriva
kind-person-in-zone = persona en una zona
kind-config-changed = configuración cambiada

## Pages
models-subtitle = modelos y despliegues
users-subtitle = usuarios y tokens
journal-subtitle = diario de auditoría
samples-subtitle = muestras para el entrenamiento
edges-subtitle = equipos de borde y sus cámaras
training-subtitle = entrenamiento
rollout-none = Aún no hay despliegue.
waves =
    .aria-label = Oleadas
candidates-note = Ningún equipo carga un candidato. Una persona lo firma: davy models sign.
ask-dialog =
    .aria-label = Iniciar un despliegue
report-dialog =
    .aria-label = Informe de un candidato
title-models = Modelos Davy
th-edge = equipo
th-state = estado
th-runs = ejecuta
th-epoch = época
th-frames = imágenes
th-lost = perdidas
    .title = Imágenes perdidas por el cambio
th-reason = motivo
th-candidate = candidato
th-id-in-frames = id en las imágenes
th-kind = tipo
model-kind-enhancer = mejora
model-kind-detector = detector
th-proposed = propuesto
th-by = por
th-cause = causa
th-checks = comprobaciones
th-figures = cifras
th-model = modelo
th-created = creado
th-tags = etiquetas
th-run = ejecución
th-runs-on = funciona en
th-started = inicio
th-confirmed-by = confirmado por
th-edges = equipos
h-rollout = Despliegue
h-edges = Equipos de borde
h-candidates = Candidatos
h-models = Modelos
h-earlier-rollouts = Despliegues anteriores
do-cancel = Cancelar
do-roll-out = Desplegar
do-close = Cerrar
users-note = Personas que pueden iniciar sesión. Un cambio termina sus sesiones.
tokens-note = Para programas y máquinas:
token-shown = Copie este token ahora, se muestra una sola vez:
token-edge =
    .placeholder = para el rol de equipo
title-users = Usuarios de Davy
th-actions = acciones
th-name = nombre
th-role = rol
th-signs-in-by = inicia sesión con
th-since = desde
th-made-by = creado por
th-expires = caduca
h-users = Usuarios
h-tokens = Tokens
label-name = nombre
label-role = rol
label-password = contraseña
label-edge = equipo
label-days = días
do-add-user = Añadir usuario
do-make-token = Crear token
journal-note = Cada cambio y cada intento rechazado. Esta orden comprueba la cadena:
th-address = desde
title-journal = Diario de Davy
th-time = hora
th-who = quién
th-operation = operación
th-change = cambio
th-answer = respuesta
h-journal = Diario
label-who = quién
label-operation-contains = la operación contiene
label-from = desde
label-to = hasta
do-show = Mostrar
do-clear = Limpiar
do-older-entries = Entradas anteriores
reason-dark = oscura
reason-uneven = desigual
reason-over-exposed = sobreexpuesta
reason-new-scene = escena nueva
any = cualquiera
use-train = entrenamiento
use-validation = validación
use-excluded = excluida
export = Exportar
samples-none = No hay muestras. Los equipos envían imágenes originales de escenas nuevas y de luz que el modelo mejora mal.
title-samples = Muestras de Davy
th-camera = cámara
th-drift = deriva
    .title = El mayor componente; 1 es un cambio claro
th-components = componentes
h-drift = Deriva
h-samples = Muestras
label-camera = cámara
label-reason = motivo
label-use = uso
do-more = Más
author =
    .placeholder = autor
    .aria-label = Autor
reason-field =
    .placeholder = motivo
    .aria-label = Motivo
history = Historial
title-edges = Equipos de Davy
th-label = rótulo
th-source = fuente
th-fps = fps
    .title = Máximo de imágenes por segundo
th-width = ancho
    .title = Píxeles; vacío: tamaño de la fuente
th-height = alto
    .title = Píxeles; vacío: tamaño de la fuente
th-strength = intensidad
    .title = 0 deja la imagen sin cambios
th-quality = calidad
    .title = Calidad JPEG máxima
th-max-age = edad máx.
    .title = Se descartan imágenes más antiguas, ms
th-timeout = espera
    .title = Silencio tras el cual se reabre la cámara, s
th-raw = original
    .title = Enviar también la imagen original
th-configuration = configuración
th-author = autor
do-apply = Aplicar
do-discard = Descartar
login-title = Iniciar sesión en Davy
login-hint = Un administrador añade usuarios en la página Usuarios o con davy users add.
title-login = Davy: iniciar sesión
label-name-capital = Nombre
label-password-capital = Contraseña
do-sign-in = Iniciar sesión
kind-prompts = textos guía
kind-retrain = reentrenamiento
kind-people = detector de personas
progress =
    .aria-label = Progreso
sheet =
    .alt = La hoja más reciente de esta ejecución
runs-none = Aún no hay ejecuciones.
title-training = Entrenamiento Davy
th-figure = cifra
th-running-model = modelo en uso
th-new = nuevo
th-difference = diferencia
th-status = situación
h-embedding-drift = Deriva de los rasgos
h-runs = Ejecuciones
label-kind = tipo
do-start-a-run = Iniciar una ejecución
do-resume = Reanudar

## Users and tokens
never = nunca
proxy = proxy
proxy-names = un proxy de confianza nombra a esta persona
role-of = Rol de { $name }
enable = Activar
disable = Desactivar
delete-user = ¿Borrar el usuario { $name }?
revoke = Revocar
revoke-token = ¿Revocar el token { $name }?
users-none = No hay usuarios.
tokens-none = No hay tokens.
sign-in-with = Iniciar sesión con { $provider }
provider-refused = El inicio de sesión en el proveedor se canceló o se rechazó.
provider-error = El proveedor informa de un error: inténtelo de nuevo o pregunte a un administrador.

## Journal
journal-row = fila { $row }, petición { $request }
journal-fill = { $size } de { $most } MB
no-identity = sin identidad
entries-none = No hay entradas.

## Samples and drift
use-as-train = Entrenar
use-as-validation = Validar
use-as-excluded = Excluir
use-of = Uso de la muestra { $sample }
sample-raw = original: { $dark } oscuro, { $clipped } saturado
sample-enhanced = mejorada: { $dark }, { $clipped }
not-enhanced = no mejorada en el equipo
samples-store = { $count } de { $most } muestras, { $size } de { $bytes }; { $train } para entrenar, { $validation } para validar, { $excluded } excluidas
drifted = Alejadas de su referencia: { $cameras }.
drift-none = Sin deriva; { $known } de { $all } cámaras tienen referencia.
drift-unknown = desconocida
drift-settling = estabilizándose
drift-fits = conforme
drift-drifted = alejada
no-answer = Sin respuesta válida del agregador: { $reason }. Reintentando.

## Edges
add-camera = Añadir una cámara
epoch-by = época { $epoch } por { $who }
from-site-file = de site.yaml
signed-by = firmada por { $who }
edge-rejected = El equipo rechazó esta configuración y mantiene la anterior: { $reason }
edge-still-runs = El equipo aún usa { $id }; todavía no ha informado.
camera-id = id: a-z 0-9 y -
new-camera = la cámara nueva
field-of = { $field } de { $camera }
remove-camera = Quitar { $name }
not-configured = El equipo { $edge } no se configuró: { $reason }
not-run-yet = El equipo aún no ejecuta esta cámara
runs-value = usa { $value }
own-of-source = el de la fuente
roll-back-to = Volver a esta
state-waiting = en espera
state-applying = aplicando
state-applied = aplicada
state-rejected = rechazada
state-offline = sin conexión

## Models and rollouts
do-confirm = Confirmar
do-pause = Pausar
do-abort = Abortar
do-download = Descargar
do-report = Informe
report-none = Sin informe.
as-installed = el instalado
rollout-model = { $kind } { $model } · inicio
by = por { $who }
confirmed-by = confirmado por { $who }
waits-for-second = espera a una segunda persona
another-confirms = Lo confirma otro ingeniero o administrador.
rollout-terms = { $frames } imágenes en sombra, { $seconds } s de prueba, fallos hasta { $failures } %; límites: { $gates }
canary = canario: { $done } de { $all }
wave = oleada { $wave }: { $done } de { $all }
edge-enhancer = { $edge } (mejorador)
edge-analysis = análisis
rejected-model = rechazó { $model }:
edges-none = Ningún equipo de este sitio ejecuta modelos.
edges-online = { $online } de { $all } en línea
registry-empty = El registro está vacío: añada un modelo con davy models add.
models-count = { $count } en el registro
none = Ninguno.
ask-rollout = ¿Desplegar el modelo { $model } ({ $name }) en los equipos y los mejoradores? Un canario lo compara antes con su modelo en uso. Si es peor o más lento, el despliegue se revierte antes de llegar a otro equipo.
ask-rollout-detector = ¿Desplegar el detector { $model } ({ $name }) en el análisis? Antes mira las mismas imágenes que el que está en uso. Si no ve a personas, es más lento o falla, el análisis conserva su detector.
state-unconfirmed = sin confirmar
state-running = en curso
state-paused = en pausa
state-done = terminado
state-rolled-back = revertido
state-aborted = abortado
state-downloading = descargando
state-verifying = verificando
state-shadow = en sombra
state-probation = a prueba
state-active = activo
state-failed = fallido

## Training
state-cancelled = cancelado
state-cancelling = cancelando
phase-collect = reunir
phase-train = entrenar
phase-evaluate = evaluar
phase-register = registrar
phase-rollout = desplegar
range = { $low } a { $high }
step = paso { $step }
progress-of = { $stage }: { $step } de { $total }
run-cameras = cámaras { $cameras }
run-reason = Motivo: { $reason }
requested = solicitado
run-kills = reanudado tras { $count } interrupciones
result-model = modelo { $model } ({ $name } en las imágenes)
result-parent = procede de { $model }
result-rollout = despliegue { $rollout }
run-starts-at = una ejecución empieza con { $score }
drift-new-camera = { $score } · cámara nueva, no inicia ninguna ejecución
trainer-standby = reserva: otro servicio está activo
service-silent = el servicio no responde: { $reason }

## Enhance an image
title-enhance = Davy: mejorar una imagen
enhance-subtitle = mejorar una imagen
enhance-strength = Intensidad
enhance-format = Guardar como
enhance-format-same = formato de la entrada
enhance-choose = Elegir una imagen
enhance-drop = Suelte aquí una imagen oscura
enhance-drop-note = o haga clic para elegir una: JPEG, PNG o WebP. Solo este servicio la recibe; no guarda imágenes.
enhance-divider =
    .aria-label = Divisor entre original y mejorada
enhance-raw =
    .alt = original
enhance-enhanced =
    .alt = mejorada
enhance-none = Aún no hay imagen.
enhance-busy = Mejorando…
enhance-figures = { $file }: { $width } × { $height }, { $kind } de { $size } kB, modelo { $model }, { $time } ms ({ $steps })

## REST interface
title-docs = Davy: interfaz REST
docs-subtitle = interfaz REST
docs-body = Cuerpo
docs-file = Archivo
docs-send = Enviar
docs-answer = Respuesta
docs-download = Guardar la respuesta
docs-needs = obligatorio
docs-default = por defecto { $value }

## Dials of one large camera
dials = Imagen
dials-panel =
    .aria-label = Imagen de esta cámara
dials-preset = ajuste predefinido
dials-no-preset = ninguno
dials-neutral = Neutro
dials-hint = El equipo aplica un cambio entre dos imágenes.
dials-why = ajustes en la consola
dial-strength = intensidad
dial-brightness = brillo
dial-local-contrast = contraste local
dial-noise = reducción de ruido
dial-colour = color

## Alarms
alarms = Alarmas
alarms-unanswered =
    { $count ->
        [one] { $count } alarma sin responder
       *[other] { $count } alarmas sin responder
    }
alarms-answered =
    { $count ->
        [one] { $count } reconocida
       *[other] { $count } reconocidas
    }
alarms-unknown = Conexión perdida: las alarmas no son en vivo. Reconectando.
alarm-all = Todas las alarmas
alarm-acknowledge = Reconocer
alarm-shelve = Aplazar
alarm-unshelve = Reactivar
alarm-shelve-for = Durante
alarm-words = Palabras (opcional)
alarm-reason = Motivo
alarm-consequence = Consecuencia
alarm-response = Qué hacer
alarm-silence = Silenciar
alarm-sound-on = Sonido activado
alarm-sound-off = Sonido desactivado
alarm-sound-gesture = Sonido: haga clic aquí
alarm-sound-hint = Un navegador solo suena tras un clic o una tecla en esta ventana.
alarm-notify = Notificaciones
alarm-chattering = oscilante
alarm-escalated = escalada
alarm-by = reconocida por { $who }
alarm-shelved-by = aplazada por { $who }
alarm-several =
    { $count ->
        [one] { $count } alarma
       *[other] { $count } alarmas
    }
alarm-more =
    { $count ->
        [one] y { $count } más
       *[other] y { $count } más
    }
alarm-group = { $title } × { $count }
alarm-said = Alarma: { $title }, { $where }: { $message }
alarms-said =
    { $count ->
        [one] { $count } alarma nueva
       *[other] { $count } alarmas nuevas
    }
alarm-state-normal = normal
alarm-state-unacknowledged = sin reconocer
alarm-state-acknowledged = reconocida
alarm-state-returned = condición terminada
alarm-state-shelved = aplazada
alarm-state-suppressed = suprimida
alarm-state-out-of-service = fuera de servicio
minutes =
    { $count ->
        [one] { $count } minuto
       *[other] { $count } minutos
    }
hours =
    { $count ->
        [one] { $count } hora
       *[other] { $count } horas
    }
cancel = Cancelar
alarms-now = Ahora
alarm-show = Mostrar
alarm-show-standing = alarmas presentes
alarm-show-hidden = aplazadas y suprimidas
no-alarms = No hay alarmas.
alarm-history = Historial
alarm-transition = Cambio
alarm-transition-raised = activada
alarm-transition-acknowledged = reconocida
alarm-transition-returned = condición terminada
alarm-transition-cleared = cerrada
alarm-transition-shelved = aplazada
alarm-transition-unshelved = reactivada
alarm-transition-suppressed = suprimida
alarm-transition-unsuppressed = ya no suprimida
alarm-transition-disabled = puesta fuera de servicio
alarm-transition-enabled = puesta en servicio
alarm-transition-chattering = oscila
alarm-transition-escalated = escalada
alarm-rules = Reglas
alarm-enabled = En servicio
on-delay = Retardo de activación (s)
off-delay = Retardo de cierre (s)
latching = Con retención
needs-answer = Exige respuesta
rules-by = Cambiadas por { $who }, { $at }: { $why }
rules-of-file = Reglas del archivo del sitio
escalation = Escalado
escalation-note = A quién se avisó porque nadie respondió.
escalation-steps = Pasos de escalada
escalation-after = Segundos sin respuesta
escalation-to = Destinatarios
escalation-add = Añadir un paso
escalation-remove = Quitar
escalation-none = Las alarmas sin respuesta no se envían.
escalation-no-targets = El archivo del sitio no nombra destinatarios (alarms: targets:), así que no se puede añadir ningún paso.
escalation-unknown = no está en el archivo del sitio
escalation-nobody = Elija al menos un destinatario.
target = Destino
delivered = Entregado
not-yet = todavía no
attempts = Fallos
error = Error
alarm = Alarma
severity = Gravedad
who = Quién
words = Palabras

## Search
camera = Cámara
kind = Tipo
source = Fuente
from = Desde
to = Hasta
text = Texto
time = Hora
search = Buscar
clear = Limpiar
older = Anteriores
picture = imagen
nothing-found = Sin resultados.
show-motion = Mostrar movimiento
export-csv = Exportar CSV
export-json = Exportar JSON
to-camera = A la cámara
events-shown =
    { $count ->
        [one] { $count } mostrado
       *[other] { $count } mostrados
    }

## Zones and rules
nav-places = Zonas y reglas
title-places = Zonas y reglas de Davy
places-subtitle = zonas y reglas
places-picture =
    .alt = Imagen más reciente de la cámara
places-hint = Arrastre una esquina o muévala con las flechas. Insert añade una esquina, Supr la quita.
places-shapes = Zonas y líneas
places-rules = Reglas de lugares
add-zone = Añadir una zona
add-line = Añadir una línea
add-rule = Añadir una regla
edit-shape = Editar { $name }
saved = Guardado.
corner = Esquina { $number } de { $name }, { $left } % desde la izquierda, { $top } % desde arriba
place-zone = zona
place-line = línea
place-name = nombre
place-kind = tipo
place-severity = gravedad
place-direction = dirección
place-for-s = durante, s
place-hold-s = mantener, s
place-motion = movimiento
place-most = como máximo
place-least = al menos
place-share = proporción
place-contrast = contraste
place-texture = textura
rule-person-in-zone = persona en una zona
rule-person-on-belt = persona en la cinta en marcha
rule-loitering = merodeo
rule-crowd = aglomeración
rule-nobody-there = nadie presente
rule-line-crossed = línea cruzada
rule-object-left = objeto abandonado
rule-helmet-missing = sin casco
rule-smoke = humo o polvo
rule-belt-stopped = cinta parada
rule-belt-empty = cinta vacía
rule-alarm = alarma
rule-warning = aviso
rule-info = información
rule-both = ambos sentidos
rule-in = entrada
rule-out = salida

# recordings
nav-timeline = Grabaciones
title-timeline = Grabaciones de Davy
recordings = grabaciones
playback = Reproducción
play = Reproducir
pause = Pausa
step-back = Cuadro anterior
step-forward = Cuadro siguiente
speed = velocidad
timeline = Línea de tiempo
timeline-choose = Elija una cámara abajo.
timeline-gap = No hay grabación en este momento
timeline-range = de { $from } a { $to }
timeline-keep = Exportar o conservar
time-shown = se muestra
length-minutes = 10 minutos
length-hour = 1 hora
length-hours = 6 horas
length-day = 1 día
length-week = 7 días
length-month = 30 días
earlier = Antes
later = Después
newest = Lo más reciente
keep-reason = motivo, para el manifiesto y el diario
keep-pictures = además un JPEG cada tantos segundos (0: ninguno)
keep-raw = también el vídeo sin mejorar
keep-clip = Conservar como clip
keep-export = Exportar
keep-working = Se está preparando la grabación …
kind-recording-failed = fallo de grabación
kind-recording-damaged = grabación dañada
to-recording = Grabación
timeline-position =
    .aria-label = Posición en la línea de tiempo

nav-add-camera = Añadir una cámara
title-add-camera = Davy: añadir una cámara
add-camera-subtitle = añadir una cámara
add-search = Buscar en la red
add-search-note = El nodo busca cámaras ONVIF en las redes a las que está conectado.
add-host = dirección de una cámara, o vacío
add-known = es la cámara { $name } de este nodo
add-do-search = Buscar
add-searching =
    .aria-label = Buscando
add-searching-note = La búsqueda dura unos diez segundos.
add-found = { $count ->
    [0] No respondió ninguna cámara. Escriba su dirección abajo.
    [one] Respondió una cámara.
   *[other] Respondieron { $count } cámaras.
}
add-login-needed = pide usuario y contraseña
add-do-choose = Elegir
add-choose = Elegir { $name }
add-fps = { $fps } fps
add-test = Tomar una imagen de prueba
add-user = usuario
add-do-read = Leer sus perfiles
add-profile = perfil
add-source = dirección
add-tls = certificado: verify, insecure, o sha256: y la huella
add-do-test = Imagen de prueba
add-testing =
    .aria-label = Consultando la cámara
add-raw = Original
add-raw-picture =
    .alt = Imagen de prueba original
add-enhanced = Mejorada
add-enhanced-picture =
    .alt = Imagen de prueba mejorada
add-tested = { $width } × { $height } píxeles, { $fps } imágenes por segundo
add-add = Añadirla al nodo
add-id = id: a-z, 0-9 y -
add-label = nombre en la consola
add-do-add = Añadir la cámara
add-taken = Este nodo ya tiene una cámara { $name }: elija otro id.
add-applying = El nodo aplica { $name }.
add-offline = El nodo está desconectado. Recibirá { $name } en cuanto vuelva.
add-added = La cámara { $name } está añadida.
add-live = Abrirla en el mural de cámaras
add-live-picture =
    .alt = Última imagen de la cámara nueva

# What the server says in English, in the words of the page: see words.js. The English texts are those of the server.
alarm-title-edge-offline = Equipo sin conexión
alarm-consequence-edge-offline = Ninguna cámara del equipo envía imágenes.
alarm-response-edge-offline = Compruebe la alimentación y la red del equipo. Avise al electricista del interior.
alarm-title-enhancer-offline = Mejorador sin conexión
alarm-consequence-enhancer-offline = El grupo mejora con uno menos; las cámaras sin cálculo propio pueden perder imágenes.
alarm-response-enhancer-offline = Reinicie el mejorador.
alarm-title-camera-offline = Cámara sin conexión
alarm-consequence-camera-offline = Nadie ve este lugar.
alarm-response-camera-offline = Compruebe la alimentación y el cable de la cámara. Pregunte a alguien del lugar.
alarm-title-camera-stale = Imagen antigua
alarm-consequence-camera-stale = La imagen muestra el pasado.
alarm-response-camera-stale = No se fíe de la imagen. Compruebe la red si el estado dura.
alarm-title-lens-blocked = Lente tapada
alarm-consequence-lens-blocked = Nadie ve este lugar.
alarm-response-lens-blocked = Envíe a alguien a mirar y limpiar la cámara.
alarm-title-lens-dirty = Lente sucia
alarm-consequence-lens-dirty = Se pierden detalles; se detecta más tarde a las personas.
alarm-response-lens-dirty = Haga limpiar la lente en este turno.
alarm-title-dark = Lugar oscuro
alarm-consequence-dark = La imagen no tiene nada que la mejora pueda mostrar.
alarm-response-dark = Compruebe la iluminación del lugar.
alarm-title-illumination-change = Luz cambiada
alarm-consequence-illumination-change = Una lámpara puede haber fallado o haberse movido.
alarm-response-illumination-change = Compare la imagen con otra anterior.
alarm-title-person-in-zone = Persona en un lugar prohibido
alarm-consequence-person-in-zone = Una máquina puede herir a una persona.
alarm-response-person-in-zone = Pare la máquina de la zona. Haga salir a la persona.
alarm-title-person-on-belt = Persona sobre una cinta en marcha
alarm-consequence-person-on-belt = La cinta puede llevar a la persona al punto de transferencia.
alarm-response-person-on-belt = Pare la cinta. Haga bajar a la persona.
alarm-title-loitering = Persona demasiado tiempo
alarm-consequence-loitering = Una persona puede estar herida o enferma.
alarm-response-loitering = Llame a la persona. Envíe a alguien si nadie responde.
alarm-title-crowd = Demasiadas personas
alarm-consequence-crowd = La salida es demasiado estrecha para todos.
alarm-response-crowd = Llame al jefe de turno.
alarm-title-nobody-there = Nadie en el puesto
alarm-consequence-nobody-there = Nadie vigila la máquina de este puesto.
alarm-response-nobody-there = Llame a la persona que debe estar allí.
alarm-title-line-crossed = Línea cruzada
alarm-consequence-line-crossed = Una persona entra en un lugar cerrado.
alarm-response-line-crossed = Mire la cámara. Haga volver a la persona.
alarm-title-object-left = Objeto abandonado
alarm-consequence-object-left = El objeto puede bloquear el paso o la cinta.
alarm-response-object-left = Envíe a alguien a retirarlo.
alarm-title-helmet-missing = Falta el casco
alarm-consequence-helmet-missing = Una piedra que cae puede matar.
alarm-response-helmet-missing = Llame a la persona.
alarm-title-smoke = Humo o polvo
alarm-consequence-smoke = Un incendio, o polvo que puede explotar.
alarm-response-smoke = Mire la cámara y las lecturas de gas. Siga el plan de incendios.
alarm-title-belt-stopped = Cinta parada
alarm-consequence-belt-stopped = El carbón se acumula en el punto de transferencia.
alarm-response-belt-stopped = Llame al encargado de la cinta.
alarm-title-belt-empty = Cinta en vacío
alarm-consequence-belt-empty = La cinta se desgasta sin uso.
alarm-response-belt-empty = Pregunte en el frente si continúa el arranque.
alarm-title-drift = La luz se aleja del modelo
alarm-consequence-drift = La imagen mejorada empeora.
alarm-response-drift = Avise al ingeniero: el modelo necesita entrenamiento.
alarm-title-model-rolled-back = Modelo revertido en un equipo
alarm-consequence-model-rolled-back = El equipo usa su modelo anterior.
alarm-response-model-rolled-back = Avise al ingeniero que desplegó el modelo.
alarm-title-enhancer-model-rolled-back = Modelo revertido en un mejorador
alarm-consequence-enhancer-model-rolled-back = El mejorador usa su modelo anterior.
alarm-response-enhancer-model-rolled-back = Avise al ingeniero que desplegó el modelo.
alarm-title-detector-rolled-back = Detector revertido
alarm-consequence-detector-rolled-back = El análisis busca personas con su detector anterior.
alarm-response-detector-rolled-back = Lea el motivo en la página de modelos. Avise al ingeniero.
alarm-title-rollout-rolled-back = Despliegue revertido
alarm-consequence-rollout-rolled-back = Todos los equipos usan el modelo anterior.
alarm-response-rollout-rolled-back = Avise al ingeniero que inició el despliegue.
alarm-title-spool-full = Disco de un equipo lleno
alarm-consequence-spool-full = Se pierden los eventos de este equipo.
alarm-response-spool-full = Avise al ingeniero: libere espacio en el disco del equipo.
alarm-title-disk-low = Disco del agregador casi lleno
alarm-consequence-disk-low = Ya no se podrán guardar eventos, alarmas ni muestras.
alarm-response-disk-low = Libere espacio en el disco del agregador o baje sus límites.
alarm-title-certificate-expiring = El certificado caduca pronto
alarm-consequence-certificate-expiring = Tras su fin se rechazan las conexiones.
alarm-response-certificate-expiring = Avise al ingeniero: renuévelo con davy identity rotate.
alarm-title-certificate-expired = Certificado caducado
alarm-consequence-certificate-expired = Se rechazan las conexiones.
alarm-response-certificate-expired = Renuévelo con davy identity rotate.
alarm-title-clock-skew = Reloj de un equipo incorrecto
alarm-consequence-clock-skew = Las horas de sus eventos son erróneas.
alarm-response-clock-skew = Sincronice el reloj del equipo (NTP).
alarm-title-service-degraded = Falla una parte del sistema
alarm-consequence-service-degraded = El mensaje nombra la parte y lo que significa.
alarm-response-service-degraded = Avise al ingeniero; inicie el servicio nombrado.
alarm-consequence-other = Desconocida: el evento describe el estado.
alarm-response-other = Lea el mensaje y mire la cámara.
said-lens-covered = la lente está tapada o no hay luz
said-lens-clear = la lente está libre
said-lens-dirty = la imagen solo tiene el { $share } de su nitidez habitual
said-lens-sharp = la imagen vuelve a ser nítida
said-dark = la imagen está oscura
said-dark-over = la imagen vuelve a mostrar algo
said-light-changed = la luz ha cambiado: media { $mean } y uniformidad { $uniformity } de la referencia
said-light-back = la luz vuelve a la referencia
said-motion = movimiento a la vista
said-motion-over = ya no hay movimiento
said-person = hay una persona a la vista
said-people = personas a la vista: { $count }
said-people-over = ya no hay personas a la vista
said-detected = { $label } a la vista: { $count }
said-detected-over = ya no hay { $label } a la vista
said-person-in-zone = hay una persona en la zona { $zone }
said-people-in-zone = personas en la zona { $zone }: { $count }
said-objects-in-zone = { $label } en la zona { $zone }: { $count }
said-on-belt = hay una persona sobre la cinta en marcha { $zone }
said-loitering = { $label } permanece en la zona { $zone } desde hace { $seconds } s
said-crowd = personas en la zona { $zone }: { $count }; se permiten como máximo { $most }
said-nobody-there = { $count } de { $least } personas necesarias en la zona { $zone }
said-line-crossed = { $label } cruza la línea { $line }
said-object-left = hay algo en la zona { $zone }
said-helmet-missing = hay una persona sin casco
said-helmets-missing = personas sin casco: { $count }
said-smoke = humo o polvo: { $share } del contraste habitual
said-belt-stopped = la cinta { $zone } está parada
said-belt-empty = la cinta { $zone } va en vacío
said-rule-over = regla { $rule }: la condición ha terminado
said-edge-offline = el equipo { $edge } no tiene conexión; sus cámaras no envían imágenes
said-enhancer-offline = el mejorador { $edge } no tiene conexión; el grupo mejora con uno menos
said-edge-online = el equipo { $edge } vuelve a tener conexión
said-enhancer-online = el mejorador { $edge } vuelve a tener conexión
said-camera-online = la cámara { $camera } envía imágenes
said-camera-stalled = la cámara { $camera } no envía imágenes: { $reason }
said-camera-unreachable = no se alcanza la cámara { $camera }: { $reason }
said-camera = cámara { $camera }: { $reason }
said-drift = la luz de la cámara { $camera } difiere de la referencia del modelo { $model }
said-clock-behind = el reloj del equipo { $edge } va { $seconds } s atrasado
said-clock-ahead = el reloj del equipo { $edge } va { $seconds } s adelantado
said-disk-low = en el disco de { $path } quedan libres { $free } GB de { $total } GB
said-disk-room = vuelve a haber espacio
said-rollout-edges = { $model } se despliega en { $count } equipos en { $waves } oleadas
said-rollout-analysis = { $model } se despliega en el análisis en { $waves } oleadas
said-rollout-wave = oleada { $wave } de { $waves }: { $count } equipos
said-rollout-done = modelo { $model }: todos los equipos lo usan
said-rollout-analysed = modelo { $model }: lo usa el análisis
said-rollout-late = modelo { $model }: { $count } equipos sin conexión lo recibirán después
said-rollout-aborted = modelo { $model }: cancelado por un operador
mail-many = { $count } alarmas sin responder, la primera: { $title }
mail-more = ... y { $count } más. La consola las muestra todas.
mail-raised = Desde { $at }, sin respuesta desde hace { $seconds } s.
kind-over = { $kind }: fin

## Company
nav-company = Empresa
company-subtitle = empresa
title-company = Davy empresa
company-alarms = Alarmas sin respuesta
company-calm = Ninguna alarma espera respuesta.
company-sites = Minas
company-live = cámaras en vivo
company-unanswered = alarmas sin respuesta
company-edges = equipos de borde
company-answered = respondió
company-total = { $sites } minas, { $live } de { $cameras } cámaras en vivo
company-news = { $count } alarmas esperan respuesta
company-lost = La vista de la empresa no responde: { $reason }
site-state-waiting = en espera
site-state-ready = en servicio
site-state-degraded = con fallos
site-state-unreachable = inaccesible
th-site = mina
th-alarm = alarma
th-raised = surgida
th-severity = gravedad
