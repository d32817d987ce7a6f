"""A bundle is read as it was written, or not at all."""

import hashlib
import io
import json
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from puntual.cli import main
from puntual.errors import BundleError
from puntual.registry import archive, from_bytes, read, require_columns, to_bytes
from puntual.registry.array_files import from_npy

TABLE = {
    "route": np.array(["SCLMIA", "", "Ñuble"]),
    "late": np.array([0.2, np.nan, 1.0]),
    "support": np.array([10, 0, -1]),
    "edges": np.arange(6, dtype=np.float32).reshape(3, 2),
}


@pytest.fixture
def bundle(make_bundle):
    return make_bundle(model=b"model" * 50, tables={"history": TABLE})


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def packed(members: dict[str, bytes], comment: bytes | None = None) -> bytes:
    """Pack by hand, the comment right unless told otherwise, as someone who alters a bundle might."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
        digest = hashlib.sha256(members.get("manifest.json", b"")).hexdigest().encode()
        file.comment = digest if comment is None else comment
    return buffer.getvalue()


def with_manifest(data: bytes, **fields) -> bytes:
    members = unpacked(data)
    manifest = json.loads(members["manifest.json"]) | fields
    return packed(members | {"manifest.json": json.dumps(manifest).encode()})


def columns(bundle):
    return {
        (name, column): (values.dtype.str, values.shape, values.tobytes())
        for name, table in bundle.tables.items()
        for column, values in table.items()
    }


def with_column(data: bytes, column: str, content: bytes) -> bytes:
    """Put another column in, with the right digest, as someone who means harm would."""
    digests = json.loads(unpacked(data)["manifest.json"])["members"]
    digests |= {f"tables/{column}.npy": hashlib.sha256(content).hexdigest()}
    forged = unpacked(with_manifest(data, members=digests))
    return packed(forged | {f"tables/{column}.npy": content})


def npy(column, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, column, **options)
    return buffer.getvalue()


def same(one, other) -> bool:
    names = (one.version, one.experts, one.card) == (other.version, other.experts, other.card)
    return names and columns(one) == columns(other)


def test_a_bundle_is_read_as_it_was_written(bundle):
    version, data = to_bytes(bundle)
    read_back = from_bytes(data, f"{version}.puntual")
    assert same(read_back, bundle)
    assert msgspec.structs.replace(read_back.manifest, members={}) == bundle.manifest
    assert (
        read_back.manifest.members["experts/history.onnx"]
        == hashlib.sha256(bundle.experts["history"]).hexdigest()
    )


def test_the_same_content_gives_the_same_bytes_and_version(bundle):
    version, data = to_bytes(bundle)
    assert to_bytes(bundle) == (version, data)
    assert to_bytes(from_bytes(data, "copy")) == (version, data)


def test_the_same_values_laid_out_otherwise_in_memory_have_the_same_version(make_bundle, bundle):
    turned = {name: np.asfortranarray(np.repeat(values, 2, axis=0)[::2]) for name, values in TABLE.items()}
    turned["support"] = turned["support"].astype(">i8")
    assert make_bundle(model=bundle.experts["history"], tables={"history": turned}).version == bundle.version


def test_numpy_alone_opens_the_tables(bundle, tmp_path):
    (tmp_path / "bundle.npz").write_bytes(to_bytes(bundle)[1])
    with np.load(tmp_path / "bundle.npz") as opened:
        np.testing.assert_array_equal(opened["tables/history/late"], TABLE["late"])


@pytest.mark.parametrize("change", [{"model": b"other"}, {"card": "# Other"}, {"threshold": 0.4}])
def test_other_content_has_another_version(make_bundle, change):
    assert make_bundle(**change).version != make_bundle().version


def test_a_bundle_cut_anywhere_is_refused(bundle):
    _, data = to_bytes(bundle)
    for length in range(0, len(data), 7):
        with pytest.raises(BundleError, match=r"cut\.puntual"):
            from_bytes(data[:length], "cut.puntual")
    with pytest.raises(BundleError):
        from_bytes(data[:-1], "cut.puntual")


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_nothing(bundle, place, flip):
    _, data = to_bytes(bundle)
    altered = bytearray(data)
    altered[int(place * len(data))] ^= flip
    try:
        read_back = from_bytes(bytes(altered), "altered.puntual")
    except BundleError:
        return
    assert same(read_back, bundle)


@given(data=st.binary(max_size=200))
def test_bytes_that_are_no_bundle_are_refused(data):
    with pytest.raises(BundleError, match="no bundle at all"):
        from_bytes(data, "noise")


def test_bytes_after_the_end_are_refused(bundle):
    with pytest.raises(BundleError, match="altered"):
        from_bytes(to_bytes(bundle)[1] + b"more", "longer")


@pytest.mark.parametrize("member", ["experts/history.onnx", "MODEL_CARD.md", "tables/history/late.npy"])
def test_an_altered_member_is_named(bundle, member):
    members = unpacked(to_bytes(bundle)[1])
    with pytest.raises(BundleError, match=f"holds a {member} whose digest is not the manifest's"):
        from_bytes(packed(members | {member: b"other"}), "altered")


@pytest.mark.parametrize(
    "member", ["experts/history.onnx", "MODEL_CARD.md", "tables/history/late.npy", "manifest.json"]
)
def test_a_missing_member_is_named(bundle, member):
    members = unpacked(to_bytes(bundle)[1])
    del members[member]
    with pytest.raises(BundleError, match=member):
        from_bytes(packed(members), "incomplete")


@pytest.mark.parametrize(
    "member", ["tables/history/more.npy", "tables/history.arrow", "model.pkl", "../outside", "tables/"]
)
def test_a_member_more_is_named(bundle, member):
    members = unpacked(to_bytes(bundle)[1]) | {member: b"more"}
    with pytest.raises(BundleError, match=member.replace(".", r"\.")):
        from_bytes(packed(members), "swollen")


def test_an_altered_manifest_is_refused_whatever_the_file_is_called(bundle):
    version, data = to_bytes(bundle)
    members = unpacked(data)
    raw = members["manifest.json"].replace(b'"threshold": 0.3', b'"threshold": 0.9')
    assert raw != members["manifest.json"]
    old = hashlib.sha256(members["manifest.json"]).hexdigest().encode()
    for name in ("renamed.puntual", f"{version}.puntual"):
        with pytest.raises(BundleError, match="its manifest has the digest"):
            from_bytes(packed(members | {"manifest.json": raw}, comment=old), name)


def test_a_rewritten_bundle_is_not_the_version_that_its_name_says(bundle):
    version, data = to_bytes(bundle)
    forged = with_manifest(data, threshold=0.9)
    with pytest.raises(BundleError, match=f"is named {version} and holds version"):
        from_bytes(forged, f"models/{version}.puntual")


def test_a_newer_format_names_the_version_that_reads_it(bundle):
    newer = with_manifest(to_bytes(bundle)[1], format=6, puntual="7.1.0", split="told otherwise now")
    with pytest.raises(
        BundleError, match=r"bundle format 6.*reads formats up to 5: install puntual>=7\.1\.0"
    ):
        from_bytes(newer, "tomorrow.puntual")


def test_a_format_that_names_no_mixtures_is_read_still(bundle):
    older = with_manifest(to_bytes(bundle)[1], format=4)
    assert from_bytes(older, "last-week.puntual").manifest.mixtures == {}
    with pytest.raises(BundleError, match=r"bundle format 3.*reads formats from 4 to 5: train again"):
        from_bytes(with_manifest(to_bytes(bundle)[1], format=3), "last-year.puntual")


@pytest.mark.parametrize(
    "fields", [{"late_rule": ">20"}, {"created": "yesterday"}, {"format": "one"}, {"format": 0}]
)
def test_a_manifest_that_does_not_fit_is_refused(bundle, fields):
    with pytest.raises(BundleError, match=r"odd: (unreadable manifest|bundle format 0)"):
        from_bytes(with_manifest(to_bytes(bundle)[1], **fields), "odd")


def test_fewer_columns_than_the_model_takes_are_refused(bundle):
    with pytest.raises(BundleError, match="missing columns: the manifest names 1 for a model that takes 2"):
        from_bytes(with_manifest(to_bytes(bundle)[1], columns=["month"]), "narrow")


def test_a_column_that_this_puntual_does_not_compute_is_missing(bundle):
    require_columns(bundle, ["distance", "month", "weekday"])
    with pytest.raises(BundleError, match=r"missing columns.*asks for distance.*did you mean 'distances'"):
        require_columns(bundle, ["month", "distances"])


def test_a_required_table_is_missed_on_writing_and_on_reading(bundle):
    poor = replace(
        bundle, tables={name: table for name, table in bundle.tables.items() if name != "calibration"}
    )
    with pytest.raises(BundleError, match="lacks the table calibration"):
        to_bytes(poor)
    members = unpacked(to_bytes(bundle)[1])
    del members["tables/calibration/value.npy"]
    manifest = json.loads(members["manifest.json"])
    del manifest["members"]["tables/calibration/value.npy"]
    with pytest.raises(BundleError, match="lacks the table calibration"):
        from_bytes(packed(members | {"manifest.json": json.dumps(manifest).encode()}), "poor")


def test_a_bundle_with_arrow_tables_is_too_old(bundle):
    members = unpacked(with_manifest(to_bytes(bundle)[1], format=1)) | {"tables/history.arrow": b"ARROW1"}
    with pytest.raises(BundleError, match=r"yesterday: bundle format 1, written by the older.*train again"):
        from_bytes(packed(members), "yesterday")


class Trap:
    """What runs where a pickle is read."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize(
    "content",
    [
        b"no column",
        b"",
        npy(np.array([Trap(), None, 1], object), allow_pickle=True),
        npy(np.array([True, False, True])),
        npy(np.array(["2023-01-01"] * 3, "datetime64[D]")),
        npy(np.zeros(3, [("name", "U2")])),
        npy(np.float64(3)),
        npy(np.zeros((3, 2, 2))),
        npy(np.asfortranarray(np.ones((3, 2)))),
        npy(np.arange(3.0)).replace(b"(3,)", b"(9,)"),
        npy(np.arange(3.0)).replace(b"(3,), } ", b"(-1,), }"),
        npy(np.arange(3.0)).replace(b"(3,), }         ", b"(9999999999,), }"),
        npy(np.arange(3.0)).replace(b"(3,), }                     ", b"(9999999999, 9999999999), }"),
        npy(np.arange(3.0)).replace(b"<f8", b"<f7"),
        npy(np.arange(3.0)).replace(b"<f8", b"<U0"),
        npy(np.arange(3.0)) + b"more",
        npy(np.arange(3.0))[:-1],
        npy(np.array([1, 2, 2**31], np.uint32)).replace(b"<u4", b"<U1"),
        npy(np.arange(4.0)),
    ],
)
def test_a_column_that_is_no_plain_rows_of_numbers_or_texts_is_refused(bundle, content):
    with pytest.raises(BundleError, match="odd: a table is damaged"):
        from_bytes(with_column(to_bytes(bundle)[1], "history/late", content), "odd")


