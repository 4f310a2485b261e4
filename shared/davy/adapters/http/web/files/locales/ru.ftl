# Слова Davy на русском языке.

## Navigation
nav = Страницы
nav-wall = Стена камер
nav-alarms = Тревоги
nav-events = События
nav-edges = Граничные узлы
nav-models = Модели
nav-samples = Образцы
nav-training = Обучение
nav-enhance = Улучшить снимок
nav-users = Пользователи
nav-journal = Журнал
nav-api = Интерфейс REST
nav-manual = Руководство
language = Язык
sign-out = Выйти
role-viewer = наблюдатель
role-operator = оператор
role-engineer = инженер
role-admin = администратор
role-edge = граничный узел
role-enhancer = улучшитель
role-trainer = обучатель
role-aggregator = агрегатор
role-monitor = мониторинг
role-owner = владелец
role-anonymous = аноним
time-zone = время зоны { $zone }

## Console
console-title = { $site } · Консоль Davy
site-line = { $site } · узлов на связи: { $online } из { $all }
connecting = Соединение
connection-lost = Связь с агрегатором потеряна: изображения не живые. Переподключение.
connection-lost-because = Связь с агрегатором потеряна ({ $reason }): изображения не живые. Переподключение.
tally =
    .aria-label = Камеры по состоянию
tally-live = живых
tally-stale = устаревших
tally-offline = без связи
tally-waiting = ожидают
health-ready = Всё исправно
health-degraded = Работа ограничена
health-lost = Связь потеряна
health-offline =
    { $count ->
        [one] { $count } камера без связи
        [few] { $count } камеры без связи
        [many] { $count } камер без связи
       *[other] { $count } камеры без связи
    }
health-silent =
    { $count ->
        [one] { $count } камера без живого изображения
        [few] { $count } камеры без живого изображения
        [many] { $count } камер без живого изображения
       *[other] { $count } камеры без живого изображения
    }
health-alarms =
    { $count ->
        [one] { $count } тревога
        [few] { $count } тревоги
        [many] { $count } тревог
       *[other] { $count } тревоги
    }
available = доступно
cameras =
    .aria-label = Камеры
h-cameras = Камеры
no-cameras = Камеры не настроены.
close = Закрыть

## Picture
mode =
    .aria-label = Изображение
mode-enhanced = Улучшенное
mode-split = Раздельно
mode-raw = Исходное
divider = { $camera }: слева исходное, справа улучшенное
divider-value = { $percent } % исходное, остальное улучшенное
tile-open = { $camera }: показать одну или снова все
tile-menu = Страницы камеры { $camera }
tile-move = Перетащите или нажмите Alt и стрелку на изображении
camera-live = Живая
camera-stale = Устарела
camera-offline = Без связи
camera-waiting = Нет кадров
veil-stale = { $age } назад
veil-offline = Нет связи
veil-waiting = Кадров ещё нет
not-live = не живое: последний полученный кадр
last-frame = последний кадр { $time }
figure-age = возраст
figure-fps = кадр/с
figure-dropped = потеряно
figure-size = размер
figure-model = модель
figure-clock = часы
drops-unknown = узел ещё не прислал статистику
drops-known = из { $captured } снятых узлом; агрегатор получил { $received }
clock-slow = отстаёт на { $time }
clock-fast = спешит на { $time }
clock-wrong = часы узла неверны; возраст верен
duration-ms = { $count } мс
duration-s = { $count } с
duration-min = { $count } мин
duration-h = { $count } ч

## View
view = Вид
columns = Столбцы
per-page = Камер на странице
tour = Следующая страница через
group = Группы
auto = автоматически
all = все
off = выкл.
no-groups = нет
district = по участкам
edge = по узлам
group-none = Без участка
layouts = Сохранённые раскладки
layouts-choose = выбрать
layout-name = Имя
layout-name-form =
    .title = a–z, 0–9 и -
save = Сохранить
delete = Удалить
save-wall = Сохранить для экрана
keys-hint = Клавиши: 1–9 одна камера, стрелки следующая, + - 0 масштаб, F полный экран, Esc назад.
page-before =
    .aria-label = Предыдущая страница
page-after =
    .aria-label = Следующая страница
page-of = { $page } из { $pages }
full-screen =
    .aria-label = Полный экран
wall = Стена камер
wall-title = { $name } · Стена Davy
wall-link-title =
    .aria-label = Ссылка для экрана
wall-link-text = Откройте эту ссылку на экране. Она входит как наблюдатель и показана один раз. Чтобы отозвать её, удалите её токен на странице «Пользователи».

