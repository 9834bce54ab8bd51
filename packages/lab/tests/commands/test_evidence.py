"""`safelight evidence`: the pack, its verification, and the same by independent code."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import warnings
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from safelight.accounts.audit import CheckpointKey
from safelight.app.container import load
from safelight.cli.output import Exit
from safelight.policy.documents import load as load_policy
from safelight.store.hash_chain import ChainedFields, hash_entry
from safelight_lab.governance.evidence_pack import find_version, make_pack, sign_files, write_pack
from support.commands import Run, Say
from support.decided_videos import add_judged
from support.system_cards import SETTINGS, write_house, write_report
from support.verdicts import seen

KEY = "audit.pub.pem"
LISTED = ("README.txt", KEY, "card.json", "card.md", "coverage.json", "decisions.json", "pack.json")
LISTED += ("policy.json", "stored-coverage.json")


@pytest.fixture(autouse=True)
def few_detectors(folder: Path) -> None:
    (folder / "safelight.toml").write_text(SETTINGS)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that published `house` and made a pack about it."""
    folder = tmp_path_factory.mktemp("installation")
    (folder / "safelight.toml").write_text(SETTINGS)
    container = load(folder / "safelight.toml", data=folder / "data")
    policy = load_policy(write_house(folder), container.core.taxonomy)
    container.persistence.policies.publish(policy, published_by="Ada Chen")
    write_pack(make_pack(container, find_version(container, None)), folder / "pack.zip")
    return folder


