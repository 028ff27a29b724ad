from pathlib import Path

import pytest
from pydantic import ValidationError

from conf.load import load_settings
from conf.settings import DuplicateSettings, ImageSettings, LakeSettings, PairSettings, SourceSettings, UnusableSettings


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings("local").lake.uri = "elsewhere"  # type: ignore[misc]


def test_equal_settings_have_equal_digests_and_any_other_value_another() -> None:
    assert ImageSettings().digest() == ImageSettings(quality=90).digest()
    assert ImageSettings().digest() != ImageSettings(quality=91).digest()


def test_each_section_has_a_sha256_of_its_own() -> None:
    sections = [SourceSettings(uri="a"), LakeSettings(uri="a"), ImageSettings(), DuplicateSettings(), PairSettings()]
    assert len({section.digest() for section in sections}) == len(sections)
    assert all(len(section.digest()) == 64 for section in sections)


def test_folders_are_absolute_and_urls_as_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings("local", ["lake.uri=lake/", "source.uri=../bucket", "export.uri=build/shards", "eval.sets.few=few"])
    assert settings.lake.uri == f"{tmp_path}/lake"
    assert settings.source.uri == f"{tmp_path}/../bucket"
    assert settings.export.uri == f"{tmp_path}/build/shards"
    assert settings.eval.sets == {"few": f"{tmp_path}/few"}
    for url in ("s3://bucket/lake", "dbfs:/lake", "abfss://a@b.c/lake", "file:/lake", "/lake"):
        assert LakeSettings(uri=url).uri == url


def test_ids_and_query_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="ids and query exclude each other"):
        SourceSettings(uri="a", ids="ids.txt", query="cancer")


def test_chains_may_not_be_boilerplate_before_single_images_are() -> None:
    with pytest.raises(
        ValidationError, match=r"max_articles_per_component \(49\) must not be below max_articles_per_image \(50\)"
    ):
        DuplicateSettings(max_articles_per_component=49)


@pytest.mark.parametrize(("val_fraction", "test_fraction"), [(0.5, 0.5), (0.9, 0.2), (1.0, 0.0)])
def test_splits_must_leave_something_to_train_on(val_fraction: float, test_fraction: float) -> None:
    with pytest.raises(ValidationError, match="must stay below 1"):
        PairSettings(val_fraction=val_fraction, test_fraction=test_fraction)


@pytest.mark.parametrize("fractions", [{"val_fraction": 0.95}, {"val_fraction": 1.0}, {"test_fraction": 0.95}])
def test_splits_must_leave_something_beside_a_default(fractions: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="must stay below 1"):
        PairSettings(**fractions)


@pytest.mark.parametrize(("given", "kept"), [("/data/lake/", "/data/lake"), ("s3://b/lake//", "s3://b/lake"), ("/", "/")])
def test_the_lake_needs_no_trailing_slash(given: str, kept: str) -> None:
    assert LakeSettings(uri=given).uri == kept


def test_the_endpoint_must_be_an_address() -> None:
    with pytest.raises(ValidationError, match="endpoint"):
        SourceSettings(uri="s3://b", endpoint="localhost:9000")


@pytest.mark.parametrize("memory", ["4", "4 g", "four", "4G"])
def test_memory_needs_a_unit_that_java_knows(memory: str) -> None:
    with pytest.raises(ValueError, match=r"spark\.driver_memory"):
        load_settings("local", [f"spark.driver_memory={memory}"])


def test_an_export_name_is_a_safe_folder_name() -> None:
    with pytest.raises(ValueError, match=r"export\.name"):
        load_settings("local", ["export.name=../other"])


@pytest.mark.parametrize("max_side_px", [0, 513, 1024])
def test_a_decoder_that_shrinks_leaves_no_larger_images(max_side_px: int) -> None:
    with pytest.raises(UnusableSettings, match=f"max_side_px must be 1 to 512, not {max_side_px}, with shrink_on_load"):
        load_settings("local", ["images.shrink_on_load=true", f"images.max_side_px={max_side_px}"])
    assert load_settings("local", ["images.shrink_on_load=true", "images.max_side_px=512"]).images.shrink_on_load


def test_an_evaluation_set_without_a_name_is_told_to_have_one() -> None:
    with pytest.raises(UnusableSettings, match=r"eval\.sets: .*eval\.sets\.<name>=<folder or table>"):
        load_settings("local", ["eval.sets=/data/figures"])
