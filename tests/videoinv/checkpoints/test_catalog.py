import re
from importlib.resources import files

import pytest

from videoinv.checkpoints.catalog import load_catalog
from videoinv.checkpoints.sources import DriveSource, PackageSource
from videoinv.errors import BadInputError


def test_every_file_states_origin_terms_and_what_it_is():
    for entry in load_catalog().values():
        assert entry.role, entry.name
        assert entry.terms, entry.name
        assert entry.description, entry.name
        assert entry.source.filename, entry.name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)


def test_package_members_and_their_archives_have_digests():
    for entry in load_catalog().values():
        if isinstance(entry.source, PackageSource):
            assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256 or ""), entry.name
            assert re.fullmatch(r"[0-9a-f]{64}", entry.source.package.sha256), entry.name
            assert entry.bytes, entry.name


def test_no_two_files_share_a_name_in_the_cache_or_a_drive_id():
    entries = list(load_catalog().values())
    names = [entry.cache_name for entry in entries]
    ids = [entry.source.id for entry in entries if isinstance(entry.source, DriveSource)]
    assert len(set(names)) == len(names)
    assert len(set(ids)) == len(ids)


def test_upstream_terms_are_said():
    catalog = load_catalog()
    for name in ("mobilestylegan-synthesis-bin", "landmarks-68", "e4e-ffhq-encode"):
        assert "non-commercial" in catalog[name].terms
    assert "no licence" in catalog["e2style-inversion"].terms


def test_the_catalog_names_no_package_host():
    text = files("videoinv.checkpoints").joinpath("catalog.toml").read_text()
    assert not re.search(r"py[p]i\.org|python[h]osted|npm[j]s", text)


def test_the_default_group_expands_to_its_files_once():
    catalog = load_catalog()
    names = [entry.name for entry in catalog.expand(["yunet", "default", "yunet"])]
    assert names[0] == "yunet"
    assert len(set(names)) == len(names)
    assert set(names) == set(catalog.groups["default"])


def test_groups_name_existing_files():
    catalog = load_catalog()
    for members in catalog.groups.values():
        assert all(member in catalog for member in members)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(BadInputError, match=r"'lpips-alex'.*lpips-alexnet"):
        load_catalog()["lpips-alex"]