@pytest.fixture
def packed(installation: Path, folder: Path) -> Path:
    """The pack in a folder without an installation, beside a copy of the public key."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(installation / "pack.zip", elsewhere)
    shutil.copy(installation / "data" / "keys" / KEY, elsewhere / "known.pem")
    return elsewhere / "pack.zip"


@pytest.fixture
def key(installation: Path) -> CheckpointKey:
    """The key that signed the pack, as its holder has it."""
    return CheckpointKey.load(installation / "data" / "keys")


@pytest.fixture
def auditor(packed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(packed.parent)
    return packed


def unpack(pack: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repack(pack: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(pack, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def refused(run: Run) -> str:
    found = run("evidence", "verify", "pack.zip", "--key", "known.pem", code=Exit.BLOCKED)
    assert found["ok"] is False
    return str(found["problem"])


def test_a_pack_is_verified_without_the_installation(run: Run, say: Say, auditor: Path) -> None:
    found = run("evidence", "verify", "pack.zip", "--key", "known.pem")
    assert (found["policy"], found["version"], found["published_by"]) == ("house", 1, "Ada Chen")
    assert found["key_given"] is True
    said = say("evidence", "verify", "pack.zip", "--key", "known.pem", "--lang", "zh-Hant").out
    assert "由 Ada Chen 於" in said
    assert sorted(path.name for path in auditor.parent.iterdir()) == ["known.pem", "pack.zip"]


def test_without_a_key_from_elsewhere_it_is_not_known_who_signed(say: Say, auditor: Path) -> None:
    said = say("evidence", "verify", "pack.zip", code=Exit.NOT_COVERED).out
    assert "That does not show who signed" in said


def test_the_pack_names_what_was_decided_and_by_whom(packed: Path) -> None:
    files = unpack(packed)
    decisions = json.loads(files["decisions.json"])
    assert [(one["event"], one["decided_by"]) for one in decisions["decided"]] == [
        ("policy.published", "Ada Chen")
    ]
    card = json.loads(files["card.json"])
    assert (card["edition"], card["policy"]["name"]) == ("staff", "house")
    assert json.loads(files["coverage.json"])["policy"]["sha256"] == card["policy"]["sha256"]
    assert files.keys() == {*LISTED, "SHA256SUMS", "SHA256SUMS.sig"}


def test_a_version_that_was_put_back_in_force_says_so_and_carries_its_stored_coverage(
    run: Run, folder: Path
) -> None:
    persistence = load().persistence
    first = run("policy", "publish", "starter", "--by", "Ada Chen")["published"]["id"]
    with persistence.database.transaction(persistence.tenant) as tx:
        add_judged(tx, seen("hate", 0.9))
        add_judged(tx)
    write_house(folder)
    second = run("policy", "publish", "./house.yaml", "--by", "Ada Chen")["published"]["id"]
    run("policy", "rollback", "--by", "Bo Lin")
    for name, version in (("first.zip", first), ("second.zip", second)):
        run("evidence", "pack", "--policy", version, "-o", name)
    files = unpack(folder / "first.zip")
    decided = json.loads(files["decisions.json"])["decided"]
    assert [(one["event"], one["decided_by"]) for one in decided] == [
        ("policy.published", "Ada Chen"),
        ("policy.rolled_back", "Bo Lin"),
    ]
    stored = json.loads(files["stored-coverage.json"])
    assert stored["results"] == {"prompt": 2}
    hate = [cell for cell in stored["cells"] if cell["category"] == "extremism"]
    assert [(one["results"], one["required"], one["gaps"], one["waived"]) for one in hate] == [(2, 2, 0, 0)]
    assert json.loads(unpack(folder / "second.zip")["stored-coverage.json"])["results"] == {}


def test_a_rollback_that_takes_the_version_out_of_force_is_not_told_as_one_that_puts_it_back(
    run: Run, folder: Path
) -> None:
    """The first version of a tenant: the log names it in the entry that ends it, without a hash."""
    persistence = load().persistence
    policy = load_policy(write_house(folder), load().core.taxonomy)
    version = persistence.policies.publish(policy, published_by="Ada Chen", tenant=persistence.tenant)
    assert persistence.policies.rollback(published_by="Bo Lin", tenant=persistence.tenant) is None
    run("evidence", "pack", "--policy", version.id, "-o", "pack.zip")
    files = unpack(folder / "pack.zip")
    decisions = json.loads(files["decisions.json"])
    assert [(one["event"], one["decided_by"]) for one in decisions["decided"]] == [
        ("policy.published", "Ada Chen")
    ]
    [content] = decisions["proofs"]["policy.rolled_back"]["contents"]
    assert "sha256" not in json.loads(content["content"])
    assert json.loads(files["pack.json"])["policy"]["active"] is False
    assert run("evidence", "verify", "pack.zip", code=Exit.NOT_COVERED)["ok"] is True


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "those of other tenants too"),
        ("zh-Hant", "其他租戶的紀錄也在內"),
        ("zh-Hans", "其他租户的记录也在内"),
    ],
)
def test_the_help_says_that_the_pack_shows_entries_of_other_tenants(
    say: Say, language: str, said: str
) -> None:
    shown = say("evidence", "pack", "--help", "--lang", language).out
    assert said in " ".join(shown.split()) or said in "".join(shown.split())


def test_the_pack_itself_says_whom_it_names(packed: Path) -> None:
    readme = " ".join(unpack(packed)["README.txt"].decode().split())
    assert "names people: who published, who waived what" in readme
    assert "tenant, subject, actor and event of all entries of the log" in readme
    assert "those of other tenants too" in readme


def test_independent_code_verifies_signature_hashes_policy_and_log(packed: Path) -> None:
    """As docs/system-card.md describes the format: only the standard library and `cryptography`."""
    files = unpack(packed)
    key = load_pem_public_key((packed.parent / "known.pem").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    key.verify(files["SHA256SUMS.sig"], files["SHA256SUMS"])
    listed = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert listed == {
        name: hashlib.sha256(data).hexdigest()
        for name, data in files.items()
        if not name.startswith("SHA256SUMS")
    }

    proof = json.loads(files["decisions.json"])["proofs"]["policy.published"]
    [content] = proof["contents"]
    logged = json.loads(content["content"])
    assert listed["policy.json"] == logged["sha256"]
    names = ("previous", "seq", "at", "tenant_id", "event", "subject", "actor", "commitment")
    previous = proof["entries"][0]["previous"]
    for entry in proof["entries"]:
        assert entry["previous"] == previous
        fields = [repr(float(entry[name])) if name == "at" else entry[name] for name in names]
        previous = hashlib.sha256(canonical(fields)).hexdigest()
    [published] = [entry for entry in proof["entries"] if entry["seq"] == content["seq"]]
    assert (published["event"], logged["published_by"]) == ("policy.published", "Ada Chen")
    salted = bytes.fromhex(content["salt"]) + content["content"].encode()
    assert hashlib.sha256(salted).hexdigest() == published["commitment"]

    checkpoint = proof["checkpoint"]
    assert (checkpoint["seq"], checkpoint["hash"]) == (proof["entries"][-1]["seq"], previous)
    signed = ["safelight audit checkpoint 1", checkpoint["seq"], checkpoint["hash"]]
    signed += [repr(float(checkpoint["at"])), checkpoint["key"]]
    key.verify(bytes.fromhex(checkpoint["signature"]), canonical(signed))
    assert checkpoint["key"] == hashlib.sha256(key.public_bytes_raw()).hexdigest()

    with pytest.raises(InvalidSignature):
        key.verify(files["SHA256SUMS.sig"], files["SHA256SUMS"] + b"x")


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def test_standard_tools_verify_the_pack(packed: Path) -> None:
    if not (shutil.which("openssl") and shutil.which("sha256sum")):
        pytest.skip("openssl and sha256sum")
    folder = packed.parent / "unpacked"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    commands = [
        line.split() for line in (folder / "README.txt").read_text().splitlines() if line.startswith("    ")
    ]
    assert [command[0] for command in commands] == ["sha256sum", "openssl"]
    for command in commands:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "policy.json").write_text("{}")
    assert subprocess.run(commands[0], cwd=folder, capture_output=True, check=False).returncode


@pytest.mark.parametrize("name", LISTED)
def test_a_changed_file_is_named(run: Run, auditor: Path, name: str) -> None:
    files = unpack(auditor)
    repack(auditor, {**files, name: files[name] + b" "})
    assert refused(run) == f"{name} was changed after the pack was signed."


@pytest.mark.parametrize("name", ["SHA256SUMS", "SHA256SUMS.sig"])
def test_changed_hashes_or_a_changed_signature_are_refused(run: Run, auditor: Path, name: str) -> None:
    files = unpack(auditor)
    repack(auditor, {**files, name: files[name] + b" "})
    assert refused(run) == "The signature of SHA256SUMS is not by the given key."


@pytest.mark.parametrize(
    "name", ["SHA256SUMS.sig", "SHA256SUMS", "pack.json", "policy.json", "decisions.json"]
)
def test_a_missing_part_is_named(run: Run, say: Say, auditor: Path, name: str) -> None:
    files = unpack(auditor)
    del files[name]
    repack(auditor, files)
    assert refused(run) == f"The pack has no {name}."
    said = say("evidence", "verify", "pack.zip", "--lang", "zh-Hans", code=Exit.BLOCKED).out
    assert said == f"证据包无效。\n  证据包没有 {name}。\n"


def test_a_missing_listed_file_and_an_unlisted_one_are_named(run: Run, auditor: Path) -> None:
    files = unpack(auditor)
    repack(auditor, {**files, "more.txt": b"x"})
    assert refused(run) == "more.txt is in the pack, but not in SHA256SUMS."
    repack(auditor, {name: data for name, data in files.items() if name != "card.md"})
    assert refused(run) == "card.md is missing from the pack."


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_pack_that_is_cut_off_is_refused(run: Run, auditor: Path, share: float) -> None:
    data = auditor.read_bytes()
    auditor.write_bytes(data[: int(len(data) * share)])
    assert refused(run) == "The pack is no zip file, or it is cut off or damaged."


def test_a_pack_with_a_damaged_file_is_refused(run: Run, auditor: Path) -> None:
    data = bytearray(auditor.read_bytes())
    data[len(data) // 3] ^= 0xFF
    auditor.write_bytes(bytes(data))
    refused(run)


def test_a_pack_with_a_name_that_is_no_text_or_a_damaged_stream_of_another_kind_is_refused(
    run: Run, auditor: Path
) -> None:
    with zipfile.ZipFile(auditor, "w") as archive:
        archive.writestr("pack.json\u00e9", "x")
    auditor.write_bytes(auditor.read_bytes().replace("\u00e9".encode(), b"\xff\xfe"))
    assert refused(run) == "The pack is no zip file, or it is cut off or damaged."
    with zipfile.ZipFile(auditor, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("pack.json", "x" * 500)
    name, data = b"pack.json", auditor.read_bytes()
    start = data.index(name) + len(name) + 4
    auditor.write_bytes(data[:start] + b"\xff" * 5 + data[start + 5 :])
    assert refused(run) == "The pack is no zip file, or it is cut off or damaged."


@pytest.mark.parametrize("name", ["../policy.json", "/policy.json", "a/policy.json", "a\\b", "..", "x" * 65])
def test_an_odd_path_is_refused(run: Run, auditor: Path, name: str) -> None:
    repack(auditor, {**unpack(auditor), name: b"x"})
    assert refused(run).endswith("is no plain file at the top of the pack.")
    assert not (auditor.parent.parent / "policy.json").exists()


def test_a_link_a_second_file_of_a_name_and_a_bomb_are_refused(run: Run, auditor: Path) -> None:
    files = unpack(auditor)
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(auditor, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refused(run) == "'link' is no plain file at the top of the pack."
    repack(auditor, files)
    with warnings.catch_warnings(), zipfile.ZipFile(auditor, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("policy.json", "{}")
    assert refused(run) == "policy.json is in the pack twice."
    with zipfile.ZipFile(auditor, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("policy.json", bytes(49 << 20))
    assert refused(run) == "The pack has more than 32 files or 48 MiB."


def test_another_key_and_a_file_that_is_no_key_are_refused(run: Run, say: Say, auditor: Path) -> None:
    other = CheckpointKey.load(auditor.parent)
    (auditor.parent / "known.pem").write_bytes(other.public_pem)
    assert refused(run) == "The signature of SHA256SUMS is not by the given key."
    (auditor.parent / "known.pem").write_text("no key")
    assert (
        "is not an Ed25519 key"
        in say("evidence", "verify", "pack.zip", "--key", "known.pem", code=range(1, 10)).err
    )


def test_a_pack_that_somebody_else_signed_is_refused(run: Run, auditor: Path) -> None:
    """Even where the forger exchanged the key in the pack and nobody gave another: the log is not theirs."""
    forger = CheckpointKey.load(auditor.parent)
    files = {**unpack(auditor), KEY: forger.public_pem}
    about = json.loads(files["pack.json"])
    files["pack.json"] = json.dumps({**about, "key": forger.fingerprint}).encode()
    repack(auditor, sign_files({name: files[name] for name in LISTED}, forger))
    assert refused(run) == "The signature of SHA256SUMS is not by the given key."
    found = run("evidence", "verify", "pack.zip", code=Exit.BLOCKED)
    assert found["problem"].startswith("The proof in decisions.json does not show")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("policy.json", b"{}", "policy.json is not the policy that the audit log has."),
        ("pack.json", b"[]", "pack.json or what it names is not as a pack has it"),
        ("decisions.json", b"{}", "decisions.json or what it names is not as a pack has it"),
        ("decisions.json", b"\xff", "decisions.json or what it names is not as a pack has it"),
        ("decisions.json", b'{"proofs": ' + b"[" * 100_000, "decisions.json or what it names is not"),
        ("pack.json", b'{"policy": ' + b"[" * 100_000, "pack.json or what it names is not"),
        ("pack.json", b'{"other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "pack.json or what it names"),
    ],
)
def test_a_policy_that_the_log_does_not_have_is_refused_even_if_it_is_signed(
    run: Run, auditor: Path, key: CheckpointKey, name: str, content: bytes, said: str
) -> None:
    files = {one: data for one, data in unpack(auditor).items() if one in LISTED}
    repack(auditor, sign_files({**files, name: content}, key))
    assert refused(run).startswith(said)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("published_at", "x"),
        ("published_at", 1e300),
        ("published_at", -1e12),
        ("published_at", None),
        ("id", 1),
        ("tenant", []),
        ("sha256", {}),
    ],
)
def test_a_part_of_the_publication_that_has_another_type_is_named_and_refused(
    run: Run, say: Say, auditor: Path, key: CheckpointKey, part: str, value: Any
) -> None:
    """Without a key, too: then anybody can sign."""
    files = {one: data for one, data in unpack(auditor).items() if one in LISTED}
    about = json.loads(files["pack.json"])
    about["policy"][part] = value
    repack(auditor, sign_files({**files, "pack.json": json.dumps(about).encode()}, key))
    assert f"$.policy.{part}" in refused(run)
    said = say("evidence", "verify", "pack.zip", code=Exit.BLOCKED).out
    assert said.startswith("The pack is not valid.\n  pack.json")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("name", 1),
        ("name", ["house"]),
        ("published_by", {}),
        ("version", "1"),
        ("version", 10**400),
        ("sha256", None),
        ("other", json.loads("[" * 900 + "]" * 900)),
    ],
)
def test_a_logged_content_that_has_another_type_is_refused(
    run: Run, auditor: Path, key: CheckpointKey, part: str, value: Any
) -> None:
    """A chain, a checkpoint and a signature that are valid: the log itself was written by the forger."""
    files = {one: data for one, data in unpack(auditor).items() if one in LISTED}
    logged = json.loads(
        json.loads(files["decisions.json"])["proofs"]["policy.published"]["contents"][0]["content"]
    )
    content = json.dumps({**logged, part: value})
    if part == "other":
        content = content.replace("[" * 900, "[" * 100_000)
    repack(auditor, sign_files({**files, "decisions.json": log(files, key, content)}, key))
    assert refused(run).startswith("decisions.json or what it names is not as a pack has it")


def log(files: dict[str, bytes], key: CheckpointKey, content: str) -> bytes:
    """The decisions of the pack with another content of the publication, proved by a log of this key."""
    decisions = json.loads(files["decisions.json"])
    proof = decisions["proofs"]["policy.published"]
    [one] = proof["contents"]
    [entry] = [entry for entry in proof["entries"] if entry["seq"] == one["seq"]]
    one["content"] = content
    entry["commitment"] = hashlib.sha256(bytes.fromhex(one["salt"]) + content.encode()).hexdigest()
    own = ChainedFields(**{**entry, "previous": "0" * 64})
    proof["entries"] = [asdict(own)]
    at = proof["checkpoint"]["at"]
    proof["checkpoint"] = msgspec.to_builtins(key.sign(seq=own.seq, hash=hash_entry(own), at=at))
    return json.dumps(decisions).encode()


@pytest.mark.parametrize("pem", [b"no key", b"\xff", b"OTHER_KIND"])
def test_a_key_in_the_pack_that_is_none_is_refused(run: Run, auditor: Path, pem: bytes) -> None:
    if pem == b"OTHER_KIND":
        pem = (
            ec.generate_private_key(ec.SECP256R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
    repack(auditor, {**unpack(auditor), KEY: pem})
    assert KEY in run("evidence", "verify", "pack.zip", code=Exit.BLOCKED)["problem"]


def test_another_format_and_a_wrong_line_of_hashes_are_refused(
    run: Run, auditor: Path, key: CheckpointKey
) -> None:
    files = {one: data for one, data in unpack(auditor).items() if one in LISTED}
    about = json.dumps({**json.loads(files["pack.json"]), "format": "other 2"}).encode()
    repack(auditor, sign_files({**files, "pack.json": about}, key))
    assert refused(run).startswith("The pack has the format 'other 2'")
    sums = b"MD5 (policy.json) = 0\n"
    repack(auditor, {**files, "SHA256SUMS": sums, "SHA256SUMS.sig": key.sign_bytes(sums)})
    assert refused(run).startswith("SHA256SUMS has a line that is no hash of a file")


def test_a_pack_is_only_made_of_a_published_version_and_never_written_over(
    run: Run, say: Say, folder: Path
) -> None:
    assert "nobody published it" in say("evidence", "pack", "-o", "pack.zip", code=Exit.ERROR).err
    given = ("evidence", "pack", "-o", "pack.zip")
    assert "No published policy" in say(*given, "--policy", "policy_1", code=Exit.ERROR).err
    sha256 = run("policy", "publish", "starter", "--by", "Ada Chen")["published"]["sha256"]
    assert "cannot be written" in say(*given[:2], "-o", "none/pack.zip", code=Exit.ERROR).err
    assert "none.zip does not exist" in say("evidence", "verify", "none.zip", code=Exit.ERROR).err
    other = write_report(folder, "0" * 64)
    assert "is about another policy" in say(*given, "--evaluation", other, code=Exit.ERROR).err
    assert not (folder / "pack.zip").exists()
    run(*given, "--evaluation", write_report(folder, sha256))
    assert unpack(folder / "pack.zip")["evaluation.json"] == (folder / "report.json").read_bytes()
    before = (folder / "pack.zip").read_bytes()
    assert "exists already" in say(*given, code=Exit.ERROR).err
    assert (folder / "pack.zip").read_bytes() == before


def test_a_publication_whose_content_was_erased_has_no_pack(run: Run, say: Say, folder: Path) -> None:
    from safelight.accounts.audit import erase_contents, read_entries

    run("policy", "publish", "starter", "--by", "Ada Chen")
    database = load().persistence.database
    [entry] = read_entries(database, event="policy.published")
    with database.across_tenants("erasing a test's entry") as tx:
        erase_contents(tx, [entry.seq], actor="ada", reason="a test")
    said = say("evidence", "pack", "-o", "pack.zip", code=Exit.ERROR).err
    assert "cannot prove this publication: its content was erased" in said
    assert not (folder / "pack.zip").exists()