## Events
events = События
events-panel =
    .aria-label = События
at-least = не ниже
no-events = Событий ещё нет.
severity-info = сведения
severity-warning = предупреждение
severity-alarm = тревога
keyframe =
    .aria-label = Кадр события
keyframe-of = Кадр события: { $message }

# Kinds of events; others are shown as they are.
kind-motion = движение
kind-motion-over = движение прекратилось
kind-person = человек
kind-lens-blocked = объектив закрыт
kind-lens-dirty = объектив загрязнён
kind-dark = темно
kind-illumination-change = изменение освещения
kind-camera-offline = камера без связи
kind-camera-online = камера на связи
kind-camera-stalled = камера зависла
kind-edge-offline = узел без связи
kind-edge-online = узел на связи
kind-drift = дрейф
kind-person-in-zone = человек в зоне
kind-config-changed = конфигурация изменена

## Pages
models-subtitle = модели и развёртывания
users-subtitle = пользователи и токены
journal-subtitle = журнал аудита
samples-subtitle = образцы для обучения
edges-subtitle = граничные узлы и их камеры
training-subtitle = обучение
rollout-none = Развёртываний ещё нет.
waves =
    .aria-label = Волны
candidates-note = Ни один узел не загружает кандидата. Его подписывает человек: davy models sign.
ask-dialog =
    .aria-label = Начать развёртывание
report-dialog =
    .aria-label = Отчёт о кандидате
title-models = Модели Davy
th-edge = узел
th-state = состояние
th-runs = работает
th-epoch = эпоха
th-frames = кадры
th-lost = потеряно
    .title = Кадры, потерянные при замене
th-reason = причина
th-candidate = кандидат
th-id-in-frames = id в кадрах
th-kind = вид
model-kind-enhancer = улучшение
model-kind-detector = детектор
th-proposed = предложен
th-by = кем
th-cause = повод
th-checks = проверки
th-figures = показатели
th-model = модель
th-created = создана
th-tags = метки
th-run = запуск
th-runs-on = работает на
th-started = начало
th-confirmed-by = подтвердил
th-edges = узлы
h-rollout = Развёртывание
h-edges = Граничные узлы
h-candidates = Кандидаты
h-models = Модели
h-earlier-rollouts = Прежние развёртывания
do-cancel = Отменить
do-roll-out = Развернуть
do-close = Закрыть
users-note = Люди, которые могут входить. Изменение завершает их сеансы.
tokens-note = Для программ и машин:
token-shown = Скопируйте токен сейчас, он показан один раз:
token-edge =
    .placeholder = для роли узла
title-users = Пользователи Davy
th-actions = действия
th-name = имя
th-role = роль
th-signs-in-by = вход через
th-since = с
th-made-by = создал
th-expires = истекает
h-users = Пользователи
h-tokens = Токены
label-name = имя
label-role = роль
label-password = пароль
label-edge = узел
label-days = дней
do-add-user = Добавить пользователя
do-make-token = Создать токен
journal-note = Каждое изменение и каждая отклонённая попытка. Эта команда проверяет цепочку:
th-address = откуда
title-journal = Журнал Davy
th-time = время
th-who = кто
th-operation = операция
th-change = изменение
th-answer = ответ
h-journal = Журнал
label-who = кто
label-operation-contains = операция содержит
label-from = с
label-to = по
do-show = Показать
do-clear = Очистить
do-older-entries = Более ранние записи
reason-dark = тёмный
reason-uneven = неравномерный
reason-over-exposed = пересвеченный
reason-new-scene = новая сцена
any = любой
use-train = обучение
use-validation = проверка
use-excluded = исключён
export = Экспорт
samples-none = Образцов нет. Узлы присылают исходные снимки новых сцен и света, который модель улучшает плохо.
title-samples = Образцы Davy
th-camera = камера
th-drift = дрейф
    .title = Наибольшая составляющая; 1 — явное изменение
th-components = составляющие
h-drift = Дрейф
h-samples = Образцы
label-camera = камера
label-reason = причина
label-use = применение
do-more = Ещё
author =
    .placeholder = автор
    .aria-label = Автор
reason-field =
    .placeholder = причина
    .aria-label = Причина
history = История
title-edges = Узлы Davy
th-label = подпись
th-source = источник
th-fps = кадр/с
    .title = Наибольшее число кадров в секунду
th-width = ширина
    .title = Пиксели; пусто: размер источника
th-height = высота
    .title = Пиксели; пусто: размер источника
th-strength = сила
    .title = 0 оставляет изображение без изменений
