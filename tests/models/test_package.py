import hashlib
import random
from datetime import UTC, datetime, timedelta

import pytest

from davy.domain.errors import ModelError, ModelRefusedError
from davy.models import Cause, KeySet, SigningKey, open_package, pack
from davy.models.archive import zip_exact
from davy.models.manifest import FileEntry, Manifest
from davy.models.package import LIMITS, MANIFEST, MAX_PACKAGE_BYTES, SIGNATURE, sign

NOW = datetime.now(UTC)


def refused(data: bytes, trust: KeySet, now: datetime | None = NOW) -> Cause:
    with pytest.raises(ModelRefusedError) as caught:
        open_package(data, trust, now)
    assert caught.value.reason
    return Cause(caught.value.cause)


def contents(package) -> dict[str, bytes]:
    return {name: data for name, data in package.files.items() if name not in (MANIFEST, SIGNATURE)}


def signed_again(package, key, changed: dict[str, bytes], **manifest) -> bytes:
    """The package with other files, listed and signed as they are: what only the key's owner can make."""
    files = {**contents(package), **changed}
    entries = {name: FileEntry(size=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in files.items()}
    return sign(package.manifest.model_copy(update={"files": entries, **manifest}), files, key).data


def test_what_is_packed_is_what_is_opened(package, trust):
    opened = open_package(package.data, trust, NOW)
    assert opened.id == package.id
    assert opened.onnx == package.onnx
    assert opened.card == "# A card"
    assert opened.manifest.figures == {"val-psnr-db": 23.2}
    assert opened.load().model == opened.manifest.frame_id


def test_the_same_parts_make_the_same_file(package, key):
    assert sign(package.manifest, contents(package), key).data == package.data


@pytest.mark.proves("P5")
def test_a33_f20_a_thousand_single_bit_flips_and_none_loads(package, trust):
    chance = random.Random(20)
    size = len(package.data)
    ends = [*range(30), *range(size - 1200, size)]  # headers and directory, where a flip changes no content
    places = ends[::2] + [chance.randrange(size) for _ in range(1000 - len(ends[::2]))]
    assert len(places) == 1000
    loaded = 0
    for place in places:
        flipped = bytearray(package.data)
        flipped[place] ^= 1 << chance.randrange(8)
        try:
            open_package(bytes(flipped), trust, NOW)
            loaded += 1
        except ModelRefusedError as error:
            Cause(error.cause)
    assert loaded == 0


def test_f20_a_package_that_is_cut_off_anywhere_is_refused(package, trust):
    chance = random.Random(21)
    for size in (0, 1, 21, 22, *(chance.randrange(len(package.data)) for _ in range(40))):
        assert refused(package.data[:size], trust) in (Cause.TRUNCATED, Cause.NOT_A_PACKAGE)
    assert refused(package.data[:-1], trust) is Cause.TRUNCATED
    assert refused(package.data + b"\0", trust) is Cause.TRUNCATED


@pytest.mark.proves("P5")
def test_f20_unsigned(package, trust):
    assert refused(zip_exact({**contents(package), MANIFEST: package.files[MANIFEST]}), trust) is Cause.UNSIGNED


@pytest.mark.proves("P5")
def test_a33_f20_signed_by_a_key_that_is_not_trusted(package, trust):
    foreign = SigningKey.generate()
    assert refused(sign(package.manifest, contents(package), foreign).data, trust) is Cause.FOREIGN_KEY
    assert refused(package.data, KeySet()) is Cause.FOREIGN_KEY


def test_f20_another_manifest_under_an_old_signature(package, trust):
    other = package.manifest.model_copy(update={"name": "other"})
    assert refused(zip_exact({**package.files, MANIFEST: other.to_bytes()}), trust) is Cause.SIGNATURE


@pytest.mark.parametrize(
    ("starts_days", "days", "cause"), [(-40, 30, Cause.KEY_EXPIRED), (30, 30, Cause.KEY_NOT_YET_VALID), (-40, 39.5, None)]
)
def test_f20_a_key_admits_within_its_validity_and_a_day_of_leeway(package, key, starts_days, days, cause):
    trust = KeySet().with_key(key.trusted(days, starts=NOW + timedelta(days=starts_days)))
    if cause is None:
        open_package(package.data, trust, NOW)
    else:
        assert refused(package.data, trust) is cause
    open_package(package.data, trust, None)  # admitted before: it runs on


def test_f20_a_revoked_key_stops_even_what_was_admitted(package, key):
    trust = KeySet().with_key(key.trusted(30).model_copy(update={"revoked": NOW, "reason": "stolen"}))
    assert refused(package.data, trust) is Cause.KEY_REVOKED
    assert refused(package.data, trust, None) is Cause.KEY_REVOKED


def test_f20_another_schema_or_interface(package, key, trust):
    said = package.manifest.to_bytes()
    for old, new in (
        (b"davy.model/1", b"davy.model/2"),
        (b'"name":"ispcnn"', b'"name":"ISP CNN"'),
        (b'"run":"r1"', b'"ran":"r1"'),
    ):
        assert old in said
        bad = said.replace(old, new)
        files = {**contents(package), MANIFEST: bad, SIGNATURE: key.sign(bad).to_bytes()}
        assert refused(zip_exact(files), trust) in (Cause.SCHEMA, Cause.NOT_CANONICAL)
    other = open_package(signed_again(package, key, {}, interface="yolo/1"), trust, NOW)
    with pytest.raises(ModelRefusedError, match="interface"):
        other.load()


def test_a_manifest_in_another_form_of_json_is_refused(package, key, trust):
    for change in (
        lambda said: b" " + said,
        lambda said: said.replace(b":", b": ", 1),
        lambda said: said[:-1] + b',"run":"r1"}',
    ):
        bad = change(package.files[MANIFEST])
        files = {**contents(package), MANIFEST: bad, SIGNATURE: key.sign(bad).to_bytes()}
        assert refused(zip_exact(files), trust) is Cause.NOT_CANONICAL
    with pytest.raises(ModelRefusedError, match="schema"):
        Manifest.parse(b"[" * 100_000)
    with pytest.raises(ModelRefusedError, match="schema"):
        Manifest.parse(b'{"a":NaN}')


def test_f20_sizes_and_digests(package, key, trust):
    files = contents(package)
    assert refused(zip_exact({**package.files, "card.md": b"# B card"}), trust) is Cause.DIGEST
    assert refused(zip_exact({**package.files, "card.md": b"# longer"[:7]}), trust) is Cause.SIZE
    del files["card.md"]
    assert (
        refused(zip_exact({**files, MANIFEST: package.files[MANIFEST], SIGNATURE: package.files[SIGNATURE]}), trust)
        is Cause.MISSING_FILE
    )


def test_a33_a_package_that_is_too_large_is_not_even_opened(trust):
    assert refused(bytes(MAX_PACKAGE_BYTES + 1), trust) is Cause.TOO_LARGE


def test_a33_f21_a_huge_tensor_header_is_refused(package, key, trust):
    for header in (1_000_001, 2**62):
        tensors = header.to_bytes(8, "little") + bytes(64)
        assert refused(signed_again(package, key, {"model.safetensors": tensors}), trust) is Cause.HUGE_HEADER
        with pytest.raises(ModelRefusedError, match="header"):
            pack(package.onnx, tensors, "", key)


def test_f21_a_golden_vector_with_a_huge_or_pickled_header_is_refused(package, key, trust):
    lying = b"\x93NUMPY\x01\x00" + (60_000).to_bytes(2, "little") + b"{" + b" " * 59_999
    objects = package.files["golden-0-input.npy"].replace(b"'|u1'", b"'|O' ")
    for data in (lying, objects, b"", b"\x93NUMPY\x02\x00"):
        opened = open_package(signed_again(package, key, {"golden-0-input.npy": data}), trust, NOW)
        with pytest.raises(ModelRefusedError) as caught:
            opened.load()
        assert caught.value.cause in (Cause.HUGE_HEADER, Cause.SCHEMA)


def test_golden_vectors_that_this_machine_does_not_reproduce_are_refused(package, key, trust):
    wanted = package.files["golden-1-output.npy"]
    other = wanted[:-5000] + bytes(255 - byte for byte in wanted[-5000:])
    opened = open_package(signed_again(package, key, {"golden-1-output.npy": other}), trust, NOW)
    with pytest.raises(ModelRefusedError) as caught:
        opened.load()
    assert caught.value.cause == Cause.GOLDEN


def test_f20_a_file_that_is_no_network_is_refused(package, key, trust):
    opened = open_package(signed_again(package, key, {"model.onnx": b"not ONNX"}), trust, NOW)
    with pytest.raises(ModelRefusedError) as caught:
        opened.load()
    assert caught.value.cause == Cause.INTERFACE
    with pytest.raises(ModelError, match="no ONNX"):
        pack(b"not ONNX", package.files["model.safetensors"], "", key)


def test_every_file_has_a_limit(package):
    assert set(package.files) <= set(LIMITS)