def test_a_column_put_in_by_hand_is_read_where_it_is_sound(bundle):
    read_back = from_bytes(with_column(to_bytes(bundle)[1], "history/late", npy(np.arange(3.0))), "sound")
    assert read_back.tables["history"]["late"].tolist() == [0.0, 1.0, 2.0]


@given(content=st.binary(max_size=60))
def test_noise_behind_a_header_never_becomes_more_than_it_is(content):
    header = npy(np.zeros(0, np.int32))
    try:
        read_back = from_npy(header.replace(b"(0,)", b"(9,)") + content)
    except ValueError:
        return
    assert read_back.tobytes() == content and len(content) == 36


@pytest.mark.parametrize(
    "table",
    [
        {"odd": np.array([None, "JFK"])},
        {"odd": np.array([True])},
        {"one": np.arange(3), "two": np.arange(2)},
        {"Odd": np.arange(3)},
    ],
)
def test_a_table_that_could_not_be_read_back_is_not_written(make_bundle, table):
    with pytest.raises(BundleError, match=r"table history cannot be written|lower-case letters"):
        to_bytes(make_bundle(tables={"history": table}))


def test_a_bundle_that_would_unpack_to_too_much_is_refused_before_it_does(bundle, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST", 100_000)
    members = unpacked(to_bytes(bundle)[1]) | {"experts/history.onnx": bytes(100_000)}
    with pytest.raises(BundleError, match="would unpack to"):
        from_bytes(packed(members), "bomb")


def with_declared_size(data: bytes, member: str, size: int) -> bytes:
    """Have the archive's directory, and what stands before the member, say another size of it."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        actual = struct.pack("<II", file.getinfo(member).compress_size, file.getinfo(member).file_size)
    assert data.count(actual) == 2
    return data.replace(actual, actual[:4] + struct.pack("<I", size))


def test_a_member_that_lies_of_its_size_is_never_unpacked_beyond_it():
    """The manifest declares 10 bytes and would unpack to 256 MiB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", bytes(256 * 2**20))
        file.comment = b"0" * 64
    bomb = with_declared_size(buffer.getvalue(), "manifest.json", 10)
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match="bomb: truncated, altered or no bundle at all"):
            from_bytes(bomb, "bomb")
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