th-quality = качество
    .title = Наибольшее качество JPEG
th-max-age = макс. возраст
    .title = Более старые кадры отбрасываются, мс
th-timeout = тайм-аут
    .title = Тишина, после которой камера открывается заново, с
th-raw = исходное
    .title = Отправлять и исходное изображение
th-configuration = конфигурация
th-author = автор
do-apply = Применить
do-discard = Отбросить
login-title = Вход в Davy
login-hint = Администратор добавляет пользователей на странице «Пользователи» или командой davy users add.
title-login = Davy: вход
label-name-capital = Имя
label-password-capital = Пароль
do-sign-in = Войти
kind-prompts = подсказки
kind-retrain = переобучение
kind-people = детектор людей
progress =
    .aria-label = Ход
sheet =
    .alt = Новейший лист этого запуска
runs-none = Запусков ещё нет.
title-training = Обучение Davy
th-figure = показатель
th-running-model = действующая модель
th-new = новая
th-difference = разница
th-status = статус
h-embedding-drift = Дрейф признаков
h-runs = Запуски
label-kind = вид
do-start-a-run = Начать запуск
do-resume = Возобновить

## Users and tokens
never = никогда
proxy = прокси
proxy-names = этого человека называет доверенный прокси
role-of = Роль { $name }
enable = Включить
disable = Отключить
delete-user = Удалить пользователя { $name }?
revoke = Отозвать
revoke-token = Отозвать токен { $name }?
users-none = Пользователей нет.
tokens-none = Токенов нет.
sign-in-with = Войти через { $provider }
provider-refused = Вход у провайдера отменён или отклонён.
provider-error = Провайдер сообщает об ошибке: повторите или обратитесь к администратору.

## Journal
journal-row = строка { $row }, запрос { $request }
journal-fill = { $size } из { $most } МБ
no-identity = без удостоверения
entries-none = Записей нет.

## Samples and drift
use-as-train = Обучать
use-as-validation = Проверять
use-as-excluded = Исключить
use-of = Применение образца { $sample }
sample-raw = исходный: тёмного { $dark }, пересвета { $clipped }
sample-enhanced = улучшенный: { $dark }, { $clipped }
not-enhanced = не улучшен на узле
samples-store = образцов { $count } из { $most }, { $size } из { $bytes }; обучение: { $train }, проверка: { $validation }, исключено: { $excluded }
drifted = Отошли от эталона: { $cameras }.
drift-none = Дрейфа нет; эталон есть у { $known } из { $all } камер.
drift-unknown = неизвестно
drift-settling = устанавливается
drift-fits = соответствует
drift-drifted = отошла
no-answer = Нет верного ответа агрегатора: { $reason }. Повтор.

## Edges
add-camera = Добавить камеру
epoch-by = эпоха { $epoch }, { $who }
from-site-file = из site.yaml
signed-by = подписал { $who }
edge-rejected = Узел отклонил эту конфигурацию и работает с прежней: { $reason }
edge-still-runs = Узел ещё работает с { $id }; отчёта пока нет.
camera-id = id: a-z, 0-9, -
new-camera = новая камера
field-of = { $field }: { $camera }
remove-camera = Убрать { $name }
not-configured = Узел { $edge } не настроен: { $reason }
not-run-yet = Узел ещё не работает с этой камерой
runs-value = работает { $value }
own-of-source = значение источника
roll-back-to = Вернуться к этой
state-waiting = ожидание
state-applying = применяется
state-applied = применена
state-rejected = отклонена
state-offline = без связи

## Models and rollouts
do-confirm = Подтвердить
do-pause = Приостановить
do-abort = Прервать
do-download = Скачать
do-report = Отчёт
report-none = Отчёта нет.
as-installed = установленная
rollout-model = { $kind } { $model } · начало
by = { $who }
confirmed-by = подтвердил { $who }
waits-for-second = ждёт второго человека
another-confirms = Подтверждает другой инженер или администратор.
rollout-terms = кадров в тени: { $frames }, проба { $seconds } с, отказы до { $failures } %; пороги: { $gates }
canary = канарейка: { $done } из { $all }
wave = волна { $wave }: { $done } из { $all }
edge-enhancer = { $edge } (улучшитель)
edge-analysis = анализ
rejected-model = отклонена { $model }:
edges-none = Ни один узел площадки не работает с моделями.
edges-online = на связи { $online } из { $all }
registry-empty = Реестр пуст: добавьте модель командой davy models add.
models-count = в реестре: { $count }
none = Нет.
ask-rollout = Развернуть модель { $model } ({ $name }) на узлах и улучшителях? Сначала канарейка сравнивает её со своей действующей моделью. Если она хуже или медленнее, развёртывание откатится раньше, чем её получит другое устройство.
ask-rollout-detector = Развернуть детектор { $model } ({ $name }) в анализе? Сначала он смотрит те же кадры, что и действующий. Если он не видит людей, медленнее или сбоит, анализ сохраняет свой детектор.
state-unconfirmed = не подтверждено
state-running = выполняется
state-paused = приостановлено
state-done = завершено
state-rolled-back = откат
state-aborted = прервано
state-downloading = загрузка
state-verifying = проверка
state-shadow = в тени
state-probation = на пробе
state-active = действует
state-failed = отказ

## Training
state-cancelled = отменено
state-cancelling = отменяется
phase-collect = сбор
phase-train = обучение
phase-evaluate = оценка
phase-register = регистрация
phase-rollout = развёртывание
range = { $low } до { $high }
step = шаг { $step }
progress-of = { $stage }: { $step } из { $total }
run-cameras = камеры { $cameras }
run-reason = Причина: { $reason }
requested = по запросу
run-kills = возобновлено после остановок: { $count }
result-model = модель { $model } ({ $name } в кадрах)
result-parent = происходит от { $model }
result-rollout = развёртывание { $rollout }
run-starts-at = запуск начинается при { $score }
drift-new-camera = { $score } · новая камера, запуск не начинается
trainer-standby = резерв: действует другая служба
service-silent = служба не отвечает: { $reason }

## Enhance an image
title-enhance = Davy: улучшить снимок
enhance-subtitle = улучшить снимок
enhance-strength = Сила
enhance-format = Сохранить как
enhance-format-same = формат исходного
enhance-choose = Выбрать снимок
enhance-drop = Перетащите сюда тёмный снимок
enhance-drop-note = или нажмите, чтобы выбрать: JPEG, PNG или WebP. Его получает только эта служба; она не хранит снимков.
enhance-divider =
    .aria-label = Разделитель между исходным и улучшенным
enhance-raw =
    .alt = исходный
enhance-enhanced =
    .alt = улучшенный
enhance-none = Снимка ещё нет.
enhance-busy = Улучшение…
enhance-figures = { $file }: { $width } × { $height }, { $kind }, { $size } кБ, модель { $model }, { $time } мс ({ $steps })

## REST interface
title-docs = Davy: интерфейс REST
docs-subtitle = интерфейс REST
docs-body = Тело
docs-file = Файл
docs-send = Отправить
docs-answer = Ответ
docs-download = Сохранить ответ
docs-needs = обязательно
docs-default = по умолчанию { $value }

## Dials of one large camera
dials = Изображение
dials-panel =
    .aria-label = Изображение этой камеры
dials-preset = набор
dials-no-preset = нет
dials-neutral = Нейтрально
dials-hint = Узел применяет изменение между двумя кадрами.
dials-why = регуляторы в консоли
dial-strength = сила
dial-brightness = яркость
dial-local-contrast = местный контраст
dial-noise = шумоподавление
dial-colour = цвет

## Alarms
alarms = Тревоги
alarms-unanswered =
    { $count ->
        [one] { $count } тревога без ответа
        [few] { $count } тревоги без ответа
        [many] { $count } тревог без ответа
       *[other] { $count } тревоги без ответа
    }
alarms-answered =
    { $count ->
        [one] { $count } квитирована
        [few] { $count } квитированы
        [many] { $count } квитировано
       *[other] { $count } квитировано
    }
alarms-unknown = Связь потеряна: тревоги не живые. Переподключение.
alarm-all = Все тревоги
alarm-acknowledge = Квитировать
alarm-shelve = Отложить
alarm-unshelve = Вернуть
alarm-shelve-for = На
alarm-words = Слова (необязательно)
alarm-reason = Причина
alarm-consequence = Последствие
alarm-response = Что делать
alarm-silence = Заглушить
alarm-sound-on = Звук включён
alarm-sound-off = Звук выключен
alarm-sound-gesture = Звук: нажмите здесь
alarm-sound-hint = Браузер играет звук только после щелчка или клавиши в этом окне.
alarm-notify = Уведомления
alarm-chattering = дребезг
alarm-escalated = передано выше
alarm-by = квитировал { $who }
alarm-shelved-by = отложил { $who }
alarm-several =
    { $count ->
        [one] { $count } тревога
        [few] { $count } тревоги
        [many] { $count } тревог
       *[other] { $count } тревоги
    }