def test_a_directory_of_a_million_members_is_not_read(bundle):
    """Its end says that it takes 46 MB; listing that many members would take a gigabyte."""
    _, data = to_bytes(bundle)
    start = len(data) - 86
    assert data[start : start + 4] == b"PK\x05\x06"
    swollen = data[: start + 12] + struct.pack("<I", 46_000_000) + data[start + 16 :]
    with pytest.raises(BundleError, match="its directory takes more than 1,048,576 bytes"):
        from_bytes(swollen, "swollen")


def test_a_method_that_unpacks_without_bound_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("manifest.json", bytes(2**20))
        file.comment = b"0" * 64
    with pytest.raises(BundleError, match=r"'manifest\.json' is packed by method 12, not by deflate"):
        from_bytes(buffer.getvalue(), "bomb")


def test_models_show_refuses_a_bomb_in_one_line(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for member in range(5):
            file.writestr(f"tables/a{member}/b.npy", bytes(128 * 2**20))
        file.comment = b"0" * 64
    (tmp_path / "bomb.puntual").write_bytes(buffer.getvalue())
    result = CliRunner().invoke(main, ["models", "show", str(tmp_path / "bomb.puntual")])
    assert result.exit_code == 1
    assert "it would unpack to 671,088,640 bytes, more than the 536,870,912" in result.output


def test_a_number_that_json_cannot_carry_is_refused_on_writing(make_bundle):
    with pytest.raises(BundleError, match="the manifest to be written: unreadable manifest"):
        to_bytes(make_bundle(threshold=float("nan")))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"none\.puntual: no such file"):
        read(tmp_path / "none.puntual")


def test_importing_the_bundle_imports_no_model_library():
    code = "import sys, puntual.registry; print(*sys.modules)"
    read_back = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"onnxruntime", "onnx", "polars", "sklearn", "lightgbm", "xgboost", "pickle5", "joblib"} & set(
        read_back
    )


def test_a_bundle_that_was_read_keeps_its_name_without_its_content(bundle):
    version, content = to_bytes(bundle)
    read_back = from_bytes(content, f"{version}.puntual").without_content()
    assert (read_back.version, read_back.experts, dict(read_back.tables)) == (version, {}, {})
    assert read_back.manifest.columns == bundle.manifest.columns


def test_a_bundle_that_was_not_named_yet_keeps_what_its_name_follows_from(bundle):
    unnamed = replace(bundle, card="another")
    assert unnamed.without_content().version == to_bytes(unnamed)[0]