alarm-more =
    { $count ->
        [one] и ещё { $count }
        [few] и ещё { $count }
        [many] и ещё { $count }
       *[other] и ещё { $count }
    }
alarm-group = { $title } × { $count }
alarm-said = Тревога: { $title }, { $where }: { $message }
alarms-said =
    { $count ->
        [one] { $count } новая тревога
        [few] { $count } новые тревоги
        [many] { $count } новых тревог
       *[other] { $count } новой тревоги
    }
alarm-state-normal = норма
alarm-state-unacknowledged = не квитирована
alarm-state-acknowledged = квитирована
alarm-state-returned = условие прошло
alarm-state-shelved = отложена
alarm-state-suppressed = подавлена
alarm-state-out-of-service = выведена из работы
minutes =
    { $count ->
        [one] { $count } минута
        [few] { $count } минуты
        [many] { $count } минут
       *[other] { $count } минуты
    }
hours =
    { $count ->
        [one] { $count } час
        [few] { $count } часа
        [many] { $count } часов
       *[other] { $count } часа
    }
cancel = Отмена
alarms-now = Сейчас
alarm-show = Показать
alarm-show-standing = действующие тревоги
alarm-show-hidden = отложенные и подавленные
no-alarms = Тревог нет.
alarm-history = История
alarm-transition = Изменение
alarm-transition-raised = возникла
alarm-transition-acknowledged = квитирована
alarm-transition-returned = условие прошло
alarm-transition-cleared = снята
alarm-transition-shelved = отложена
alarm-transition-unshelved = возвращена
alarm-transition-suppressed = подавлена
alarm-transition-unsuppressed = больше не подавлена
alarm-transition-disabled = выведена из работы
alarm-transition-enabled = введена в работу
alarm-transition-chattering = дребезжит
alarm-transition-escalated = передана выше
alarm-rules = Правила
alarm-enabled = В работе
on-delay = Задержка включения (с)
off-delay = Задержка выключения (с)
latching = С удержанием
needs-answer = Требует ответа
rules-by = Изменил { $who }, { $at }: { $why }
rules-of-file = Правила из файла площадки
escalation = Передача выше
escalation-note = Кого известили, потому что никто не ответил.
escalation-steps = Ступени эскалации
escalation-after = Секунды без ответа
escalation-to = Получатели
escalation-add = Добавить ступень
escalation-remove = Удалить
escalation-none = Тревоги без ответа никуда не отправляются.
escalation-no-targets = В файле объекта нет получателей (alarms: targets:), поэтому ступень добавить нельзя.
escalation-unknown = нет в файле объекта
escalation-nobody = Выберите хотя бы одного получателя.
target = Получатель
delivered = Доставлено
not-yet = ещё нет
attempts = Неудачи
error = Ошибка
alarm = Тревога
severity = Важность
who = Кто
words = Слова

## Search
camera = Камера
kind = Вид
source = Источник
from = С
to = По
text = Текст
time = Время
search = Искать
clear = Очистить
older = Более ранние
picture = снимок
nothing-found = Ничего не найдено.
show-motion = Показать движение
export-csv = Экспорт CSV
export-json = Экспорт JSON
to-camera = К камере
events-shown =
    { $count ->
        [one] показано: { $count }
        [few] показано: { $count }
        [many] показано: { $count }
       *[other] показано: { $count }
    }

## Zones and rules
nav-places = Зоны и правила
title-places = Зоны и правила Davy
places-subtitle = зоны и правила
places-picture =
    .alt = Новейший кадр камеры
places-hint = Перетащите угол или двигайте стрелками. Insert добавляет угол, Delete удаляет.
places-shapes = Зоны и линии
places-rules = Правила мест
add-zone = Добавить зону
add-line = Добавить линию
add-rule = Добавить правило
edit-shape = Изменить { $name }
saved = Сохранено.
corner = Угол { $number } из { $name }, { $left } % слева, { $top } % сверху
place-zone = зона
place-line = линия
place-name = имя
place-kind = вид
place-severity = важность
place-direction = направление
place-for-s = в течение, с
place-hold-s = удержание, с
place-motion = движение
place-most = не более
place-least = не менее
place-share = доля
place-contrast = контраст
place-texture = текстура
rule-person-in-zone = человек в зоне
rule-person-on-belt = человек на движущемся конвейере
rule-loitering = задержка человека
rule-crowd = скопление людей
rule-nobody-there = никого нет
rule-line-crossed = линия пересечена
rule-object-left = оставленный предмет
rule-helmet-missing = нет каски
rule-smoke = дым или пыль
rule-belt-stopped = конвейер стоит
rule-belt-empty = конвейер пуст
rule-alarm = тревога
rule-warning = предупреждение
rule-info = сведения
rule-both = в обе стороны
rule-in = внутрь
rule-out = наружу

# recordings
nav-timeline = Записи
title-timeline = Записи Davy
recordings = записи
playback = Воспроизведение
play = Воспроизвести
pause = Пауза
step-back = Кадр назад
step-forward = Кадр вперёд
speed = скорость
timeline = Шкала времени
timeline-choose = Выберите камеру ниже.
timeline-gap = В это время записи нет
timeline-range = с { $from } по { $to }
timeline-keep = Экспорт и сохранение
time-shown = показано
length-minutes = 10 минут
length-hour = 1 час
length-hours = 6 часов
length-day = 1 день
length-week = 7 дней
length-month = 30 дней
earlier = Раньше
later = Позже
newest = Самое новое
keep-reason = причина, для манифеста и журнала
keep-pictures = также JPEG через столько секунд (0: нет)
keep-raw = также исходное видео
keep-clip = Сохранить как клип
keep-export = Экспортировать
keep-working = Запись готовится …
kind-recording-failed = ошибка записи
kind-recording-damaged = повреждённая запись
to-recording = Запись
timeline-position =
    .aria-label = Положение на шкале времени

nav-add-camera = Добавить камеру
title-add-camera = Davy: добавить камеру
add-camera-subtitle = добавить камеру
add-search = Поиск в сети
add-search-note = Узел ищет камеры ONVIF в сетях, к которым он подключён.
add-host = адрес одной камеры или пусто
add-known = это камера { $name } этого узла
add-do-search = Искать
add-searching =
    .aria-label = Идёт поиск
add-searching-note = Поиск длится около десяти секунд.
add-found = { $count ->
    [0] Ни одна камера не ответила. Введите её адрес ниже.
    [one] Ответила { $count } камера.
    [few] Ответили { $count } камеры.
    [many] Ответило { $count } камер.
   *[other] Ответило { $count } камеры.
}
add-login-needed = требует пользователя и пароль
add-do-choose = Выбрать
add-choose = Выбрать { $name }
add-fps = { $fps } кадр/с
add-test = Сделать пробный снимок
add-user = пользователь
add-do-read = Прочитать профили
add-profile = профиль
add-source = адрес
add-tls = сертификат: verify, insecure или sha256: и отпечаток
add-do-test = Пробный снимок
add-testing =
    .aria-label = Опрос камеры
add-raw = Исходный
add-raw-picture =
    .alt = Пробный снимок, исходный
add-enhanced = Улучшенный
add-enhanced-picture =
    .alt = Пробный снимок, улучшенный
add-tested = { $width } × { $height } пикселей, { $fps } кадров в секунду
add-add = Добавить к узлу
add-id = id: a-z, 0-9 и -
add-label = название в консоли
add-do-add = Добавить камеру
add-taken = На этом узле уже есть камера { $name }: выберите другой id.
add-applying = Узел применяет { $name }.
add-offline = Узел не на связи. Он получит { $name }, как только вернётся.
add-added = Камера { $name } добавлена.
add-live = Открыть на стене камер
add-live-picture =
    .alt = Последний снимок новой камеры

# What the server says in English, in the words of the page: see words.js. The English texts are those of the server.
alarm-title-edge-offline = Узел без связи
alarm-consequence-edge-offline = Ни одна камера узла не передаёт изображение.
alarm-response-edge-offline = Проверьте питание и сеть узла. Сообщите подземному электрику.
alarm-title-enhancer-offline = Улучшитель без связи
alarm-consequence-enhancer-offline = Пул работает без одного улучшителя; камеры без своих вычислений могут терять кадры.
alarm-response-enhancer-offline = Перезапустите улучшитель.
alarm-title-camera-offline = Камера без связи
alarm-consequence-camera-offline = Это место никто не видит.
alarm-response-camera-offline = Проверьте питание и кабель камеры. Спросите людей на месте.
alarm-title-camera-stale = Изображение устарело
alarm-consequence-camera-stale = Изображение показывает прошлое.
alarm-response-camera-stale = Не полагайтесь на изображение. Если это длится, проверьте сеть.
alarm-title-lens-blocked = Объектив закрыт
alarm-consequence-lens-blocked = Это место никто не видит.
alarm-response-lens-blocked = Отправьте кого-нибудь осмотреть и очистить камеру.
alarm-title-lens-dirty = Объектив загрязнён
alarm-consequence-lens-dirty = Теряются детали; людей находят позже.
alarm-response-lens-dirty = Пусть объектив очистят в эту смену.
alarm-title-dark = Темно
alarm-consequence-dark = В изображении нет ничего, что могло бы показать улучшение.
alarm-response-dark = Проверьте освещение места.
alarm-title-illumination-change = Свет изменился
alarm-consequence-illumination-change = Лампа могла погаснуть или её переместили.
alarm-response-illumination-change = Сравните изображение с более ранним.
alarm-title-person-in-zone = Человек в запретном месте
alarm-consequence-person-in-zone = Машина может травмировать человека.
alarm-response-person-in-zone = Остановите машину в зоне. Вызовите человека оттуда.
alarm-title-person-on-belt = Человек на движущейся ленте
alarm-consequence-person-on-belt = Человека может затянуть в узел перегрузки.
alarm-response-person-on-belt = Остановите ленту. Вызовите человека оттуда.
alarm-title-loitering = Человек слишком долго на месте
alarm-consequence-loitering = Человек может быть ранен или болен.
alarm-response-loitering = Вызовите человека. Если никто не отвечает, отправьте кого-нибудь.
alarm-title-crowd = Слишком много людей
alarm-consequence-crowd = Выход слишком узок для всех.
alarm-response-crowd = Вызовите мастера смены.
alarm-title-nobody-there = Никого на посту
alarm-consequence-nobody-there = За машиной этого поста никто не следит.
alarm-response-nobody-there = Вызовите того, кто должен там быть.
alarm-title-line-crossed = Линия пересечена
alarm-consequence-line-crossed = Человек входит в закрытое место.
alarm-response-line-crossed = Посмотрите на камеру. Верните человека.
alarm-title-object-left = Оставлен предмет
alarm-consequence-object-left = Предмет может перекрыть проход или ленту.
alarm-response-object-left = Отправьте кого-нибудь убрать его.
alarm-title-helmet-missing = Нет каски
alarm-consequence-helmet-missing = Падающий камень может убить.
alarm-response-helmet-missing = Вызовите этого человека.
alarm-title-smoke = Дым или пыль
alarm-consequence-smoke = Пожар или пыль, которая может взорваться.
alarm-response-smoke = Посмотрите на камеру и показания газа. Действуйте по плану пожара.
alarm-title-belt-stopped = Лента стоит
alarm-consequence-belt-stopped = Уголь скапливается на перегрузке.
alarm-response-belt-stopped = Вызовите оператора ленты.
alarm-title-belt-empty = Лента идёт пустой
alarm-consequence-belt-empty = Лента изнашивается без пользы.
alarm-response-belt-empty = Спросите в забое, идёт ли выемка.
alarm-title-drift = Свет отклонился от модели
alarm-consequence-drift = Улучшенное изображение становится хуже.
alarm-response-drift = Сообщите инженеру: модель нужно обучить.
alarm-title-model-rolled-back = Модель отменена на узле
alarm-consequence-model-rolled-back = Узел работает с прежней моделью.
alarm-response-model-rolled-back = Сообщите инженеру, который развёртывал модель.
alarm-title-enhancer-model-rolled-back = Модель отменена на улучшителе
alarm-consequence-enhancer-model-rolled-back = Улучшитель работает с прежней моделью.
alarm-response-enhancer-model-rolled-back = Сообщите инженеру, который развёртывал модель.
alarm-title-detector-rolled-back = Детектор отменён
alarm-consequence-detector-rolled-back = Анализ ищет людей прежним детектором.
alarm-response-detector-rolled-back = Прочтите причину на странице моделей. Сообщите инженеру.
alarm-title-rollout-rolled-back = Развёртывание отменено
alarm-consequence-rollout-rolled-back = Все узлы работают с прежней моделью.
alarm-response-rollout-rolled-back = Сообщите инженеру, который начал развёртывание.
alarm-title-spool-full = Диск узла заполнен
alarm-consequence-spool-full = События этого узла теряются.
alarm-response-spool-full = Сообщите инженеру: освободите место на диске узла.
alarm-title-disk-low = Диск агрегатора почти полон
alarm-consequence-disk-low = События, тревоги и образцы больше нельзя сохранить.
alarm-response-disk-low = Освободите место на диске агрегатора или снизьте его пределы.
alarm-title-certificate-expiring = Сертификат скоро истечёт
alarm-consequence-certificate-expiring = После этого соединения отклоняются.
alarm-response-certificate-expiring = Сообщите инженеру: обновите его командой davy identity rotate.
alarm-title-certificate-expired = Сертификат истёк
alarm-consequence-certificate-expired = Соединения отклоняются.
alarm-response-certificate-expired = Обновите его командой davy identity rotate.
alarm-title-clock-skew = Часы узла неверны
alarm-consequence-clock-skew = Время его событий неверно.
alarm-response-clock-skew = Синхронизируйте часы узла (NTP).
alarm-title-service-degraded = Часть системы не работает
alarm-consequence-service-degraded = Сообщение называет часть и что это значит.
alarm-response-service-degraded = Сообщите инженеру; запустите названную службу.
alarm-consequence-other = Неизвестно: событие описывает состояние.
alarm-response-other = Прочтите сообщение и посмотрите на камеру.
said-lens-covered = объектив закрыт или нет света
said-lens-clear = объектив открыт
said-lens-dirty = у изображения только { $share } обычной резкости
said-lens-sharp = изображение снова резкое
said-dark = изображение тёмное
said-dark-over = на изображении снова что-то видно
said-light-changed = свет изменился: среднее { $mean } и равномерность { $uniformity } от эталона
said-light-back = свет вернулся к эталону
said-motion = движение в кадре
said-motion-over = движения больше нет
said-person = в кадре человек
said-people = людей в кадре: { $count }
said-people-over = людей в кадре больше нет
said-detected = { $label } в кадре: { $count }
said-detected-over = { $label } в кадре больше нет
said-person-in-zone = человек в зоне { $zone }
said-people-in-zone = людей в зоне { $zone }: { $count }
said-objects-in-zone = { $label } в зоне { $zone }: { $count }
said-on-belt = человек на движущейся ленте { $zone }
said-loitering = { $label } остаётся в зоне { $zone } { $seconds } с
said-crowd = людей в зоне { $zone }: { $count }; разрешено не более { $most }
said-nobody-there = { $count } из { $least } нужных людей в зоне { $zone }
said-line-crossed = { $label } пересекает линию { $line }
said-object-left = что-то лежит в зоне { $zone }
said-helmet-missing = человек без каски
said-helmets-missing = людей без каски: { $count }
said-smoke = дым или пыль: { $share } обычного контраста
said-belt-stopped = лента { $zone } стоит
said-belt-empty = лента { $zone } идёт пустой
said-rule-over = правило { $rule }: условие больше не выполняется
said-edge-offline = узел { $edge } без связи; его камеры не передают кадры
said-enhancer-offline = улучшитель { $edge } без связи; пул работает без него
said-edge-online = узел { $edge } снова на связи
said-enhancer-online = улучшитель { $edge } снова на связи
said-camera-online = камера { $camera } передаёт кадры
said-camera-stalled = камера { $camera } не передаёт кадры: { $reason }
said-camera-unreachable = камера { $camera } недоступна: { $reason }
said-camera = камера { $camera }: { $reason }
said-drift = свет камеры { $camera } отличается от эталона модели { $model }
said-clock-behind = часы узла { $edge } отстают на { $seconds } с
said-clock-ahead = часы узла { $edge } спешат на { $seconds } с
said-disk-low = на диске { $path } свободно { $free } ГБ из { $total } ГБ
said-disk-room = место снова есть
said-rollout-edges = { $model } развёртывается: узлов { $count }, волн { $waves }
said-rollout-analysis = { $model } развёртывается в анализе, волн { $waves }
said-rollout-wave = волна { $wave } из { $waves }: узлов { $count }
said-rollout-done = модель { $model }: её используют все узлы
said-rollout-analysed = модель { $model }: её использует анализ
said-rollout-late = модель { $model }: узлов без связи, которые последуют: { $count }
said-rollout-aborted = модель { $model }: прервано оператором
mail-many = тревог без ответа: { $count }, первая: { $title }
mail-more = ... и ещё { $count }. Консоль показывает все.
mail-raised = Поднята { $at }, без ответа { $seconds } с.
kind-over = { $kind }: конец

## Company
nav-company = Компания
company-subtitle = компания
title-company = Davy компания
company-alarms = Тревоги без ответа
company-calm = Ни одна тревога не ждёт ответа.
company-sites = Шахты
company-live = камеры в эфире
company-unanswered = тревоги без ответа
company-edges = граничные узлы
company-answered = ответ
company-total = шахты: { $sites }, камеры в эфире: { $live } из { $cameras }
company-news = Тревоги, которые ждут ответа: { $count }
company-lost = Обзор компании не отвечает: { $reason }
site-state-waiting = ожидание
site-state-ready = в работе
site-state-degraded = с отказами
site-state-unreachable = недоступна
th-site = шахта
th-alarm = тревога
th-raised = поднята
th-severity = важность
